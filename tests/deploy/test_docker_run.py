"""The page's `docker run`, taken from there and run with crun, with a profile that leads to the embedded cloud."""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from consumer import aws
from consumer.kinesis.producer import Producer, Put
from consumer.local.cloud.process import Cloud
from consumer.local.transactions import CANONICAL, CANONICAL_USER
from tests.deploy.container import PORT, Container, Image, is_ready, private_loopback, wait
from tests.deploy.dockerfile import ROOT

pytestmark = [pytest.mark.image, pytest.mark.timeout(1500)]

SECTION: Final = r"^### With docker run.*?(?=^#|\Z)"
USER: Final = 1234
# What Docker gives a file system in memory, where nothing else is said.
DEFAULTS: Final = ("nosuid", "nodev", "noexec", "mode=1777")


def commands(tmp_path: Path) -> list[argparse.Namespace]:
    """Run the page's lines by a shell, with a docker that only writes down how it was called."""
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    (section,) = re.findall(SECTION, page, flags=re.MULTILINE | re.DOTALL)
    script = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    programs = {
        "docker": f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n",
        "id": f"#!/bin/sh\necho {USER}\n",
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(["sh", "-euc", script], check=True, capture_output=True, text=True, env=environment)
    return [parsed(json.loads(line)) for line in done.stdout.splitlines()]


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="docker", exit_on_error=False, allow_abbrev=False)
    parser.add_argument("verb", choices=["run"])
    for option in ("--rm", "--interactive", "--read-only"):
        parser.add_argument(option, action="store_true")
    for option in ("--cap-drop", "--security-opt", "--user"):
        parser.add_argument(option)
    for option in ("--tmpfs", "--volume", "--env", "--publish"):
        parser.add_argument(option, action="append", default=[])
    parser.add_argument("image")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args(words)


def options_of(tmpfs: str) -> tuple[str, list[str]]:
    path, _, said = tmpfs.partition(":")
    options = said.split(",") if said else []
    replaced = {"noexec"} if "exec" in options else set()
    replaced |= {"mode=1777"} if "mode=" in said else set()
    return path, [*(one for one in DEFAULTS if one not in replaced), *(one for one in options if one != "exec")]


@contextmanager
def running(image: Image, folder: Path, asked: argparse.Namespace, cloud: dict[str, str]) -> Iterator[Container]:
    """Run what docker was asked to run; rights, the read-only root and the network are `Container`'s own."""
    assert (asked.read_only, asked.cap_drop, asked.security_opt) == (True, "ALL", "no-new-privileges")
    folder.mkdir()
    mounts = {}
    for volume in asked.volume:
        source, there, mode = volume.split(":")
        assert mode == "ro"
        mounts[there] = Path(source)
    environment = cloud | dict(each.split("=", 1) for each in asked.env)
    with Container(
        image,
        folder,
        environment,
        asked.command,
        user=asked.user,
        tmpfs=dict(map(options_of, asked.tmpfs)),
        mounts=mounts,
    ) as container:
        yield container


def profile(home: Path, endpoint: str) -> None:
    """Write a profile that only its owner can read, and that leads to the embedded cloud."""
    folder = home / ".aws"
    folder.mkdir()
    (folder / "config").write_text(f"[profile dev]\nendpoint_url = {endpoint}\n", encoding="utf-8")
    keys = "[dev]\naws_access_key_id = local\naws_secret_access_key = local\n"
    (folder / "credentials").write_text(keys, encoding="utf-8")
    for path in (folder, *folder.iterdir()):
        os.chown(path, USER, USER)
        path.chmod(0o700 if path.is_dir() else 0o600)


def said(image: Image, folder: Path, asked: argparse.Namespace, cloud: dict[str, str]) -> str:
    """Run a command to its end; return what it says."""
    with running(image, folder, asked, cloud) as container:
        status = container.wait(120)
    text = container.log.read_text(encoding="utf-8")
    assert status == 0, text
    return text


def test_the_pages_lines_run_worker_and_commands_with_a_profile(image: Image, tmp_path: Path) -> None:
    create, run, status, get = commands(tmp_path)
    assert run.publish == [f"127.0.0.1:{PORT}:{PORT}"]
    names = dict(each.split("=", 1) for each in run.env)
    with pytest.MonkeyPatch.context() as patch, private_loopback(), Cloud() as cloud:
        profile(tmp_path, cloud.endpoint)
        ours = cloud.environment()
        others = {name: value for name, value in ours.items() if not name.startswith("AWS_")}
        for name, value in (ours | {"AWS_REGION": names["AWS_REGION"]}).items():
            patch.setenv(name, value)
        stream = names["SANITIZER_STREAM__NAME"]
        aws.client("kinesis").create_stream(StreamName=stream, ShardCount=1)
        said(image, tmp_path / "create", create, others)
        with running(image, tmp_path / "run", run, others) as worker:
            wait(is_ready, worker)
            Producer(stream).put([Put(CANONICAL, CANONICAL_USER)])
            wait(lambda: bool(cloud.durable_times()), worker)
            assert json.loads(said(image, tmp_path / "get", get, others))["credit_card"] == "****-****-****-9012"
            assert "shardId-000000000000" in said(image, tmp_path / "status", status, others)
            assert worker.stop(120)[0] == 0
