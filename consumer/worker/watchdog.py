"""Notices shards that are stuck: a redactor that hangs, or a thread that gives no sign of life.

It looks from outside, since a redactor may hang with the interpreter in its hand: no thread of its process could help.
"""

import time
from pathlib import Path
from typing import Final, NamedTuple

from consumer.periodic import Periodic
from consumer.pipeline.crash_journal import JournalReading, Stage, sights
from consumer.worker.events import Post, ShardStuck
from consumer.worker.runtime_folder import STACKS

POLL_SECONDS: Final = 0.5
_STACKS_SECONDS: Final = 2.0
_STACKS_CHARS: Final = 20_000


class _Still(NamedTuple):
    sight: JournalReading
    seconds: float


class Watchdog:
    """Watches all shards of a worker. Posts `ShardStuck`, again and again while it is so.

    :param redaction_seconds: what a redactor may take.
    :param stuck_seconds: for how long anything else may show no sign of life.
    """

    def __init__(self, journal: Path, redaction_seconds: float, stuck_seconds: float, post: Post) -> None:
        self._journal = journal
        self._limits = {
            Stage.REDACTING: redaction_seconds,
            Stage.REDACTING_ALONE: redaction_seconds,
            Stage.SETTLING: stuck_seconds,
        }
        self._post = post
        self._still: dict[str, _Still] = {}

    def start(self) -> None:
        """Watch in a thread of its own, for as long as the process lives."""
        Periodic("watchdog", POLL_SECONDS, self.look).start()

    def look(self, passed: float) -> None:
        """Look once. `passed`: seconds since the last look."""
        still: dict[str, _Still] = {}
        for shard, sight in sights(self._journal).items():
            limit = self._limits.get(sight.stage)
            if limit is None:
                continue
            known = self._still.get(shard)
            seconds = known.seconds + passed if known and known.sight == sight else 0.0
            if seconds >= limit:
                self._post(ShardStuck(shard, sight))
                seconds = 0.0
            still[shard] = _Still(sight, seconds)
        self._still = still


def stacks(folder: Path, slot: int) -> str:
    """Wait for what a pipeline process writes when it is asked where its threads stand; may be empty."""
    file = folder / f"{STACKS}-{slot}"
    give_up_at = time.monotonic() + _STACKS_SECONDS
    written = ""
    while time.monotonic() < give_up_at:
        time.sleep(0.1)
        before, written = written, file.read_text(encoding="utf-8", errors="replace")[:_STACKS_CHARS]
        if written and written == before:
            break
    return written
