"""Telephone numbers: international (ITU-T E.164), national ones of unmistakable shape, others where a word says so.

A word before a number (`Tel. 030 123456`, `"phone": "..."`, `call me on ...`) or after it (`... - Fax`) makes seven
to fifteen digits a telephone number, unless they are a date, an address of a network, or a social security number.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from phonenumbers import (
    NumberParseException,
    PhoneNumberFormat,
    format_number,
    is_valid_number_for_region,
    parse,
)

from redaction.detectors.base import Detector, Span, mask_digits, view
from redaction.detectors.calling_codes import MAX_DIGITS, is_possible
from redaction.detectors.context import IDENTIFIERS, is_alone_in, is_of_trade, words_of
from redaction.patterns import compile_bytes

__all__ = ["PHONE", "phone_in"]

_MIN_DIGITS = 7
_S = rb"[ .()/\-\x1c]{0,3}"
_EXTENSION = rb"(?:[ ,;]{0,2}(?i:x|ext\.?|extension|extn)[ .:=]{0,2}[0-9]{1,7})?"

# --- Words that make a number a telephone number, each as RE2 and Python read it.
_WORD = (
    rb"(?i:phone|t[ex]l[ex](?:ph|f)on[eo]?|t[ex]l|tlf|tfno|telefax|fax|mobil|mobile|mobiel|m[ox]vil"
    rb"|cell|cellulare?|celular"
    rb"|handy|gsm|msisdn|whats ?app|viber|hotline|helpline|landline|rufnummer|puhelin|mob[.:]|ph[.:]"
    rb"|(?:desk|office|home|work|direct)(?: (?:line|no|number))?:)"
)
_MORE = (
    rb"(?i:[1-9]|s|es|ph?one|tel|t[ex]l[ex]fono?|numbers?|num|nummer|n[ux]mero|no|nr|nbr"
    rb"|is|at|on|to|me|us|my|the|our|your|line"
    rb"|home|work|office|mobile?|cell|business|private|personal|primary|secondary|main|alt|alternate|day|evening|direct"
    rb"|contact|e164|raw|formatted|toll|free)"
)
_GAP = rb"""(?:\\*["'] ?[:=] ?\[?\\*["']? ?|[ .:=#()>\-\x1c]{1,5})"""
# IATA's codes for contacts, in the remarks of a booking: mobile, home, business, agency, hotel, fax
_CONTACT = rb"CTC[ABFHMPT](?: [A-Z]{2,3}){0,2}(?: HK[0-9]{1,2})?[ /\-]{1,2}"
_NAMED = rb"(?:" + _WORD + rb"(?:[ _\-]?\(?" + _MORE + rb"\)?){0,4}" + _GAP + rb"|" + _CONTACT + rb")"
_WHOM = rb"(?: (?:me|us|him|her|them|you|back|directly)){0,2}"
_ASKED = (
    rb"(?i:(?:call|dial|ring|phone)(?:s|ed|led|ing|ling)?" + _WHOM + rb"(?: (?:at|on|to))?"
    rb"|(?:text|sms|messag|answer|reach|contact)(?:e|s|es|ed|ing|able)?" + _WHOM + rb" (?:at|on|to|via|under))[ :]{1,2}"
)
_LABEL = rb"(?i:fax|office|mobile|cell|phone|home|work|desk|tel|mob)"
_PAUSE = rb"[ (,\-]{1,3}"

# --- Numbers.
_RUN = rb"[+(]{0,2}[0-9](?:" + _S + rb"[0-9]){6,}"
_SHAPES: Final = (
    rb"\+[ (]{0,2}[1-9](?:" + _S + rb"[0-9]){6,}",
    rb"0(?:0|11[ .\-])[ .()/\-\x1c]{0,2}[1-9](?:" + _S + rb"[0-9]){7,}",
    # North American: area, exchange, line
    rb"(?:1[ .\-]{1,2})?\(?[0-9]{3}\)?[ ./\-\x1c]{1,3}[0-9]{3}[ .\-\x1c]{1,3}[0-9]{4}",
    # an area code in parentheses
    rb"\([0-9]{2,5}\)[ .\-\x1c]{0,3}[0-9]{3,5}[ .\-\x1c]{0,3}[0-9]{3,4}",
    # a trunk prefix, then groups parted by spaces; French pairs
    rb"0[1-9][0-9]{0,3}(?: [0-9]{2,4}){2,4}",
    rb"0[1-9](?:[.\-][0-9]{2}){4}",
    # the mobile codes of East Asia
    rb"0[1-9]0-[0-9]{4}-[0-9]{4}",
    rb"%2[Bb][1-9](?:\+?[0-9]){6,}",
)
_AT_HOME = rb"\(?[0-9](?:" + _S + rb"[0-9]){6,}"
_REST = rb"(?:" + _S + rb"[+0-9])*" + _EXTENSION

_RUNS = re.compile(rb"(?<! HK)(?<! HK[0-9])" + _RUN.replace(b"{6,}", b"{6,23}"))
_STEP = rb"(?! ?[/\-] 0| [/\-] ?0|  +0)" + _S + rb"[0-9]"  # not from one number into the next
_INTERNATIONAL = re.compile(rb"(\(?\+|0(?:0|11(?=[ .\-])))[ .()/\-\x1c]{0,2}[1-9](?:" + _STEP + rb"){6,17}")
_IN_FORM = re.compile(rb"%2[Bb]([1-9](?:\+?[0-9]){6,17})(?![0-9])")  # as forms are encoded
_NATIONAL = re.compile(
    rb"(?:(?:\+?1[ .\-]{1,2})?(?:\((?!.11)[2-9][0-8][0-9]\)[ .\-\x1c]{0,3}|(?!.11)[2-9][0-8][0-9][ ./\-\x1c]{1,3})"
    rb"(?!.11)[2-9][0-9]{2}[ .\-\x1c]{1,3}[0-9]{4}"
    # an extension, or parentheses, tell as much as a valid area code
    rb"|(?:\([0-9]{3}\) ?|[0-9]{3}[.\-])[0-9]{3}[.\-][0-9]{4}(?=[ ,]{0,2}(?i:x|ext)[ .:]{0,2}[0-9])"
    rb"|\([0-9]{3}\) ?[0-9]{3}-[0-9]{4}"
    rb"|\((?:0[1-9][0-9]{0,3}|[1-9][0-9]{1,3})\) ?[0-9]{3,5}[ \-]?[0-9]{3,4}"
    rb"|(?!(?:[0-9]{2} ){2,5}[0-9]?[A-Fa-f])(?=(?:[0-9] ?){10,11}(?![0-9]))0[1-9][0-9]{0,3}(?: [0-9]{2,4}){2,4}"
    rb"|0[1-9]0-[0-9]{4}-[0-9]{4}"
    rb"|0[1-9](?:([.\-])[0-9]{2})(?:\1[0-9]{2}){3}(?!\1[0-9A-Fa-f]))"
    rb"(?![0-9A-WYZa-wyz_]|[.\-][0-9])"
)
_DECIMAL = re.compile(rb"\+[0-9]{1,3}\.[0-9]{1,8}(?![0-9]|[ .\-]{1,2}[0-9])")  # more digits: as RFC 5733 writes them
_PAIRS = re.compile(rb"[0-9]{2}(?:([ .\-])[0-9]{2})(?:\1[0-9]{2}){2,}")
_MORE_BEFORE = re.compile(rb"(?<![0-9A-Za-z.,\-])(?:[0-9]{2} ){1,8}\Z")
_MORE_AFTER = re.compile(rb"(?: [0-9]{2}){0,8}(?![0-9])")
_EXTENSIONS = re.compile(_EXTENSION)
_LAST_GROUP = re.compile(rb"[.\-][0-9]{2,6}(?![0-9]|[.\-][0-9])")  # nothing of a number is left over
_GROUP_BEFORE = re.compile(rb"(?<![A-Za-z0-9.,:\-/])(?=[A-Z]*[0-9]|[A-Z]{4})[A-Z0-9]{2,4} \Z")
_GROUPS = re.compile(rb"[+(]{0,2}([0-9]+)")

# --- What stands around a number.
_CONTEXT = compile_bytes(rb"(?:" + _NAMED + rb"|" + _ASKED + rb")\z")
_COMPOUND = re.compile(rb"(?:[^A-Za-z]|\\[nrt]|(?i:home|work|smart|contact|customer))\Z")
_CAMEL = re.compile(rb"[a-z]{2}[A-Z]")
_AFTER = re.compile(_PAUSE + _LABEL + rb"(?![.\-]? *[A-Za-z0-9:=#])")
_INSIDE: Final = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-/")
_ESCAPED = re.compile(rb"\\[bfnrt]\Z")
_DIGITS: Final = frozenset(b"0123456789")
_PLUS: Final = ord("+")
# A word, in small letters at least at its end, and nothing before it: no part number.
_GLUED = re.compile(rb"(?<![0-9A-Za-z_.\-])[A-Za-z]{0,20}[a-z]{4}\Z")
_LONGEST_WORD = 25
# Of a booking, before a contact.
_SEGMENT = re.compile(rb" HK[0-9]{1,2}/\Z")
_SEGMENT_REACH = 6
_NO_DIGITS: Final = bytes(sorted(set(range(256)) - _DIGITS))
_REACH = 72
_LONGEST_ROW = 32
_FRENCH_PAIRS = 5
_APART = 3
_PART_BEFORE = re.compile(rb"[0-9][:,+]\Z")
_PART_AFTER = re.compile(rb"[0-9A-Za-z]|[:,][0-9]")
_GROUP_OF_DIGITS = re.compile("[0-9]+")
_OCTET = rb"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_OTHER = re.compile(
    rb"(?i)(?:19|20)[0-9]{2}([.\-/])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12][0-9]|3[01])(?![0-9])"  # dates
    rb"|(?:0?[1-9]|[12][0-9]|3[01])([.\-/ ])(?:0?[1-9]|[12][0-9]|3[01])\2(?:19|20)[0-9]{2}(?![0-9])"
    rb"|" + _OCTET + rb"(?:\." + _OCTET + rb"){3}(?![.0-9])"  # IPv4
    rb"|[0-9]{3}-[0-9]{2}-[0-9]{4}(?![0-9])"  # social security numbers
    rb"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-"  # UUID
    rb"|(?:0|[1-9][0-9]*)\.[0-9]+(?![.0-9\-]| [0-9])"  # decimals
)


class _Phone:
    """:param regions: whose national formats need no word."""

    name = "phone"
    # A word after one number may be the word before the next.
    candidate = rb"(?:(?:%b|%b)%b|%b%b(?:(?:%b|%b)%b|%b)|%b)%b" % (
        *(_NAMED, _ASKED, _RUN),
        *(_RUN, _PAUSE, _NAMED, _ASKED, _RUN, _LABEL),
        *(b"|".join(_SHAPES), _REST),
    )

    def __init__(self, regions: Sequence[str] = ()) -> None:
        self._regions = tuple(regions)
        if regions:
            self.candidate = self.candidate + rb"|[^0-9\n]" + _AT_HOME + _EXTENSION

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        encoded = _IN_FORM.match(view, start)
        if encoded and is_possible(_digits(encoded[1])):
            return [encoded.span()]
        spans: list[Span] = []
        position, named, after = start, False, -_APART - 1  # none before
        while run := _RUNS.search(view, position, end):
            first, position = run.span()
            # Of several numbers after one word, each is a telephone number.
            named = named or _is_named(view, first)
            found = _in_run(view, first, position, named=named, after=after)
            if not found and self._regions and _at_home(view, first, position, self._regions):
                found = first, position
            if found:
                extension = (named and _LAST_GROUP.match(view, found[1], end)) or _EXTENSIONS.match(view, found[1], end)
                position = after = extension.end() if extension else found[1]
                spans.append((found[0], position))
        return spans

    def mask(self, text: str) -> str:
        return mask_digits(text)

    def normalise(self, text: str) -> str:
        """`+` and digits (E.164), or digits; an extension after `;ext=` as in RFC 3966."""
        seen = view(text).decode()
        number, *extension = re.split("[A-Za-z]+", seen, maxsplit=1)
        digits = "".join(filter(str.isdigit, number.replace("(0)", "")))
        if number.lstrip(" (").startswith("+"):
            digits = "+" + digits
        elif digits.startswith("00"):
            digits = "+" + digits[2:]
        more = "".join(filter(str.isdigit, "".join(extension)))
        return f"{digits};ext={more}" if more else digits


def _in_run(view: bytes, first: int, last: int, *, named: bool, after: int) -> Span | None:
    """Find the first number in a run of groups of digits; the one before it ended at `after`."""
    labelled = named or bool(_AFTER.match(view, last))
    for group in _GROUPS.finditer(view, first, last):
        place = group.start()
        if not _begins(view, place) or (b"+" not in group[0] and _OTHER.match(view, group.start(1))):
            continue
        # A parenthesis may belong to the number, or to the sentence.
        span = _international(view, place) or _national(view, place) or _national(view, group.start(1))
        if span and (labelled or place <= after + _APART or not _is_other(view, *span)):
            return span
        if labelled:
            for stop in _group_ends(view, place, last):
                if _MIN_DIGITS <= len(_digits(view[place:stop])) <= MAX_DIGITS:
                    return place, stop
    return None


def _at_home(view: bytes, first: int, last: int, regions: Sequence[str]) -> bool:
    """Whether a run of digits is valid in one of the regions, in the groups usual there; or in none, if it is alone."""
    number = view[first:last].replace(b"\x1c", b"").decode()
    alone = number[0] == "0" and view[first - 1 : first] == b'"' and is_alone_in(view, last)
    if len(number) > _LONGEST_ROW or (number.isdigit() and not alone):
        return False
    if not _begins(view, first) or _PART_BEFORE.search(view, max(0, first - 2), first) or _OTHER.match(view, first):
        return False
    if _PART_AFTER.match(view, last):
        return False
    return not _is_other(view, first, last) and any(_is_usual(number, region) for region in regions)


def _is_usual(number: str, region: str) -> bool:
    try:
        parsed = parse(number, region)
    except NumberParseException:
        return False
    if not is_valid_number_for_region(parsed, region):
        return False
    usual = format_number(parsed, PhoneNumberFormat.NATIONAL)
    return number.isdigit() or _GROUP_OF_DIGITS.findall(number) == _GROUP_OF_DIGITS.findall(usual)


def _national(view: bytes, place: int) -> Span | None:
    found = _NATIONAL.match(view, place)
    return found.span() if found else None


def _is_other(view: bytes, first: int, last: int) -> bool:
    return (
        _is_grouped(view, first, last)
        or _is_counted(view, first, last)
        or (view[first] != _PLUS and is_of_trade(view, first, last))
    )


def _is_grouped(view: bytes, first: int, last: int) -> bool:
    """Whether the groups belong to something longer written in groups: an IBAN, a registration."""
    return (
        view[first] in _DIGITS
        and b" " in view[first:last]
        and bool(_GROUP_BEFORE.search(view, max(0, first - 5), first))
    )


def _is_counted(view: bytes, first: int, last: int) -> bool:
    """Tell a row of two-digit numbers from the French five pairs: it counts in equal steps, or rises beyond five.

    A random number would count once in 10^6, and rise over six pairs once in 700; five that rise are one in 100.
    """
    pairs = _PAIRS.match(view, first, last)
    if not pairs or pairs.end() != last:
        return False
    before = after = None
    if pairs[1] == b" ":
        before = _MORE_BEFORE.search(view, max(0, first - _LONGEST_ROW), first)
        after = _MORE_AFTER.match(view, last)
    row = view[before.start() if before else first : after.end() if after else last]
    numbers = [int(row[place : place + 2]) for place in range(0, len(row), 3)]
    steps = {right - left for left, right in pairwise(numbers)}
    return min(steps) > 0 and (len(steps) == 1 or len(numbers) > _FRENCH_PAIRS)


def _international(view: bytes, place: int) -> Span | None:
    """The longest number of whole groups whose calling code is known, and whose length is possible under it."""
    found = _INTERNATIONAL.match(view, place)
    if not found or _DECIMAL.match(view, place):
        return None
    signed = found[1].endswith(b"+")
    for stop in _group_ends(view, found.end(1), found.end()):
        number = view[found.end(1) : stop]
        # Zeros may just fill up an identifier: without a plus sign, some separator has to tell.
        if is_possible(_digits(number.replace(b"(0)", b""))) and (signed or not number.isdigit()):
            return place, stop
    return None


def _group_ends(view: bytes, first: int, last: int) -> list[int]:
    """The ends of whole groups of digits, the last first."""
    return [
        stop for stop in range(last, first, -1) if view[stop - 1] in _DIGITS and not view[stop : stop + 1].isdigit()
    ]


def _digits(text: bytes) -> str:
    return text.translate(None, _NO_DIGITS).decode()


def _begins(view: bytes, place: int) -> bool:
    """Whether no word, number or version goes on here."""
    if not place or view[place - 1] not in _INSIDE:
        return True
    if view[place - 1] in b".-/":
        return (
            place < 2  # noqa: PLR2004
            or view[place - 2] not in _DIGITS
            or bool(_SEGMENT.search(view, max(0, place - _SEGMENT_REACH), place))
        )
    if _ESCAPED.search(view, max(0, place - 2), place):
        return True
    word = _GLUED.search(view, max(0, place - _LONGEST_WORD), place)
    return word is not None and not words_of(word[0]) & IDENTIFIERS


def _is_named(view: bytes, place: int) -> bool:
    """Whether what stands before says that a telephone number follows."""
    before = view[max(view.rfind(b"\n", max(0, place - _REACH), place) + 1, place - _REACH, 0) : place]
    position = 0
    while context := _CONTEXT.search(before, position):
        word = context.start()
        # No part of a longer word (hotel, cancelled), but of a compound (workPhone).
        if not word or _COMPOUND.search(before, max(0, word - 8), word) or _CAMEL.match(before, max(0, word - 2)):
            return True
        position = word + 1
    return False


PHONE: Final[Detector] = _Phone()


def phone_in(regions: Sequence[str]) -> Detector:
    """Give the detector that takes national formats of these countries (ISO 3166-1) without a word beside them."""
    return _Phone(regions)
