"""The crash journal: which records a shard's redactor has in hand, where the death of the process leaves it readable.

A redactor may kill its process, or hang until the supervisor does. Then the records that it had in hand are under
suspicion: next time each of them is tried alone, and one that was in work alone at a second death is quarantined and
not shown to the redactor again. So no record can restart the worker for ever, and none is skipped.

What is in hand is written to a file mapped into memory, at the cost of a few stores for each batch; what is known of
the dead to another one, rarely. The supervisor reads the first to see who is overdue (`consumer.worker.watchdog`).
"""

import contextlib
import mmap
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from consumer.errors import SessionBroken
from consumer.record import Position, Record

DIED: Final = "redactor_died"
TIMED_OUT: Final = "redactor_timed_out"
"""Codes of quarantine entries."""


class Stage(IntEnum):
    """What a shard's thread is at."""

    WAITING = 0
    """For a batch, for memory: it may last."""
    REDACTING = 1
    REDACTING_ALONE = 2
    SETTLING = 3
    """Encoding, writing, checkpointing."""


class JournalReading(NamedTuple):
    """What the supervisor sees of a shard.

    :ivar pid: whose process wrote it; it may be dead.
    :ivar tick: changes whenever something happens.
    """

    stage: Stage
    pid: int
    tick: int


class _Range(NamedTuple):
    first: Position
    last: Position


# Stage, whether the supervisor ended it for being overdue, pid, tick; sequence and sub-sequence number, first and last.
_HEAD: Final = struct.Struct("<BBxxIQ")
# Then the parts: up to 0.2.0 there were none, and its files and these are read by each other's version.
_RANGE: Final = struct.Struct("<136sQ136sQqq")  # AWS: a sequence number has up to 129 digits
_WHOLE: Final = -1
"""As a part: the record before it is decoded."""
_SIZE: Final = 4096
_OVERDUE_AT: Final = 1
_NOW, _KNOWN = ".now", ".known"


class CrashJournal:
    """The journal of one shard, written by the one thread that serves it.

    What the last one to serve it left is read at once: if it died with records in hand, they are suspects from now on.

    :param folder: the worker's; outlives its processes.
    :raises SessionBroken: it cannot be written.
    """

    def __init__(self, folder: Path, shard: str) -> None:
        self._known = folder / f"{shard}{_KNOWN}"
        self._suspects: list[_Range] = []
        self._condemned: dict[Position, str] = {}
        self._pid = os.getpid()
        try:
            with contextlib.suppress(FileNotFoundError):
                self._learn(orjson.loads(self._known.read_bytes()))
            self._map = _mapped(folder / f"{shard}{_NOW}")
            self._take_over()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
            msg = (
                f"the crash journal of {shard} in the runtime folder cannot be used ({reason}): "
                "make room for it there, or remove what is broken"
            )
            raise SessionBroken(msg) from None
        self._tick = 0
        self.at(Stage.WAITING)

    @property
    def is_wary(self) -> bool:
        """Whether there are suspects or condemned."""
        return bool(self._suspects or self._condemned)

    def forget_before(self, record: Record) -> None:
        """Forget what lies before the first record of a session: its checkpoint is behind it."""
        position = _whole(record)
        suspects = [each for each in self._suspects if each.last >= position]
        condemned = {each: code for each, code in self._condemned.items() if each >= position}
        if len(suspects) < len(self._suspects) or len(condemned) < len(self._condemned):
            self._suspects, self._condemned = suspects, condemned
            self._write_known()

    def verdict_on(self, document: Record) -> str | bool:
        """Say whether a document is condemned, and with which code; True: it is a suspect; False: neither."""
        return self._verdict_on(document.position)

    def verdict_on_decoding(self, record: Record) -> str | bool:
        """Say the same of decoding a record."""
        return self._verdict_on(_whole(record))

    def _verdict_on(self, position: Position) -> str | bool:
        code = self._condemned.get(position)
        return code or any(first <= position <= last for first, last in self._suspects)

    def redacting(self, first: Record, last: Record, *, alone: bool = False) -> AbstractContextManager[None]:
        """The redactor has these documents in hand while the block lasts; after it, the shard is settling."""
        return self._in_hand(first, first.part or 0, last, last.part or 0, alone=alone)

    def decoding(self, first: Record, last: Record, *, alone: bool = False) -> AbstractContextManager[None]:
        """The decoders have these records in hand, likewise."""
        return self._in_hand(first, _WHOLE, last, _WHOLE, alone=alone)

    @contextmanager
    def _in_hand(self, first: Record, part: int, last: Record, last_part: int, *, alone: bool) -> Iterator[None]:
        _RANGE.pack_into(
            self._map,
            _HEAD.size,
            *(first.sequence.encode(), first.sub),
            *(last.sequence.encode(), last.sub),
            *(part, last_part),
        )
        self.at(Stage.REDACTING_ALONE if alone else Stage.REDACTING)  # last: before it, nothing above counts
        try:
            yield
        finally:
            self.at(Stage.SETTLING)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is in hand is put aside while the block lasts: the shard waits for an answer."""
        stage = Stage(self._map[0])
        self.at(Stage.SETTLING)
        try:
            yield
        finally:
            self.at(stage)

    def at(self, stage: Stage) -> None:
        """Note what the shard's thread is at, and that it lives."""
        self._tick += 1
        _HEAD.pack_into(self._map, 0, stage, 0, self._pid, self._tick)

    def close(self) -> None:
        """The session is over. A second call does nothing."""
        if not self._map.closed:
            self.at(Stage.WAITING)
            self._map.close()

    def _take_over(self) -> None:
        stage, overdue, _, _ = _HEAD.unpack_from(self._map)
        if stage in (Stage.REDACTING, Stage.REDACTING_ALONE):
            first, first_sub, last, last_sub, part, last_part = _RANGE.unpack_from(self._map, _HEAD.size)
            span = _Range(Position(_number(first), first_sub, part), Position(_number(last), last_sub, last_part))
            if stage == Stage.REDACTING_ALONE:
                self._condemned[span.first] = TIMED_OUT if overdue else DIED
            else:
                self._suspects.append(span)
            self._write_known()

    def _learn(self, known: dict[str, Any]) -> None:
        self._suspects = [_Range(_position(first), _position(last)) for first, last in known["suspects"]]
        self._condemned = {_position(place): _code(code) for *place, code in known["condemned"]}

    def _write_known(self) -> None:
        # Sequence numbers have 56 digits, more than a JSON number holds.
        known = {
            "suspects": [[_place(at) for at in span] for span in self._suspects],
            "condemned": [[*_place(at), code] for at, code in self._condemned.items()],
        }
        new = self._known.with_suffix(".new")
        new.write_bytes(orjson.dumps(known))
        new.replace(self._known)


def sights(folder: Path) -> dict[str, JournalReading]:
    """Return what is to be seen of each shard that was ever served from this folder."""
    seen: dict[str, JournalReading] = {}
    for file in folder.glob(f"*{_NOW}"):
        with contextlib.suppress(OSError, ValueError, struct.error), file.open("rb", buffering=0) as opened:
            stage, _, pid, tick = _HEAD.unpack(opened.read(_HEAD.size))
            seen[file.name.removesuffix(_NOW)] = JournalReading(Stage(stage), pid, tick)
    return seen


def note_overdue(folder: Path, shard: str) -> None:
    """Note that the process is ended because its redactor took too long: `TIMED_OUT` instead of `DIED`."""
    with (folder / f"{shard}{_NOW}").open("r+b", buffering=0) as file:
        os.pwrite(file.fileno(), b"\x01", _OVERDUE_AT)


def _mapped(file: Path) -> mmap.mmap:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(descriptor).st_size != _SIZE:
            os.ftruncate(descriptor, 0)
            # Written, not only promised: a store into a page for which the disk has no room would kill the process.
            if os.write(descriptor, bytes(_SIZE)) != _SIZE:
                raise OSError(28, "")
        return mmap.mmap(descriptor, _SIZE)
    finally:
        os.close(descriptor)


def _number(text: bytes) -> int:
    return int(text.rstrip(b"\0"))


def _position(place: Sequence[Any]) -> Position:
    sequence, sub, *part = place
    return Position(int(sequence), int(sub), *map(int, part))


def _place(position: Position) -> list[str | int]:
    sequence, sub, part = position
    return [str(sequence), sub, *([part] if part else [])]


def _whole(record: Record) -> Position:
    return Position(int(record.sequence), record.sub, _WHOLE)


def _code(code: object) -> str:
    if code == DIED:
        return DIED
    if code == TIMED_OUT:
        return TIMED_OUT
    raise ValueError
