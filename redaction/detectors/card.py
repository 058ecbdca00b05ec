"""Payment card numbers (ISO/IEC 7812): known IIN and length, Luhn check digit, whole groups of digits.

One in ten of random numbers passes the check. So the more is asked for the less speaks for a card: after a word for one
any IIN that a network may issue is enough; elsewhere it has to be one in use, unless the digits stand in groups as on
cards; after the name of an identifier, an amount, a code of trade digits in a row are none.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Final

from redaction.detectors.base import INVISIBLE, Span, mask_digits, view
from redaction.detectors.card_ranges import LENGTHS, candidate_of, is_in_use
from redaction.detectors.context import CARD_WORDS, IDENTIFIERS, is_alone_in, line_start, named, words_of
from redaction.patterns import compile_bytes

__all__ = ["CARD", "is_card_number", "keep_bin_last_four", "keep_last_four", "looks_like_card", "luhn_valid"]

_KEPT_FIRST, _KEPT_LAST = 6, 4
_SHORTEST_WITH_BIN = 15  # shorter numbers hide too little between the BIN and the last four
_SEPARATOR = rb"[ ._/+" + INVISIBLE + rb"-]{0,3}"
_GROUP = re.compile(rb"[0-9]+")
_FRACTION = re.compile(rb"[0-9]\.")
_PLUS = re.compile(rb"(?<![0-9])\+" + INVISIBLE + rb"?\Z")
_E164_DIGITS = 14  # hardly a telephone number is longer; American Express has 15
_ONE_LETTER = re.compile(rb"(?<![0-9A-Za-z])[A-Za-z]\Z")
_LICENCE_DIGITS = 14  # nor driving licence, of those that are numbered by a letter and digits
# Tokens of fixed shape whose digits are random: UUIDs; MD5, SHA-1 and SHA-256 or trace ids in hexadecimal.
_TOKEN = re.compile(
    rb"(?<![0-9a-z])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})"
    rb"(?![0-9a-z])",
    re.IGNORECASE,
)
# Quick to say that there is none.
_TOKEN_SHAPE = compile_bytes(rb"(?i:[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{32})")
# One number as most are written: it is a card number or none, no other can be in it.
_USUAL: Final = re.compile(
    rb"[^0-9](?:[0-9]{12,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}|[0-9]{4}([ -])[0-9]{6}\2[0-9]{5})"
).fullmatch
_SHORTEST_TOKEN = 32
# Groups before: what follows is part of a longer row.
_ROW_BEFORE = re.compile(rb"[0-9][ ._/+" + INVISIBLE + rb"-]{1,3}\Z")
_ROW_DASHED = re.compile(rb"[0-9]-\Z")
_ROW_AFTER = re.compile(rb"-[0-9]{4}(?![0-9])")
_ROW_REACH = 4
# Letters that a number is glued to: after digits they are an identifier's, unless they are of an escaped character.
_GLUED = re.compile(rb"(?P<mixed>[0-9][A-Za-z]{1,23})?(?P<word>(?(mixed)|[A-Za-z]{2,24}))[-_]?\Z")
_ENCODED = re.compile(rb"(?:[%=]|\\x|\\u00|%u00)[0-9A-Fa-f]{2}\Z")
_CODE = re.compile(rb"(?i)(?<![a-z])(?:gtin|ean|upc|isbn|imei|iccid)(?:-?(?:8|1[0-4]))?[ :#.]{1,3}\Z")
_CODE_REACH = 28
_EAN_DIGITS = 13
_SIGNED = frozenset({b":", b"[", b",", b"=", b"("})
# Words for cards in a text, and brands.
_SAYS_CARD = re.compile(
    rb"(?i:(?<![a-z])(?:card|pan(?![a-z])|cc[n ]|credit|debit|visa|master|maestro|amex|jcb|diners|discover|unionpay"
    rb"|cart[ae]|cart\?o|karte|kaart|tarjeta)|(?:credit|debit|kredit|pay)[ _-]?(?:card|karte))|[a-z]Card|[a-z]Pan"
)
_WORD_REACH = 48
_OF_TOKENS = frozenset(b"0123456789abcdefABCDEF-")
_REACH = 65  # no token is longer than 64; one more to see its boundary
_NOTHING = frozenset({b"", b" ", b"\n", b"\x1d", b'"'})
_PLAIN = frozenset(b"".join(_NOTHING))
_ORDINAL = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))  # the digit sum of twice the digit
_LAYOUTS = ((4, 6, 5), (4, 6, 4))  # American Express, Diners Club
_LONG_GROUP = 3  # shorter groups, on average, are lists of small numbers
_FIRST_GROUPS = frozenset({4, 6, 8})
_FEW_GROUPS = 4
_USUAL_DIGITS = (15, 16)
_SHORT_DIGITS = 13
_LONGEST = 19
_ENDS_IN_FOUR: Final = re.compile(r"[0-9*]{4}").fullmatch  # as nearly all do
_FIELD = re.compile(rb"[^0-9A-Za-z*]{0,3}(?:[0-9*][^0-9A-Za-z*]{0,3}){12,19}")
# As most are written, first: found in half of the time.
_ASCII_FIELD: Final = re.compile(r"(?:[0-9*]{4}[ -]?){3}[0-9*]{4}|" + _FIELD.pattern.decode()).fullmatch
_FIELD_LENGTH = 80


def luhn_valid(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B. `digits`: ASCII digits only."""
    return _luhn_sum(digits.encode()) % 10 == 0


def is_card_number(digits: str) -> bool:
    """Known IIN with a length it is issued in, and a valid check digit. `digits`: ASCII digits only."""
    return _is_card_number(digits.encode())


def _luhn_sum(digits: bytes) -> int:
    return sum(digits[::-2].translate(_ORDINAL) + digits[-2::-2].translate(_DOUBLED))


def _is_card_number(digits: bytes) -> bool:
    return len(digits) in LENGTHS.get(digits[:4], ()) and _luhn_sum(digits) % 10 == 0


def looks_like_card(text: str) -> bool:
    """Whether a text, known to be in a card's place, is a card number or one masked before, and nothing else.

    12 to 19 digits or `*`, at most three separators between; neither IIN nor check digit are asked for.
    """
    if text.isascii():
        return len(text) <= _FIELD_LENGTH and _ASCII_FIELD(text) is not None
    return len(text) <= _FIELD_LENGTH and _FIELD.fullmatch(view(text)) is not None


def keep_last_four(text: str) -> str:
    """Mask every digit but the last four, or all where there are fewer; all else stays.

    `*` counts as a digit: what was masked before stays as it is.
    """
    last = text[-_KEPT_LAST:]
    if len(last) == _KEPT_LAST and (last.isdecimal() or _ENDS_IN_FOUR(last)):
        return mask_digits(text[:-_KEPT_LAST]) + last
    places = _digit_places(text)
    return _mask_between(text, 0, places[-_KEPT_LAST] if len(places) >= _KEPT_LAST else len(text))


def keep_bin_last_four(text: str) -> str:
    """Mask every digit but the first six and the last four: the most that all brands let one keep.

    PCI DSS 4.0, 3.4.1 and 3.5.1; PCI SSC's FAQ 1091. Of numbers with less than 15 digits only the last four stay. `*`
    counts as a digit: what was masked before stays as it is.
    """
    places = _digit_places(text)
    if len(places) < _SHORTEST_WITH_BIN:
        return keep_last_four(text)
    return _mask_between(text, places[_KEPT_FIRST], places[-_KEPT_LAST])


def _digit_places(text: str) -> list[int]:
    return [place for place, char in enumerate(text) if char.isdecimal() or char == "*"]


def _mask_between(text: str, first: int, end: int) -> str:
    return text[:first] + mask_digits(text[first:end]) + text[end:]


class _Card:
    name: Final = "card"
    candidate: Final = candidate_of(_SEPARATOR)

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        """Find card numbers. Those that overlap are given as one span, in doubt covered."""
        found: Sequence[Span]
        if _USUAL(view, start, end):
            digits = view[start + 1 : end].translate(None, b" -")
            if not _is_card_number(digits) or not _counts(view, start + 1, end, digits):
                return ()
            found = ((start + 1, end),)
        else:
            found = _windows(view, start, end)
        if not found or (
            end - start < _SHORTEST_TOKEN
            and view[start] not in _OF_TOKENS
            and (end == len(view) or view[end] not in _OF_TOKENS)
        ):
            return found
        around = max(0, start - _REACH), min(end + _REACH, len(view))
        if not _TOKEN_SHAPE.search(view, *around):
            return found
        tokens = [match.span() for match in _TOKEN.finditer(view, *around)]
        return [span for part in _outside(tokens, start, end) for span in _windows(view, *part)]

    def mask(self, text: str) -> str:
        """Keep the last four digits. PCI DSS 4.0, 3.4.1 allows these."""
        return keep_last_four(text)

    def normalise(self, text: str) -> str:
        """Give the digits, in ASCII."""
        return b"".join(_GROUP.findall(view(text))).decode()


CARD: Final = _Card()


def _outside(tokens: list[Span], start: int, end: int) -> Iterator[Span]:
    for first, last in tokens:
        if start < first:
            yield start, first
        start = max(start, last)
    if start < end:
        yield start, end


def _windows(view: bytes, start: int, end: int) -> list[Span]:
    """Find valid numbers made of whole groups of digits; those that overlap as one."""
    groups = [match.span() for match in _GROUP.finditer(view, start, end)]
    if groups and view[max(0, groups[0][0] - 1) : groups[0][0]].isdigit():
        del groups[0]  # its first digits lie before
    if len(groups) <= 1:
        return [
            (first, last)
            for first, last in groups
            if _is_card_number(view[first:last]) and _counts(view, first, last, view[first:last])
        ]
    return _windows_of_many(view, groups)


def _windows_of_many(view: bytes, groups: list[Span]) -> list[Span]:
    digits = b"".join([view[first:last] for first, last in groups])
    sizes = tuple([last - first for first, last in groups])
    kinds = tuple([_kind(view[left[1] : right[0]]) for left, right in pairwise(groups)])
    offsets = list(accumulate(sizes, initial=0))
    group_after = [0] * (len(digits) + _LONGEST + 1)
    for index, offset in enumerate(offsets):
        group_after[offset] = index
    # Luhn sums of all prefixes, digits at even and at odd places doubled: each window costs two look-ups.
    sums = _prefix_sums(digits)
    found: list[Span] = []
    covered = 0
    goes_on = bool(_ROW_BEFORE.search(view, max(0, groups[0][0] - _ROW_REACH), groups[0][0]))
    for index, (first, _) in enumerate(groups):
        begin = offsets[index]
        for length in LENGTHS.get(digits[begin : begin + 4], ()):  # the longest first
            stop = begin + length
            after = group_after[stop]
            if not after:
                continue
            of_parity = sums[stop % 2]  # the last digit, at place stop - 1, stays plain
            if (of_parity[stop] - of_parity[begin]) % 10:
                continue
            last = groups[after - 1][1]
            if last <= covered:
                break
            between = kinds[index : after - 1]
            whole = index == 0 and after == len(groups) and not goes_on
            if length <= _SHORT_DIGITS and not whole and after > index + 1:
                continue  # of three groups in a row of four, one in ten passes the check
            if _is_layout(sizes[index:after], between, whole=whole) and _counts(view, first, last, digits[begin:stop]):
                if first < covered:
                    first = found.pop()[0]  # noqa: PLW2901
                found.append((first, last))
                covered = last
                break
    return found


def _prefix_sums(digits: bytes) -> tuple[list[int], list[int]]:
    plain, doubled = digits.translate(_ORDINAL), digits.translate(_DOUBLED)
    even, odd = bytearray(plain), bytearray(plain)
    even[0::2] = doubled[0::2]
    odd[1::2] = doubled[1::2]
    return list(accumulate(even, initial=0)), list(accumulate(odd, initial=0))


@lru_cache(maxsize=1000)
def _kind(gap: bytes) -> bytes:
    """What separates: one sign or more; one space; nothing, if all is invisible."""
    return gap.strip(b" \x1c") or (b" " if b" " in gap else b"")


@lru_cache(maxsize=1000)
def _is_layout(sizes: tuple[int, ...], kinds: tuple[bytes, ...], *, whole: bool) -> bool:
    """Tell a number in groups from several numbers and from amounts: one in ten of these passes the check as well.

    `whole`: there are no groups beside these. Parts of a row of numbers count only in a card's usual layout.
    """
    if b"" in kinds:
        sizes, kinds = _joined(sizes, kinds)
    if not kinds:
        return True
    even = len(set(sizes[:-1])) == 1 and sizes[-1] <= sizes[0]
    usual = (even and sizes[0] in {1, 4}) or sizes in _LAYOUTS
    alike = len(set(kinds)) == 1
    if not all(kind.strip(b"-") in {b"", b" "} for kind in kinds):
        # A dot, slash, plus or underscore separates groups only if it separates all, three at least.
        return usual and alike and len(kinds[0]) == 1 and len(kinds) > 1
    if usual or not whole:
        return usual
    total = sum(sizes)
    if total < _LONG_GROUP * len(sizes):
        return False
    if total in _USUAL_DIGITS:
        return alike or len(sizes) <= _FEW_GROUPS
    # Of other lengths few are issued: the first group has to be one of four, or an IIN of six or eight digits.
    return alike and sizes[0] in _FIRST_GROUPS


def _joined(sizes: tuple[int, ...], kinds: tuple[bytes, ...]) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
    """Join the groups between which all is invisible."""
    joined = [sizes[0]]
    for kind, size in zip(kinds, sizes[1:], strict=True):
        if kind:
            joined.append(size)
        else:
            joined[-1] += size
    return tuple(joined), tuple(kind for kind in kinds if kind)


def _counts(view: bytes, first: int, last: int, digits: bytes) -> bool:
    """Whether digits that pass the check are a card's number by what stands around them."""
    alone = last - first == len(digits)
    if view[first - 1 : first] not in _NOTHING and _is_other_number(view, first, last, len(digits)):
        return False
    as_on_cards = not alone and b" " in view[first:last]
    if not as_on_cards:
        said = _said(view, first, last)
        if said is not None or (not alone and _ROW_AFTER.match(view, last)):
            return bool(said)
    if (as_on_cards or is_in_use(digits)) and not (len(digits) == _EAN_DIGITS and _is_ean(digits)):
        return True
    return _SAYS_CARD.search(view, line_start(view, first, _WORD_REACH), first) is not None


def _said(view: bytes, first: int, last: int) -> bool | None:
    """Whether it is a card's by the name of its field; None if that says nothing."""
    words = named(view, first, last)
    if words & CARD_WORDS:
        return True
    if words & IDENTIFIERS or _CODE.search(view, max(0, first - _CODE_REACH), first):
        return False
    return None


def _is_ean(digits: bytes) -> bool:
    """GS1 General Specifications, 7.9: the check digit of EAN-13."""
    values = digits.translate(_ORDINAL)
    return (sum(values[::2]) + 3 * sum(values[1::2])) % 10 == 0


def _is_negative(view: bytes, first: int, last: int) -> bool:
    if view[first - 1 : first] != b"-":
        return False
    sign = view[max(0, first - 2) : first - 1]
    return sign in _SIGNED or (sign == b'"' and is_alone_in(view, last))


def _is_other_number(view: bytes, first: int, last: int, digits: int) -> bool:
    """Whether what stands before makes it a telephone number (E.164), a licence, or part of a longer number or name."""
    if digits <= _E164_DIGITS and _PLUS.search(view, max(0, first - 3), first):
        return True
    if digits <= _LICENCE_DIGITS and _ONE_LETTER.search(view, max(0, first - 2), first):
        return True
    if last - first > digits:
        return b" " not in view[first:last] and bool(_ROW_DASHED.search(view, max(0, first - 2), first))
    return (
        bool(_FRACTION.match(view, max(0, first - 2), first))
        or _is_negative(view, first, last)
        or _is_glued(view, first)
    )


def _is_glued(view: bytes, first: int) -> bool:
    glued = _GLUED.search(view, max(0, first - _CODE_REACH), first)
    if not glued:
        return False
    if glued["mixed"]:
        return not _ENCODED.search(view, max(0, first - _CODE_REACH), first)
    return bool(words_of(glued[0]) & IDENTIFIERS)
