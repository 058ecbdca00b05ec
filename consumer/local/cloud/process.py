"""Starts and stops the embedded cloud, for the demo and the tests."""

import json
import os
import selectors
import subprocess
import sys
import time
import urllib.request
from types import TracebackType
from typing import Any, Self

import orjson

START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 5.0


class CloudError(Exception):
    """The embedded cloud did not start."""


class Cloud:
    """A running embedded cloud; a context manager.

    The process ends with `close`, and by itself when this process dies.

    :param region: the AWS region it stands for.
    :param shard_limits: whether shards refuse more than 1,000 records or 1 MiB a second, as AWS does.
    :param port: to listen on, on loopback; 0 takes a free one.
    :raises CloudError: it ended or did not listen in time.
    """

    def __init__(self, region: str = "us-east-1", *, shard_limits: bool = False, port: int = 0) -> None:
        self.region = region
        command = [sys.executable, "-m", "consumer.local.cloud", "--region", region, "--port", str(port)]
        if shard_limits:
            command.append("--shard-limits")
        # The user's AWS settings have no business here, and moto's variables would change its behaviour.
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "MOTO_"))}
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        try:
            self.endpoint = f"http://127.0.0.1:{self._wait_for_port()}"
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def environment(self) -> dict[str, str]:
        """Return the variables with which AWS SDKs find this cloud.

        The credentials are made up: nobody checks them. `no_proxy` keeps a proxy out of the way to loopback.
        """
        others = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
        return {
            "AWS_ENDPOINT_URL_KINESIS": self.endpoint,
            "AWS_ENDPOINT_URL_DYNAMODB": self.endpoint,
            "AWS_ENDPOINT_URL_CLOUDWATCH": self.endpoint,
            "AWS_ENDPOINT_URL_GLUE": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_EC2_METADATA_DISABLED": "true",
            "no_proxy": f"{others},127.0.0.1" if others and "127.0.0.1" not in others else others or "127.0.0.1",
        }

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return all items of a table in DynamoDB's wire form, by the cloud's own door; moto's Scan is too slow.

        :raises OSError: there is no such table, or the cloud does not answer.
        """
        items: list[dict[str, Any]] = self._read(f"/_cloud/table/{name}")
        return items

    def durable_times(self) -> dict[str, float]:
        """Return when each document became durable, in epoch ms; see `DurableTimes`."""
        times: dict[str, float] = self._read("/_cloud/durable")
        return times

    def _read(self, path: str) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy
        with opener.open(f"{self.endpoint}{path}", timeout=60) as answer:
            return orjson.loads(answer.read())

    def close(self) -> None:
        """End the process and wait for it. May be called twice."""
        process = self._process
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _wait_for_port(self) -> int:
        stdout = self._process.stdout
        if stdout is None:
            raise AssertionError
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(deadline - time.monotonic()):
                    msg = f"The embedded cloud did not listen within {START_TIMEOUT_SECONDS:.0f} seconds."
                    raise CloudError(msg)
                chunk = os.read(stdout.fileno(), 4096)
                if not chunk:
                    status = self._process.wait()
                    msg = f"The embedded cloud ended at its start with status {status}; stderr says why."
                    raise CloudError(msg)
                line += chunk
        return int(json.loads(line)["port"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
