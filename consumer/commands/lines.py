"""Lines of a file or a pipe, in batches, as they come."""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

_BATCH: Final = 500
_READ_BYTES: Final = 1 << 20


def line_batches(source: BinaryIO) -> Iterator[list[bytes]]:
    """Give lines without their ends, at most 500 at once: whatever is there, without waiting for more.

    A last line without an end counts; an empty one is none.
    """
    reader = cast("io.BufferedReader", source)  # `read1`, unlike `read`, waits for one byte at most
    pending: list[bytes] = []  # of a line whose end is still to come
    while chunk := reader.read1(_READ_BYTES):
        pending.append(chunk)
        if b"\n" in chunk:
            *lines, rest = b"".join(pending).split(b"\n")
            pending = [rest]
            for start in range(0, len(lines), _BATCH):
                yield [line.rstrip(b"\r") for line in lines[start : start + _BATCH]]
    if rest := b"".join(pending):
        yield [rest.rstrip(b"\r")]
