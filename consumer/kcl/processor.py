"""The kclpy record processor: the only module that touches amazon_kclpy.

kclpy catches whatever a processor raises, prints it, and still reports success to the daemon; a later checkpoint then
skips the batch for good. So nothing may leave a method of the processor but SystemExit, which kclpy lets through: it
ends the session without an answer, the daemon is restarted, and the records are delivered again.
"""

import os
import re
from binascii import a2b_base64
from collections.abc import Callable
from typing import Any, BinaryIO, Final, TextIO

import orjson
from amazon_kclpy import dispatch, kcl, messages
from amazon_kclpy.v3 import processor as v3

from consumer.errors import LeaseLost, SessionBroken
from consumer.logs import Logger
from consumer.metrics import SessionEvent
from consumer.pipeline import Pipeline
from consumer.pipeline.checkpoint import CheckpointRefused
from consumer.record import Position, Record
from consumer.thread_turns import waiting, working

# What the class itself calls, after having sorted its arguments.
_record: Final = tuple.__new__

# What KCL's checkpointer throws, by simple class name. Source: software.amazon.kinesis.exceptions.
_LEASE_LOST: Final = frozenset({"ShutdownException"})
_TRY_LATER: Final = frozenset({"ThrottlingException", "KinesisClientLibDependencyException"})
_CLASS: Final = re.compile(r"[A-Za-z]{1,80}")


class _KclCheckpointer:
    """`consumer.pipeline.checkpoint.Checkpointer` over kclpy's."""

    def __init__(self, checkpointer: kcl.Checkpointer) -> None:
        self._checkpointer = checkpointer

    def at(self, position: Position) -> None:
        self._checkpoint(str(position.sequence), position.sub)

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
    :ivar ending: how the session ends, or has ended; broken, until the daemon has said otherwise.
    """

    def __init__(self, open_pipeline: Callable[[str], Pipeline], log: Logger) -> None:
        self._open_pipeline = open_pipeline
        self._log = log
        self._pipeline: Pipeline | None = None
        self.failed = False
        self.ending = SessionEvent.BROKEN

    def initialize(self, initialize_input: messages.InitializeInput) -> None:
        """Begin the session."""
        self._log.debug("session.message", action="initialize")

        def begin() -> None:
            self._pipeline = self._open_pipeline(initialize_input.shard_id)

        self._guarded(begin)

    def process_records(self, process_records_input: messages.ProcessRecordsInput) -> None:
        """Settle a batch."""

        def process() -> None:
            records = [
                _record(
                    Record,
                    (
                        raw["sequenceNumber"],
                        raw["subSequenceNumber"] or 0,
                        raw["approximateArrivalTimestamp"] or 0,
                        a2b_base64(raw["data"] or b""),
                        raw["partitionKey"] or "",
                    ),
                )
                for raw in process_records_input.records
            ]
            process_records_input.records.clear()  # in base64: it would stay for as long as the batch does
            behind = (process_records_input.millis_behind_latest or 0) / 1000
            self._live().process(records, behind, _KclCheckpointer(process_records_input.checkpointer))

        self._guarded(process)

    def lease_lost(self, lease_lost_input: messages.LeaseLostInput) -> None:  # noqa: ARG002 - it is empty
        """Stop; the shard is another worker's."""
        self._log.debug("session.message", action="leaseLost")
        self._guarded(lambda: self._live().close())
        self._ends(SessionEvent.LEASE_LOST)

    def shard_ended(self, shard_ended_input: messages.ShardEndedInput) -> None:
        """Checkpoint the end of a closed shard."""
        self._log.debug("session.message", action="shardEnded")
        self._guarded(lambda: self._live().end_shard(_KclCheckpointer(shard_ended_input.checkpointer)))
        self._ends(SessionEvent.SHARD_ENDED)

    def shutdown_requested(self, shutdown_requested_input: messages.ShutdownRequestedInput) -> None:
        """Checkpoint before the lease is handed over."""
        self._log.debug("session.message", action="shutdownRequested")
        self._guarded(lambda: self._live().shut_down(_KclCheckpointer(shutdown_requested_input.checkpointer)))
        self._ends(SessionEvent.HANDED_OVER)

    def close(self) -> None:
        """End the session, whatever the reason."""
        if self._pipeline is not None:
            self._pipeline.close()

    def _ends(self, how: SessionEvent) -> None:
        if self.ending is SessionEvent.BROKEN:  # a shutdown that was requested ends with leaseLost
            self.ending = how

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
    """kclpy's protocol loop, with a faster parser.

    kclpy builds an object for each record in an object hook; the adapter needs the plain values only. The message
    itself is still kclpy's.
    """

    def __init__(self, processor: ShardProcessor, lines: "_Lines", answers: TextIO) -> None:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
            # kclpy prints what a processor raised, which is never anything but SystemExit.
            super().__init__(processor, lines, answers, nowhere)
        self.io_handler.load_action = _load_action


def _load_action(line: bytes) -> Any:
    try:
        return dispatch.message_decode(orjson.loads(line))
    except (ValueError, KeyError, TypeError, dispatch.MalformedAction):
        # The daemon was killed in the middle of a line. The text of these errors may hold the line: not a word of it.
        raise SystemExit(1) from None


class _Lines:
    """The daemon's lines, the first of which was read by the shim."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first = first
        self._rest = rest

    def readline(self) -> bytes:
        if self._first:
            line, self._first = self._first, b""
            return line
        with waiting():
            return self._rest.readline()


def serve(processor: ShardProcessor, first_line: bytes, messages_in: BinaryIO, answers: TextIO) -> bool:
    """Speak the protocol until the daemon closes the pipe.

    :return: whether the session ended in order; False: it failed, or the daemon went away in the middle.
    """
    with working():
        try:
            _Process(processor, _Lines(first_line, messages_in), answers).run()
        except (SystemExit, OSError, ValueError):
            return False
        finally:
            processor.close()
        return not processor.failed
