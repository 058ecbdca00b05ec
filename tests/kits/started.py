"""The command in a process of its own, as a person or a container starts it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

SECONDS: Final = 60.0


class Started:
    """A command of its own process, whose temporary files lie in a folder of their own."""

    def __init__(self, folder: Path, *arguments: str, umask: int = -1, **environment: str) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "consumer.cli", *arguments],
                stdout=log,
                stderr=log,
                env=os.environ | {"TMPDIR": str(self.temporary)} | environment,
                umask=umask,
            )

    def wait_until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return the whole lines of its log that tell of an event."""
        lines = [line for line in self.log.read_text().splitlines(keepends=True) if line.endswith("}\n")]
        return [said for said in map(json.loads, lines) if said["event"] == event]

    def catches(self, number: signal.Signals) -> bool:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        (mask,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
        return bool(int(mask, 16) >> (number - 1) & 1)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(SECONDS)
        finally:
            self.process.kill()

    @property
    def left(self) -> list[str]:
        return sorted(each.name for each in self.temporary.iterdir())
