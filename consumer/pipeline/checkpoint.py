"""How far a shard is durable without a gap, and when that is written down."""

import time
from collections.abc import Callable
from typing import Final, Protocol

from consumer.backoff import backoff
from consumer.errors import SanitizerError, SessionBroken
from consumer.logs import Logger
from consumer.metrics import ShardBooks
from consumer.record import Position
from consumer.thread_turns import waiting

FINAL_ATTEMPTS: Final = 5
"""Attempts at the last chance that KCL gives (shard end, shutdown requested)."""

_PAUSE_SECONDS: Final = 0.05
_PAUSE_LIMIT_SECONDS: Final = 1.0


class CheckpointRefused(SanitizerError):
    """KCL could not write the checkpoint now; a later attempt may succeed."""


class Checkpointer(Protocol):
    """KCL's side of a checkpoint.

    :raises LeaseLost: the shard belongs to another worker now.
    :raises CheckpointRefused: throttled, or the lease table is out of reach.
    :raises SessionBroken: KCL or the pipe is in a state that only a new daemon mends.
    """

    def at(self, position: Position) -> None:
        """Checkpoint at `position`, which has been delivered and is durable, as all before it."""
        ...

    def at_end(self) -> None:
        """Checkpoint the end of a closed shard, so that its children may be read."""
        ...


class HighWaterMark:
    """The last position up to which everything is durable, and its checkpoint.

    :param interval: seconds between two checkpoints, at least.
    """

    def __init__(self, interval: float, books: ShardBooks, log: Logger) -> None:
        self._interval = interval
        self._books = books
        self._log = log
        self._mark: Position | None = None
        self._saved: Position | None = None
        self._tried_at = time.monotonic()

    def advance(self, position: Position) -> None:
        """Everything up to `position` is durable. The mark never moves back."""
        if self._mark is None or position > self._mark:
            self._mark = position

    def save_if_due(self, checkpointer: Checkpointer | None) -> None:
        """Checkpoint, if it is possible now, the mark moved and the interval has passed.

        A refusal is left for the next time.
        """
        if checkpointer is None or self._mark == self._saved or time.monotonic() - self._tried_at < self._interval:
            return
        try:
            self._save(checkpointer)
        except CheckpointRefused as error:
            self._log.warning("checkpoint.refused", reason=str(error))

    def save_now(self, checkpointer: Checkpointer) -> None:
        """Checkpoint at the last chance, with a few attempts.

        A checkpoint that fails for good costs redeliveries and loses nothing, so it is logged and not raised.
        """
        self._insist(lambda: self._save(checkpointer))

    def save_end(self, checkpointer: Checkpointer) -> None:
        """Checkpoint the end of the shard, everything in which is durable, with a few attempts.

        :raises SessionBroken: refused each time; a new session tries again.
        """
        if not self._insist(checkpointer.at_end):
            msg = "the checkpoint at the end of the shard was refused"
            raise SessionBroken(msg)
        self._books.checkpointed(time.time())

    def _insist(self, save: Callable[[], None]) -> bool:
        for attempt in range(FINAL_ATTEMPTS):
            if attempt:
                with waiting():
                    time.sleep(backoff(attempt, _PAUSE_SECONDS, _PAUSE_LIMIT_SECONDS))
            try:
                save()
            except CheckpointRefused as error:
                self._log.warning("checkpoint.refused", reason=str(error), attempt=attempt + 1)
            else:
                return True
        return False

    def _save(self, checkpointer: Checkpointer) -> None:
        mark = self._mark
        if mark is None or mark == self._saved:
            return
        self._tried_at = time.monotonic()
        checkpointer.at(mark)
        self._saved = mark
        self._log.debug("checkpoint.saved", sequence=str(mark.sequence), sub=mark.sub)
        self._books.checkpointed(time.time())
