"""kinesis-local, an emulator of Kinesis that knows SubscribeToShard: fetched from npm, and run by node on loopback.

It takes 400 to 700 records a second, and pushes about once a second: it is for correctness, not for figures.
"""

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

from consumer.local.local_process import LocalProcess
from tests.lab.watched import wait_for

PACKAGE = "kinesis-local@0.6.2"
SHA512 = "mFlmksPMQP/A3nT22N2E8WzUbJcbEdxkCnhNCx2lHj20CW4vzuVH8zn5ByRg5LS5es8tvnx2mY1DpbZ5kw9PPQ=="
"""Of the package's tarball, in base64, as npm writes it."""

# What AWS takes seconds for; the default here is half a second each.
_DURATIONS = ("CREATE_STREAM", "REGISTER_STREAM_CONSUMER", "SPLIT_SHARD", "MERGE_SHARDS")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy


class NotAvailableError(Exception):
    """There is no node or npm, or the package cannot be fetched."""


def fetch(folder: Path) -> Path:
    """Fetch the package into `folder`; it has no dependencies and no install script. Return where its files are.

    :raises NotAvailableError: it is not to be had here.
    :raises ValueError: what came is not what was pinned.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        msg = "kinesis-local needs node and npm"
        raise NotAvailableError(msg)
    command = [npm, "pack", PACKAGE, "--pack-destination", str(folder), "--silent"]
    try:
        subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=60)
    except (subprocess.SubprocessError, OSError) as error:
        msg = f"{PACKAGE} cannot be fetched ({type(error).__name__})"
        raise NotAvailableError(msg) from None
    tarball = folder / f"{PACKAGE.replace('@', '-')}.tgz"
    if base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode() != SHA512:
        msg = f"{PACKAGE} is not the package that was pinned"
        raise ValueError(msg)
    with tarfile.open(tarball) as packed:
        packed.extractall(folder, filter="data")
    return folder / "package"


class KinesisLocal:
    """The emulator, running; a context manager.

    :param package: see `fetch`.
    :param log: file to which its log is appended.
    :ivar endpoint: where it takes HTTP/1.1 and HTTP/2 in clear.
    """

    def __init__(self, package: Path, log: Path, region: str) -> None:
        plain, encrypted = _free_ports()
        self.endpoint = f"http://127.0.0.1:{plain}"
        variables = {
            "AWS_REGION": region,
            "KINESIS_MOCK_PLAIN_PORT": str(plain),
            "KINESIS_MOCK_TLS_PORT": str(encrypted),
            "KINESIS_MOCK_CERT_PATH": str(package / "server.json"),
        } | {f"{name}_DURATION": "100ms" for name in _DURATIONS}
        node = shutil.which("node")
        assert node is not None  # `fetch` has looked
        self._process = LocalProcess([node, str(package / "main.js")], log, dict(os.environ) | variables)

    def __enter__(self) -> Self:
        try:
            wait_for(self._answers, "kinesis-local answers", 30)
        except BaseException:
            self._process.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    def _answers(self) -> bool:
        assert self._process.exit_status is None, self._process.tail()
        try:
            with _DIRECT.open(f"{self.endpoint}/healthcheck", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1]), int(other.getsockname()[1])
