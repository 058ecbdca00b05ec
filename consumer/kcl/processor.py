"""The kclpy record processor: the only module that touches amazon_kclpy.

kclpy catches whatever a processor raises, prints it, and still reports success to the daemon; a later checkpoint then
skips the batch for good. So nothing may leave a method of the processor but SystemExit, which kclpy lets through: it
ends the session without an answer, the daemon is restarted, and the records are delivered again.
"""

import os
import re
import threading
from binascii import a2b_base64, b2a_base64
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, TextIO

import orjson
from amazon_kclpy import dispatch, kcl, messages
from amazon_kclpy.v3 import processor as v3

from consumer.backoff import backoff
from consumer.errors import LeaseLost, ServiceError, SessionBroken
from consumer.kcl.delivery import Lines, Portion, Portions
from consumer.kcl.jvm.whole_records import WHOLE
from consumer.kinesis.kpl import ALL_KEYS, MAGIC, HashRange
from consumer.kinesis.reader import RawRecord
from consumer.kinesis.shards import HashRanges
from consumer.logs import Logger
from consumer.metrics import SessionEvent
from consumer.pipeline import Pipeline
from consumer.pipeline.checkpoint import CheckpointRefused
from consumer.record import Position, Record
from consumer.thread_turns import waiting, working

# What the class itself calls, after having sorted its arguments.
_record: Final = tuple.__new__
_AS_PUT: Final = tuple(Record._field_defaults.values())[1:]

_AGGREGATE: Final = b'"' + b2a_base64(MAGIC, newline=False)[:5]
"""How the data of an aggregate begins in a delivery; that of something else may begin so, too."""

PART_RECORDS: Final = 500
PART_BYTES: Final = 1 << 19
"""What is settled at once of the user records of aggregates, at most; about, for the last one may be large."""

# What KCL's checkpointer throws, by simple class name. Source: software.amazon.kinesis.exceptions.
_LEASE_LOST: Final = frozenset({"ShutdownException"})
_TRY_LATER: Final = frozenset({"ThrottlingException", "KinesisClientLibDependencyException"})
_CLASS: Final = re.compile(r"[A-Za-z]{1,80}")


class _KclCheckpointer:
    """`consumer.pipeline.checkpoint.Checkpointer` over kclpy's, for whole records of the stream.

    Within an aggregate KCL would take a checkpoint, too. But where it has to connect anew before the first record of a
    session has come, it goes on behind the checkpoint's sequence number, and so behind the rest of the aggregate
    (`FanOutRecordsPublisher`, `PrefetchRecordsPublisher.restartIterator`).

    :param ends: of the records of the last delivery where each record ends; empty: each holds one.
    """

    def __init__(self, checkpointer: kcl.Checkpointer, ends: Sequence[Position]) -> None:
        self._checkpointer = checkpointer
        self._ends = ends
        self._last: Position | None = None

    def at(self, position: Position) -> None:
        if self._ends and position >= Position(self._ends[0].sequence, 0):
            place = bisect_right(self._ends, position)
            if not place:
                return  # the first of them is not done yet
            position = self._ends[place - 1]
        if position == self._last:
            return
        self._checkpoint(str(position.sequence), position.sub)
        self._last = position

    def at_end(self) -> None:
        self._checkpoint(None, None)

    def _checkpoint(self, sequence: str | None, sub: int | None) -> None:
        try:
            self._checkpointer.checkpoint(sequence, sub)
        except kcl.CheckpointError as error:
            code = str(error.value)
            if code in _LEASE_LOST:
                msg = "another worker has the lease"
                raise LeaseLost(msg) from None
            if code in _TRY_LATER:
                raise CheckpointRefused(code) from None
            msg = f"KCL refused a checkpoint: {code if _CLASS.fullmatch(code) else 'for a reason that is no name'}"
            raise SessionBroken(msg) from None
        except (OSError, ValueError, SystemExit):  # the pipe is closed, or what came back is no answer
            msg = "the daemon is gone"
            raise SessionBroken(msg) from None


class ShardProcessor(v3.RecordProcessorBase):  # type: ignore[misc] # kclpy has no types
    """Adapts KCL's calls to a `Pipeline`.

    :param open_pipeline: makes the pipeline of a shard, by its id.
    :param stop: ends the waiting for what is out of reach.
    :ivar ending: how the session ends, or has ended; broken, until the daemon has said otherwise.
    """

    def __init__(
        self, open_pipeline: Callable[[str], Pipeline], hash_ranges: HashRanges, stop: threading.Event, log: Logger
    ) -> None:
        self._open_pipeline = open_pipeline
        self._hash_ranges = hash_ranges
        self._stop = stop
        self._log = log
        self._shard = ""
        self._done: Position | None = None
        self._record_ends: list[Position] = []
        self._pipeline: Pipeline | None = None
        self.failed = False
        self.ending = SessionEvent.BROKEN

    def initialize(self, initialize_input: messages.InitializeInput) -> None:
        """Begin the session."""
        self._log.debug("session.message", action="initialize")

        def begin() -> None:
            self._shard = initialize_input.shard_id
            sequence = str(initialize_input.sequence_number)
            if sequence.isdecimal():
                self._done = Position(int(sequence), initialize_input.sub_sequence_number or 0)
            self._pipeline = self._open_pipeline(self._shard)

        self._guarded(begin)

    def process_records(self, delivery: "_Delivery") -> None:
        """Settle what was delivered."""

        def process() -> None:
            pipeline = self._live()
            self._record_ends = []
            with closing(delivery.portions) as portions:  # gives the budget back, whatever happens
                for portion in portions:
                    behind = None if portion.behind_ms is None else portion.behind_ms / 1000
                    checkpointer = self._checkpointer(delivery.checkpointer) if portion.is_last else None
                    for records in self._parts(portion):
                        pipeline.process(records, behind, checkpointer)

        self._guarded(process)

    def _parts(self, portion: Portion) -> Iterator[list[Record]]:
        """Yield the records of a portion that are not done; of aggregates, so many at a time as may be in hand."""
        try:
            raw_records = orjson.loads(portion.records)
        except ValueError:  # whose text may hold the records
            raise SessionBroken("the daemon writes what is no delivery") from None
        if raw_records and raw_records[0]["subSequenceNumber"] != WHOLE:
            raise SessionBroken("KCL has taken aggregates apart: the daemon's class path is not as the worker made it")
        is_plain = self._done is None and _AGGREGATE not in portion.records
        del portion
        if is_plain:
            plain = [
                _record(
                    Record,
                    (
                        raw["sequenceNumber"],
                        0,
                        raw["approximateArrivalTimestamp"] or 0,
                        a2b_base64(raw["data"] or b""),
                        raw["partitionKey"] or "",
                        *_AS_PUT,
                    ),
                )
                for raw in raw_records
            ]
            if self._record_ends and plain:  # of aggregates that came before in this delivery
                self._record_ends += [record.position for record in plain]
            del raw_records
            yield plain
            return
        part: list[Record] = []
        size = 0
        for record in self._taken_apart(raw_records):
            part.append(record)
            size += len(record.data)
            if len(part) >= PART_RECORDS or size >= PART_BYTES:
                yield part
                part, size = [], 0
        yield part

    def _taken_apart(self, raw_records: list[dict[str, Any]]) -> Iterator[Record]:
        """Yield what is not done of the records; KCL delivers the one again that is checkpointed."""
        raw_records.reverse()
        while raw_records:
            raw = raw_records.pop()
            whole = RawRecord(
                raw["sequenceNumber"],
                raw["approximateArrivalTimestamp"] or 0,
                a2b_base64(raw["data"] or b""),
                raw["partitionKey"] or "",
            )
            del raw
            hash_range = self._hash_range() if whole.data.startswith(MAGIC) else ALL_KEYS
            records, own, foreign = whole.taken_apart(hash_range)
            if own:
                self._record_ends.append(Position(int(whole.sequence), own - 1))
            if foreign:
                self._log.warning("aggregate.foreign", sequence=whole.sequence, count=foreign)
            if self._done is None or int(whole.sequence) > self._done.sequence:
                self._done = None
                yield from records
            else:
                yield from (each for each in records if each.position > self._done)

    def _hash_range(self) -> HashRange:
        """Return the shard's; asks until it is told, since without it records would be lost or stored twice."""
        attempt = 0
        while True:
            try:
                with waiting():
                    return self._hash_ranges.of(self._shard)
            except ServiceError as error:
                attempt += 1
                self._log.warning("shards.unknown", reason=str(error), attempt=attempt)
                with waiting():
                    is_stopped = self._stop.wait(backoff(attempt, 0.2, 10.0))
                if is_stopped:
                    raise SessionBroken("the session was ended before the shard's hash range was known") from None

    def lease_lost(self, lease_lost_input: messages.LeaseLostInput) -> None:  # noqa: ARG002 - it is empty
        """Stop; the shard is another worker's."""
        self._log.debug("session.message", action="leaseLost")
        self._guarded(lambda: self._live().close())
        self._ends(SessionEvent.LEASE_LOST)

    def shard_ended(self, shard_ended_input: messages.ShardEndedInput) -> None:
        """Checkpoint the end of a closed shard."""
        self._log.debug("session.message", action="shardEnded")
        self._guarded(lambda: self._live().end_shard(self._checkpointer(shard_ended_input.checkpointer)))
        self._ends(SessionEvent.SHARD_ENDED)

    def shutdown_requested(self, shutdown_requested_input: messages.ShutdownRequestedInput) -> None:
        """Checkpoint before the lease is handed over."""
        self._log.debug("session.message", action="shutdownRequested")
        self._guarded(lambda: self._live().shut_down(self._checkpointer(shutdown_requested_input.checkpointer)))
        self._ends(SessionEvent.HANDED_OVER)

    def close(self) -> None:
        """End the session, whatever the reason."""
        if self._pipeline is not None:
            self._pipeline.close()

    def _ends(self, how: SessionEvent) -> None:
        if self.ending is SessionEvent.BROKEN:  # a shutdown that was requested ends with leaseLost
            self.ending = how

    def _checkpointer(self, checkpointer: kcl.Checkpointer) -> _KclCheckpointer:
        return _KclCheckpointer(checkpointer, self._record_ends)

    def _live(self) -> Pipeline:
        if self._pipeline is None:
            msg = "the daemon sent a message before initialize"
            raise SessionBroken(msg)
        return self._pipeline

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except LeaseLost:
            self._log.warning("lease.lost")  # the pipeline has halted; KCL sends leaseLost next
        except BaseException as error:  # noqa: BLE001 - nothing may reach kclpy, see above
            self.failed = True
            self.ending = SessionEvent.BROKEN
            try:
                reason = str(error) if isinstance(error, SessionBroken) else None
                self._log.error("session.failed", reason=reason, exc_info=error)
            finally:
                raise SystemExit(1) from None


class _Process(kcl.KCLProcess):  # type: ignore[misc] # kclpy has no types
    """kclpy's protocol loop, with a faster parser, and deliveries in portions.

    kclpy builds an object for each record in an object hook; the adapter needs the plain values only. The other
    messages are still kclpy's.
    """

    def __init__(self, processor: ShardProcessor, lines: Lines, answers: TextIO) -> None:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
            # kclpy prints what a processor raised, which is never anything but SystemExit.
            super().__init__(processor, lines, answers, nowhere)
        self.io_handler.load_action = _load_action


@dataclass
class _Delivery:
    """An action of kclpy's, whose records come in portions."""

    portions: Portions
    checkpointer: Any = None
    action: Final = "processRecords"

    def dispatch(self, checkpointer: kcl.Checkpointer, processor: ShardProcessor) -> None:
        self.checkpointer = checkpointer
        processor.process_records(self)


def _load_action(line: bytes | Portions) -> Any:
    if not isinstance(line, bytes):
        return _Delivery(line)
    try:
        return dispatch.message_decode(orjson.loads(line))
    except (ValueError, KeyError, TypeError, dispatch.MalformedAction):
        # The daemon was killed in the middle of a line. The text of these errors may hold the line: not a word of it.
        raise SystemExit(1) from None


def serve(processor: ShardProcessor, lines: Lines, answers: TextIO) -> bool:
    """Speak the protocol until the daemon closes the pipe.

    :return: whether the session ended in order; False: it failed, or the daemon went away in the middle.
    """
    with working():
        try:
            _Process(processor, lines, answers).run()
        except (SystemExit, OSError, ValueError):
            return False
        finally:
            processor.close()
        return not processor.failed
