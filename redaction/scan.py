"""One RE2 pass over many serialised documents: which of them may hold what a detector finds.

The patterns are wider than the detectors (no IIN, no check digit, any non-ASCII byte may be a digit or a
separator), so that a document they pass over is clean, and the careful work is done for few. RE2 because its
time is linear in the input.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import re2  # type: ignore[import-untyped, unused-ignore]


def _compile(pattern: bytes) -> "re2._Regexp":
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes as bytes: \x80-\xff are no code points here
    options.log_errors = False  # nothing but this project's own logs may write to stderr
    return re2.compile(pattern, options)


# A card has 12 digits or more and begins with 2-6, 8, 06, 18 (detectors.card); an SSN is 3-2-4 (.ssn).
# A Decimal is written with an exponent where zeros follow its digits: few digits may stand for a long number.
# Neither matches a newline, which compact JSON never holds: documents are joined with it.
_ASCII = _compile(
    rb"(?:[2-68]|0[ .-]{0,3}6|1[ .-]{0,3}8)(?:[ .-]{0,3}[0-9]){11}"
    rb"|[0-9]{3}[ -]{1,3}[0-9]{2}[ -]{1,3}[0-9]{4}"
    rb"|[0-9]E\+[0-9]"
)
_ANY = _compile(rb"(?:[0-9\x80-\xff][ .-]{0,3}){9}|[0-9]E\+[0-9]")
# Payloads: escapes that may be lone surrogates, long exponents, long runs of digits.
_UNUSUAL = _compile(rb"\\u[dD][89a-fA-F]|[0-9][eE][+-]?[0-9]{4}|[0-9]{64}")
_CHUNK_BYTES = 4 * 2**20


def suspects(bodies: Sequence[bytes]) -> set[int]:
    """Find the bodies (compact JSON in UTF-8) that may hold a card number or an SSN; gives their indexes."""
    ascii_bodies: list[tuple[int, bytes]] = []
    other_bodies: list[tuple[int, bytes]] = []
    for numbered in enumerate(bodies):
        (ascii_bodies if numbered[1].isascii() else other_bodies).append(numbered)
    return _hits(_ASCII, ascii_bodies) | _hits(_ANY, other_bodies)


def unusual(payloads: Sequence[bytes]) -> set[int]:
    """Find the payloads, as received, that `parse` has to inspect; gives their indexes."""
    return _hits(_UNUSUAL, enumerate(payloads))


def _hits(pattern: "re2._Regexp", bodies: Iterable[tuple[int, bytes]]) -> set[int]:
    found: set[int] = set()
    for chunk in _chunks(bodies):
        ends = list(accumulate(len(body) + 1 for _, body in chunk))
        joined = b"\n".join(body for _, body in chunk)
        position = 0
        # After a hit go on with the next document: one is enough, and a document may hold very many.
        while match := pattern.search(joined, position):
            hit = bisect_right(ends, match.start())
            found.add(chunk[hit][0])
            position = ends[hit]
    return found


def _chunks(bodies: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    chunk: list[tuple[int, bytes]] = []
    size = 0
    for numbered in bodies:
        if chunk and size + len(numbered[1]) > _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(numbered)
        size += len(numbered[1])
    if chunk:
        yield chunk
