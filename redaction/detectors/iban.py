"""International bank account numbers (ISO 13616): length by country, check digits by ISO 7064 MOD 97-10.

And the line of magnetic ink on cheques (MICR, ISO 1004-1, E-13B), as far as it names a bank and an account: its signs
stand in nothing else; and a routing number of the United States with the account behind a hyphen, as all of a text.
"""

import re
import string
from collections.abc import Sequence
from typing import Final

from redaction.detectors.base import INVISIBLE, ON_US, TRANSIT, Span, view
from redaction.detectors.context import is_alone_in

__all__ = ["IBAN", "LENGTHS"]

# SWIFT's IBAN registry, release 99 (December 2024). Here the national number begins with eight digits at least;
_NUMERIC = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "BA": 20, "BE": 16, "BI": 27, "BR": 29, "CR": 22, "CY": 28,
    "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GL": 18,
    "HR": 21, "HU": 28, "IL": 23, "IS": 26, "LT": 20, "LY": 25, "MC": 27, "ME": 22, "MN": 20, "MR": 27, "NO": 15,
    "PL": 28, "PT": 25, "RS": 22, "RU": 33, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SO": 23, "ST": 25, "TL": 23,
    "TN": 24, "VA": 22, "XK": 20,
}  # fmt: skip
# here with fewer, or with letters.
_OTHER = {
    "AZ": 28, "BG": 22, "BH": 22, "BY": 28, "CH": 21, "DO": 28, "FK": 18, "GB": 22, "GE": 22, "GI": 23, "GR": 27,
    "GT": 28, "HN": 28, "IE": 22, "IQ": 23, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21,
    "LU": 20, "LV": 21, "MD": 24, "MK": 19, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "OM": 23, "PK": 24, "PS": 29,
    "QA": 29, "RO": 24, "SA": 24, "SC": 31, "SM": 27, "SV": 28, "TR": 26, "UA": 29, "VG": 24, "YE": 30,
}  # fmt: skip
# Not in the registry, but in use: as the national banks publish them.
_NUMERIC |= {
    "AO": 25, "CF": 27, "CG": 27, "CM": 27, "CV": 25, "DZ": 26, "GA": 27, "GQ": 27, "IR": 26, "KM": 27, "MA": 28,
    "MG": 27, "MZ": 25, "TD": 27,
}  # fmt: skip
# Two characters of any kind, then digits.
_LETTERS_FIRST = {"BF": 28, "BJ": 28, "CI": 28, "GW": 25, "ML": 28, "NE": 28, "SN": 28, "TG": 28}
LENGTHS: Final = _NUMERIC | _OTHER | _LETTERS_FIRST
"""Characters of an IBAN, without separators, by country."""

_SEPARATOR = rb"[ ." + INVISIBLE + rb"-]{0,3}"
_HIDDEN = INVISIBLE + rb"?"


# `⑆110000000⑆000123456789⑈0042`
_MICR_NUMBER = rb" ?[0-9][0-9 -]{3,24}"
_MICR = TRANSIT + _MICR_NUMBER + rb"(?:" + TRANSIT + rb"(?:" + _MICR_NUMBER + ON_US + rb")?|" + ON_US + rb")"
_MICR_PARTS = re.compile(
    rb"(?<=" + TRANSIT + rb")" + rb" ?([0-9][0-9 -]{2,23}[0-9]) ?(?=" + TRANSIT + rb"|" + ON_US + rb")"
)
_TRANSIT: Final = 0x1E
# `121042882-38381234567`: by the Federal Reserve's districts (ABA Key to Routing Numbers).
_ROUTED = rb'"(?:0[0-9]|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)[0-9]{7}-[0-9]{6,17}'
_QUOTE: Final = ord('"')
# SWIFT's MT, fields 50 to 59: an account of a party; a bank's number, by its country's clearing system.
_MT = rb":5[0-9][A-Z]?:/(?:/[A-Z]{2})?[0-9][0-9A-Z]{4,33}"
_MT_ACCOUNT = re.compile(rb":5[0-9][A-Z]?:/(?:/[A-Z]{2})?([0-9][0-9A-Z]{4,33})")
_COLON: Final = ord(":")
# As it is written in Poland: without the country.
_NRB = rb"[^0-9\n][0-9]{2}(?: [0-9]{4}){6}"
_POLAND: Final = b"PL"
_NRB_LENGTH: Final = 1 + 32
_ROUTING_DIGITS: Final = 9
_ROUTING_WEIGHTS: Final = (3, 7, 1) * 3


def _starting(countries: dict[str, int], then: bytes) -> bytes:
    codes = "|".join(sorted(countries)).encode()
    # Some part the country from the check digits; in lower case `no 12` and `it 20` are words.
    return rb"(?:(?i:%b)%b|(?:%b)[ .-])[0-9]%b[0-9]%b" % (codes, _HIDDEN, codes, _HIDDEN, then)


def _candidate() -> bytes:
    character, digit = _SEPARATOR + rb"[0-9A-Za-z]", _SEPARATOR + rb"[0-9]"
    digits_first = rb"(?:%b){8}(?:%b){3,}" % (digit, character)
    letters_first = rb"(?:%b){2}(?:%b){8}(?:%b){3,}" % (character, digit, character)
    return b"|".join([
        _starting(_NUMERIC, digits_first),
        _starting(_OTHER, rb"(?:%b){11,}" % character),
        _starting(_LETTERS_FIRST, letters_first),
        _MICR,
        _ROUTED,
        _MT,
        _NRB,
    ])  # fmt: skip


# Glued to what stands before: a field's code in MT940, a currency, a BIC.
_START = re.compile(
    rb"(?:(?<![0-9A-Za-z])|(?<=(?i:iban))|(?<=[?:/][0-9]{2})|(?<=(?<![A-Za-z])[A-Z]{3})"
    rb"|(?<=(?<![0-9A-Za-z])[A-Z]{6}[0-9A-Z]{2})|(?<=(?<![0-9A-Za-z])[A-Z]{6}[0-9A-Z]{5}))"
    rb"(?:([A-Za-z]{2})%b|([A-Z]{2})[ .-])[0-9]%b[0-9]" % (_HIDDEN, _HIDDEN)
)
_CURRENCY = re.compile(rb"[A-Z]{3}(?![A-Za-z])")  # likewise behind
_CHARACTERS = re.compile(rb"[0-9A-Za-z]+")
_VEILED_GROUP = re.compile(rb"[0-9A-Za-z" + INVISIBLE + rb"]+")
_DIGIT = re.compile(rb"[0-9]")
_LONGEST = 33 * 4  # with separators
_COUNTRY = 2
_INVISIBLE = 0x1C
_GROUP = 4
_BANK = 1  # the group that may hold no digit: the bank's letters
_CHECKS = range(2, 99)
_VALUES: Final = {
    ord(char): str(int(char, 36)) for char in string.digits + string.ascii_letters
}  # digits as themselves, A is 10
_KEPT_FIRST, _KEPT_LAST = 2, 4


class _Iban:
    name: Final = "iban"
    candidate: Final = _candidate()

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        """Find the IBANs that begin in the candidate."""
        if view[start] == _TRANSIT:
            return [match.span(1) for match in _MICR_PARTS.finditer(view, start, end)]
        if view[start] == _QUOTE:
            return ((start + 1, end),) if is_alone_in(view, end) and _is_routing_number(view, start + 1) else ()
        if view[start] == _COLON and (account := _MT_ACCOUNT.match(view, start, end)):
            return (account.span(1),)
        if end - start == _NRB_LENGTH and view[start + 1 : start + 3].isdigit():
            is_nrb = not view[end : end + 1].isdigit() and _is_valid(_POLAND + view[start + 1 : end].replace(b" ", b""))
            return ((start + 1, end),) if is_nrb else ()
        found: list[Span] = []
        position = start
        while match := _START.search(view, position, end):
            position = match.start() + 1
            length = LENGTHS.get((match[1] or match[2]).decode().upper())
            last = _end(view, match.start(), min(end, match.start() + _LONGEST), length) if length else None
            if last is not None:
                found.append((match.start(), last))
                position = last
        return found

    def mask(self, text: str) -> str:
        """Keep the country, if it begins with one, and the last four characters; separators stay."""
        places = [place for place, char in enumerate(text) if char.isalnum()]
        hidden = set(places[_KEPT_FIRST if text[:1].isalpha() else 0 : -_KEPT_LAST])
        return "".join("*" if place in hidden else char for place, char in enumerate(text))

    def normalise(self, text: str) -> str:
        """Give letters, in upper case, and digits, in ASCII: the electronic format."""
        return b"".join(_CHARACTERS.findall(view(text))).decode().upper()


IBAN: Final = _Iban()


def _is_routing_number(view: bytes, start: int) -> bool:
    digits = [code - ord("0") for code in view[start : start + _ROUTING_DIGITS]]
    return sum(digit * weight for digit, weight in zip(digits, _ROUTING_WEIGHTS, strict=True)) % 10 == 0


def _end(view: bytes, start: int, limit: int, length: int) -> int | None:
    """Where the valid IBAN of `length` characters ends that begins at `start`; None if there is none."""
    groups: list[bytes] = []
    last = start
    for match in _VEILED_GROUP.finditer(view, start, limit):
        if group := match[0].translate(None, b"\x1c")[:length]:
            if len(groups) == 1 and len(groups[0]) == _COUNTRY:
                groups[0] += group
            else:
                groups.append(group)
            length -= len(group)
            last = _after(view, match.start(), len(group))
            if not length:
                break
    glued = view[last : last + 1].isalnum() and not _CURRENCY.match(view, last)
    if length or glued or not _is_plausible(groups, dotted=b"." in view[start:last]):
        return None
    return last if _is_valid(b"".join(groups)) else None


def _after(view: bytes, place: int, count: int) -> int:
    """The place after as many characters that can be seen."""
    while count:
        count -= view[place] != _INVISIBLE
        place += 1
    return place


def _is_plausible(groups: list[bytes], *, dotted: bool) -> bool:
    """Tell from words and numbers in a sentence: groups of four, or a digit in each but the bank's.

    Dots part other things as well.
    """
    if all(len(group) == _GROUP for group in groups[:-1]) and len(groups[-1]) <= _GROUP:
        return True
    return not dotted and all(_DIGIT.search(group) for place, group in enumerate(groups) if place != _BANK)


def _is_valid(iban: bytes) -> bool:
    checks = iban[2:4]
    if not checks.isdigit() or int(checks) not in _CHECKS:
        return False
    return int("".join([_VALUES[char] for char in iban[4:] + iban[:4]])) % 97 == 1
