"""The daemon's lines. Those that deliver records come in portions, whatever they hold.

A delivery is one line of JSON, as MultiLangDaemon's `ProcessRecordsMessage` and `JsonFriendlyRecord` make it:

    {"action":"processRecords","records":[{"data":"<base64>","partitionKey":"<text>",...},...],"millisBehindLatest":5}
"""

import threading
from collections.abc import Callable, Generator
from typing import Final, NamedTuple

from consumer.errors import SessionBroken
from consumer.pipeline.byte_budget import ByteBudget
from consumer.thread_turns import waiting

PORTION_BYTES: Final = 1 << 20
"""Of a line. A session holds so much beside the budget."""

LONGEST_RECORD_BYTES: Final = 15 << 20
"""A record of 10 MiB (AWS: "Quotas and limits") in base64, with its partition key."""

_READ_BYTES: Final = 1 << 18
_LINE_END: Final = 0x0A
_HEAD: Final = b'{"action":"processRecords","records":['
_TAIL: Final = b'],"millisBehindLatest":'
_NEXT: Final = b'},{"'
"""Between two records, if a letter follows: in no text, for there a quotation mark has a backslash before it, and the
one at its end no letter behind it."""


class Portion(NamedTuple):
    """Records of a delivery, in order.

    :ivar records: a JSON array.
    :ivar behind_ms: how far the delivery lies behind the tip of the shard; None: not known (yet).
    :ivar is_last: the line is read to its end. Before that the daemon answers nothing.
    """

    records: bytes
    behind_ms: int | None
    is_last: bool


Portions = Generator[Portion, None, None]
"""The portions of a delivery, each of which holds its place in the budget until the next is asked for."""


class Lines:
    """What the daemon writes. Used by one thread.

    :param first: the first line, which the shim has read.
    :param read: returns at most so many of the bytes that follow, once there are any; none: nothing follows.
    :param budget: of all sessions of the process.
    :param stop: ends the waiting for it.
    """

    def __init__(self, first: bytes, read: Callable[[int], bytes], budget: ByteBudget, stop: threading.Event) -> None:
        self._buffer = bytearray(first)
        self._read_some = read
        self._budget = budget
        self._stop = stop

    def readline(self) -> bytes | Portions:
        """Return the next line, or nothing: the daemon is gone. Of a delivery, return its portions."""
        while (end := self._buffer.find(b"\n")) < 0 and len(self._buffer) < PORTION_BYTES and self._read():
            pass
        if self._buffer.startswith(_HEAD):
            del self._buffer[: len(_HEAD)]
            return self._portions()
        line = bytes(self._buffer[: end + 1 or None])
        del self._buffer[: len(line)]
        return line

    def _read(self) -> bool:
        """Read on; return whether anything came."""
        with waiting():
            found = self._read_some(_READ_BYTES)
        self._buffer += found
        return bool(found)

    def _portions(self) -> Portions:
        """Yield the rest of the line, each portion while the budget has room for it.

        :raises SessionBroken: the line is cut off, or none that a daemon writes.
        """
        is_last = False
        while not is_last:
            size = self._fill(PORTION_BYTES)
            with self._budget.hold(size or LONGEST_RECORD_BYTES, self._stop):
                portion = self._take(size or self._fill(LONGEST_RECORD_BYTES))
                is_last = portion.is_last
                yield portion

    def _fill(self, most: int) -> int:
        """Read on until the next portion is there: the rest of the line, or whole records, about `PORTION_BYTES`.

        :param most: what may be read for it.
        :return: the portion's size; 0: its first record is larger than `most`.
        :raises SessionBroken: the line is cut off.
        """
        read = searched = 0
        while (end := self._buffer.find(b"\n", read)) < 0:
            if len(self._buffer) >= PORTION_BYTES:
                if size := self._whole_records(searched):
                    return size
                searched = len(self._buffer) - len(_NEXT)
            if len(self._buffer) >= most:
                return 0
            read = len(self._buffer)
            if not self._read():
                raise SessionBroken("the daemon is gone")
        return end + 1

    def _whole_records(self, searched: int) -> int:
        """Return how much of the buffer is whole records, the last of which ends behind `searched`."""
        at = len(self._buffer)
        while (at := self._buffer.rfind(_NEXT, searched, at)) >= 0:
            if self._buffer[at + len(_NEXT) : at + len(_NEXT) + 1].isalpha():
                return at + 1
        return 0

    def _take(self, size: int) -> Portion:
        if not size:
            raise SessionBroken("the daemon delivers a record that is larger than Kinesis takes any")
        if self._buffer[size - 1] != _LINE_END:
            portion = Portion(b"[" + self._buffer[:size] + b"]", None, is_last=False)
            del self._buffer[: size + 1]  # and the comma
            return portion
        end = self._buffer.rfind(_TAIL, 0, size)
        behind = bytes(self._buffer[end + len(_TAIL) : size]).strip(b"}\r\n")
        if end < 0 or not (behind.isdigit() or behind == b"null"):
            raise SessionBroken(
                "the daemon writes deliveries in another form: KCL's jars are not those of this version"
            )
        portion = Portion(b"[" + self._buffer[:end] + b"]", int(behind) if behind.isdigit() else None, is_last=True)
        del self._buffer[:size]
        return portion
