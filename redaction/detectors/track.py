"""What a card's magnetic stripe or chip holds (ISO/IEC 7813, EMV Book 3): number, name, expiry, proof of the card.

PCI DSS 4.0, 3.3.1.1: not to be stored after authorisation, not even encrypted. So nothing of it is kept, the number's
last digits neither. Found are

- tracks as readers give them, and track 2 as EMV and ISO 8583 write it: `D` for the equals sign, a length before;
- EMV data objects in hexadecimal: number and tracks (tags 5A, 56, 57, 9F6B), and beside these name and expiry (5F20,
  5F24);
- a number with its length before it (LLVAR), by itself or as the second field of an ISO 8583 message;
- a number with expiry and security code beside it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from redaction.detectors.base import CONTROL, Detector, Span
from redaction.detectors.card import is_card_number
from redaction.detectors.card_ranges import is_in_use
from redaction.detectors.context import IDENTIFIERS, line_start, named

__all__ = ["TRACK"]

_DIGITS: Final = b"0123456789"
_FEWEST, _MOST = 12, 19  # digits of a number

# --- Tracks. 1: `%B`, number, `^`, name, `^`, the rest, `?`; 2: `;`, number, `=`, the rest, `?`. The rest begins with
# expiry and service code, seven digits. Readers differ in what they give of the marks; senders encode them.
_EQUALS: Final = rb"(?:=|%3[Dd]|\\+u003[Dd]|&#61;|&#[Xx]3[Dd];|&equals;)"
_CARET: Final = rb"(?:\^|%5[Ee]|\\+u005[Ee])"
_NAME: Final = _CARET + rb"[A-Za-z0-9 /.,'?_%+-]{2,40}" + _CARET
_TRACK = re.compile(
    rb"(?:%b|[Dd]|%b)(?:[0-9]{7}[0-9A-Za-z =^/.]{0,60}(?:\?|%%3[Ff])|[0-9]{7,}[0-9=]*[Ff]?)" % (_EQUALS, _NAME)
)
_MARKS = re.compile(rb"(?:%25|%)?[A-Za-z]?(?:;|%3[Bb]|\\+u003[Bb])?\Z")
_LONGEST_MARKS: Final = 16
_LONGEST_REST: Final = 100
_LONGEST_RUN: Final = 40
_EXPIRY_AND_SERVICE: Final = 7
# Before the number: its tag and its length in bytes; or the length of the whole in characters.
_TAG = re.compile(rb"(?:57|9[Ff]6[Bb])([01][0-9A-Fa-f])\Z")
_LENGTH = re.compile(rb"[1-3][0-9]\Z")
_BEFORE: Final = 6

# --- EMV data objects.
_PAN_OBJECT: Final = rb"5[Aa]0[6-9Aa][0-9]{12}"
_TRACK1_OBJECT: Final = rb"42(?:3[0-9]){12}"
_OBJECT = re.compile(rb"5[Aa]0(?P<bytes>[6-9Aa])(?P<number>[0-9]{12})")
_TRACK1_IN_HEX = re.compile(rb"42(?P<number>(?:3[0-9]){12,19})5[Ee][0-9A-Fa-f]{20,}")
_HEX: Final = b"0123456789ABCDEFabcdef"
_REACH: Final = 1024  # to both sides of what was found
_NUMBERS: Final = frozenset({b"5A", b"56", b"57", b"9F6B"})
_BESIDE_NUMBERS: Final = frozenset({b"5F20", b"5F24"})  # name and expiry
# A tag has a second byte after 1F, 3F, ... FF, a third after one of 80 and more; a length has more bytes after 81, 82.
_HEADER = re.compile(
    rb"(?i)(?P<fill>00)|(?P<tag>[13579bdf]f(?:[89a-f][0-9a-f])?[0-7][0-9a-f]|[0-9a-f]{2})"
    rb"(?:(?P<size>[0-7][0-9a-f])|8(?:(?P<one>1)|2)(?P<more>[0-9a-f]{2}(?(one)|[0-9a-f]{2})))"
)
_CONSTRUCTED: Final = 0x20

# --- A number behind its length: by itself, or after type and bitmap, whose second bit says that there is one.
_LLVAR: Final = rb"1[2-9][2-6][0-9]{11}"
_HALF: Final = rb"[0-9A-Fa-f]{15}"
_TYPE: Final = rb"[^0-9A-Za-z\n][0-9]{4}"
_MESSAGE: Final = _TYPE + rb"(?:[4-7]%b|[C-Fc-f]%b[0-9A-Fa-f]{16})" % (_HALF, _HALF)
_NUMBER: Final = rb"(?P<length>1[2-9])(?P<number>[0-9]{12,19})"
_IN_MESSAGE = re.compile(_TYPE + rb"[4-7]" + _HALF + _NUMBER)
_IN_LONG_MESSAGE = re.compile(_TYPE + rb"[C-Fc-f]" + _HALF + rb"[0-9A-Fa-f]{16}" + _NUMBER)
_ALONE = re.compile(rb"[^0-9]" + _NUMBER + rb"(?![0-9])")

# --- A number, its expiry and its security code.
_SIGN: Final = rb"(?:[ ,;:/|" + CONTROL + rb"]|\\+[tnr])"
_PARTED: Final = _SIGN + rb"{1,3}(?:(?i:exp[a-z]{0,7}|cv[vc]2?|csc|cid|code)(?:[=#.]|" + _SIGN + rb"){0,3})?"
_EXPIRY: Final = rb"(?:0?[1-9]|1[0-2])(?:-|" + _SIGN + rb")?(?:20)?[2-4][0-9]"
_CODE: Final = rb"[0-9]{3,4}"
_BESIDE: Final = _PARTED + rb"(?:%b%b%b|%b%b%b)" % (_EXPIRY, _PARTED, _CODE, _CODE, _PARTED, _EXPIRY)
_CODE_BESIDE = re.compile(_BESIDE + rb"(?![0-9])")
_GROUP_END = re.compile(rb"(?<=[0-9]{4})(?![0-9])")
_GROUP = re.compile(rb"(?<![0-9])[0-9]")
_OF_NUMBERS: Final = _DIGITS + b" -"
_LONGEST_NUMBER: Final = 40
_LONGEST_BESIDE: Final = 60


class _Track:
    name = "track"
    candidate = b"|".join([
        rb"[0-9]{12}(?:%b|[Dd]|%b)[0-9]{7,}[0-9=]*\??" % (_EQUALS, _NAME),
        _PAN_OBJECT,
        _TRACK1_OBJECT,
        _MESSAGE + _LLVAR,
        rb"[^0-9\n]" + _LLVAR,
        rb"[0-9]{4}" + _BESIDE,
    ])  # fmt: skip

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        """Find what the candidate belongs to. What overlaps is given as one span."""
        found: list[Span] = []
        for first, last in sorted(_found(view, start, end)):
            if found and first < found[-1][1]:
                found[-1] = (found[-1][0], max(last, found[-1][1]))
            else:
                found.append((first, last))
        return found

    def mask(self, text: str) -> str:  # noqa: ARG002 - nothing of it may stay
        return "****"

    def normalise(self, text: str) -> str:
        """Give it as it is: it is written by machines."""
        return text


TRACK: Final[Detector] = _Track()


def _found(view: bytes, start: int, end: int) -> Iterator[Span]:
    yield from _track(view, start, end)
    yield from _objects(view, start)
    yield from _with_length(view, start)
    for group in _GROUP_END.finditer(view, start, end):
        yield from _with_code(view, group.start())


def _track(view: bytes, start: int, end: int) -> Iterator[Span]:
    """The track of which the candidate has the number's last digits."""
    last = start + _FEWEST
    rest = _TRACK.match(view, last, end + _LONGEST_REST)
    if not rest:
        return
    before = view[max(0, start - _LONGEST_RUN) : start]
    run = start - (len(before) - len(before.rstrip(_DIGITS)))
    for first in range(max(run, last - _MOST), last - _FEWEST + 1):
        if not is_card_number(view[first:last].decode()):
            continue
        if first == run:
            marks = _MARKS.search(view, max(0, first - _LONGEST_MARKS), first)
            yield (marks.start() if marks else first), rest.end()
            return
        if tag := _TAG.search(view, max(0, first - _BEFORE), first):
            end_by_length = first + 2 * int(tag[1], 16)
            fits = last + _EXPIRY_AND_SERVICE < end_by_length <= _hex_end(view, first)
            yield first, end_by_length if fits else rest.end()
            yield from _following(view, end_by_length if fits else rest.end())
            return
        if _LENGTH.search(view, max(run, first - 2), first) and int(view[first - 2 : first]) == rest.end() - first:
            yield first, rest.end()
            return


def _objects(view: bytes, start: int) -> Iterator[Span]:
    """The values of the data object that the candidate begins with, number or track 1, and of what belongs to it."""
    own = _object(view, start)
    if not own:
        return
    before = view[line_start(view, start, _REACH) : start]
    spans: list[Span] = []
    # Each number has what follows it up to the next one; the first has what stands before it, too.
    for tag, span in _parsed(view, start - (len(before) - len(before.rstrip(_HEX))), _hex_end(view, start)):
        if tag in _NUMBERS:
            yield from spans if span == own else ()
            break
        if tag in _BESIDE_NUMBERS:
            spans.append(span)
    yield own
    yield from _following(view, own[1])


def _following(view: bytes, start: int) -> Iterator[Span]:
    for tag, span in _parsed(view, start, _hex_end(view, start)):
        if tag in _NUMBERS:
            return
        if tag in _BESIDE_NUMBERS:
            yield span


def _object(view: bytes, start: int) -> Span | None:
    if number := _OBJECT.match(view, start):
        first = number.start("number")
        last = first + 2 * int(number["bytes"], 16)
        digits = view[first:last].rstrip(b"Ff")
        return (first, last) if digits.isdigit() and is_card_number(digits.decode()) else None
    track = _TRACK1_IN_HEX.match(view, start)
    return track.span() if track and is_card_number(track["number"][1::2].decode()) else None


def _parsed(view: bytes, start: int, end: int) -> Iterator[tuple[bytes, Span]]:
    """Read BER-TLV (ISO/IEC 8825-1; EMV Book 3, annex B) in hexadecimal as far as it is such: tags and values."""
    position = start
    while match := _HEADER.match(view, position, end):
        position = match.end()
        if match["fill"]:
            continue
        size = int(match["more"] or match["size"], 16)
        is_constructed = int(match["tag"][:2], 16) & _CONSTRUCTED
        if position + 2 * size > end:
            return
        if not is_constructed:
            yield match["tag"].upper(), (position, position + 2 * size)
            position += 2 * size


def _hex_end(view: bytes, start: int) -> int:
    after = view[start : start + _REACH]
    return start + len(after) - len(after.lstrip(_HEX))


def _with_length(view: bytes, start: int) -> Iterator[Span]:
    """A number behind its length, at the candidate's beginning: in a message, or by itself."""
    if match := _IN_MESSAGE.match(view, start) or _IN_LONG_MESSAGE.match(view, start):
        first = match.start("number")
        last = first + int(match["length"])
        if is_card_number(view[first:last].decode()):
            yield first, last
        return
    match = _ALONE.match(view, start)
    if match and int(match["length"]) == len(match["number"]) and is_in_use(match["number"]):
        first, last = match.span("number")
        if is_card_number(match["number"].decode()) and not named(view, first - 2, last) & IDENTIFIERS:
            yield first, last


def _with_code(view: bytes, last: int) -> Iterator[Span]:
    """The number that ends at `last`, with its expiry and security code."""
    beside = _CODE_BESIDE.match(view, last, last + _LONGEST_BESIDE)
    if not beside:
        return
    before = view[line_start(view, last, _LONGEST_NUMBER) : last]
    groups = before[len(before.rstrip(_OF_NUMBERS)) :]
    for group in _GROUP.finditer(groups):
        if is_card_number(groups[group.start() :].translate(None, b" -").decode()):
            yield last - len(groups) + group.start(), beside.end()
            return
