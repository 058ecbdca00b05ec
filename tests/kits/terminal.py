"""Runs a program as a person does: with a terminal of some size before it."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Shown(NamedTuple):
    """What a program wrote on its terminal, as it came, and its exit status."""

    text: str
    status: int

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.text.splitlines()]


def at_terminal(
    command: Sequence[str | Path],
    *,
    columns: int = 80,
    until: Callable[[str], bool] | None = None,
    seconds: float = 60,
    environment: Mapping[str, str] | None = None,
) -> Shown:
    """Run a command until it ends.

    :param until: Ctrl-C is typed once it is true of what was written.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    given = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR", "CI"}}
    given |= {"TERM": "xterm-256color"} | dict(environment or {})
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=given, cwd=ROOT, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - so that Ctrl-C is a signal
    )  # fmt: skip
    os.close(theirs)
    written = b""
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            ready, _, _ = select.select([ours], [], [], 0.1)
            if ready:
                try:
                    chunk = os.read(ours, 1 << 16)
                except OSError:  # EIO: nobody has it open any more
                    break
                if not chunk:
                    break
                written += chunk
            if until and until(written.decode(errors="replace")):
                until = None
                os.write(ours, b"\x03")
        status = process.wait(max(1.0, deadline - time.monotonic()))
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return Shown(written.decode(), status)


def sanitizer(*words: str) -> list[str]:
    """Return how the command is called by a test."""
    return [sys.executable, "-m", "consumer.cli", *words]
