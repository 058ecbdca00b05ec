"""A null service as a process of its own, so that its CPU time is told apart; asked and told things over its pipes.

It listens on a free loopback port, answers each command line on stdin with a line of JSON on stdout, and ends when its
stdin is closed: with `Service.close`, and when the process that started it dies.
"""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, Self

Commands = Mapping[str, Callable[[], Any]]


class Service:
    """A running null service; a context manager.

    :param module: run with ``python -m``.
    :raises RuntimeError: it ended instead of listening.
    """

    def __init__(self, module: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            self.port = int(self._line()["port"])
        except BaseException:
            self.close()
            raise
        self.endpoint = f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, command: str) -> Any:
        """Return the answer to a command.

        :raises RuntimeError: the service has ended.
        """
        assert self._process.stdin is not None  # noqa: S101
        try:
            self._process.stdin.write(command.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError("a null service has ended; stderr says why") from None
        return self._line()

    def close(self) -> None:
        """End it. May be called twice."""
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()

    def _line(self) -> Any:
        assert self._process.stdout is not None  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a null service has ended; stderr says why")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def cpu_seconds() -> float:
    """CPU time of this process, in core-seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(protocol: Callable[[], asyncio.Protocol], commands: Commands) -> None:
    """Serve until stdin ends. The body of a service's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; who started us decides
    asyncio.run(_serve(protocol, commands))


async def _serve(protocol: Callable[[], asyncio.Protocol], commands: Commands) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    pending = bytearray()

    def on_command() -> None:
        chunk = os.read(0, 65536)
        if not chunk:
            loop.remove_reader(0)
            ended.set()
        pending.extend(chunk)
        while b"\n" in pending:
            line, _, rest = bytes(pending).partition(b"\n")
            pending[:] = rest
            _say(commands[line.decode()]())

    server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=512)
    loop.add_reader(0, on_command)
    _say({"port": server.sockets[0].getsockname()[1]})
    await ended.wait()
    os._exit(0)  # everything is in memory: there is nothing to finish


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
