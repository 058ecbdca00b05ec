"""A daemon of the tests' own: starts the shim as the JVM would, speaks the protocol, answers checkpoints."""

import base64
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from consumer.kcl.jvm.whole_records import WHOLE
from consumer.worker import shim
from consumer.worker.daemon_runner import DAEMON_VARIABLE

CARD = "4532-1234-5678-9012"
SSN = "123-45-6789"
SECONDS = 15.0
Checkpoint = tuple[str | None, int | None]


class Child:
    """One shard's child process, seen from the daemon.

    :param daemon: the daemon's number.
    """

    def __init__(self, folder: Path, shard: str, daemon: int = 1) -> None:
        self.shard = shard
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-E", shim.__file__, str(folder), "1"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {DAEMON_VARIABLE: str(daemon)},
        )
        self.raw: list[bytes] = []
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.raw.append(line)
            if line.strip():  # kclpy begins each answer with a line break
                self._lines.put(line)
        self._lines.put(b"")

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, action: str, **message: Any) -> None:
        self.write(json.dumps({"action": action, **message}, separators=(",", ":")).encode() + b"\n")

    def receive(self) -> dict[str, Any] | None:
        """Return the next answer; None if the pipe was closed."""
        line = self._lines.get(timeout=SECONDS)
        return dict(json.loads(line)) if line else None

    def say(self, action: str, *errors: str, **message: Any) -> list[Checkpoint]:
        """Send a message, answer its checkpoints, the first of them with `errors`; return them at its status."""
        self.send(action, **message)
        return self.settle(action, *errors)

    def settle(self, action: str, *errors: str) -> list[Checkpoint]:
        """As `say`, for a message that was sent."""
        checkpoints: list[Checkpoint] = []
        while True:
            answer = self.receive()
            assert answer is not None, f"the child hung up after {checkpoints}"
            if answer["action"] == "status":
                assert answer == {"action": "status", "responseFor": action}
                return checkpoints
            assert answer.keys() == {"action", "sequenceNumber", "subSequenceNumber"}
            assert answer["action"] == "checkpoint"
            checkpoints.append((answer["sequenceNumber"], answer["subSequenceNumber"]))
            self.send(**(answer | {"error": errors[len(checkpoints) - 1] if len(checkpoints) <= len(errors) else None}))

    def initialize(self) -> "Child":
        assert self.say("initialize", shardId=self.shard, sequenceNumber="TRIM_HORIZON", subSequenceNumber=0) == []
        return self

    def process_records(self, *records: dict[str, Any], errors: tuple[str, ...] = ()) -> list[Checkpoint]:
        return self.say("processRecords", *errors, records=records, millisBehindLatest=0)

    def hang_up(self) -> int:
        """Close stdin as the JVM does; the child ends and closes its side. Return its exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.receive() is None
        return self.process.wait(SECONDS)

    def close(self) -> str:
        """End whatever is left; return all that it wrote."""
        self.process.kill()
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        errors = self.process.stderr.read()
        self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.stderr.close()
        return (b"".join(self.raw) + errors).decode()


def record(sequence: int, data: bytes | None = None, **fields: Any) -> dict[str, Any]:
    """A record as the JVM writes it, with a card number that must not get out."""
    document = {
        "user_id": f"user-{sequence}-0",
        "credit_card": CARD,
        "ssn": SSN,
        "timestamp": "2024-03-15T10:30:00Z",
        **fields,
    }
    return {
        "action": "record",
        "data": base64.b64encode(json.dumps(document).encode() if data is None else data).decode(),
        "partitionKey": CARD,
        "approximateArrivalTimestamp": 1_710_498_600_000,
        "sequenceNumber": str(sequence),
        "subSequenceNumber": WHOLE,
    }
