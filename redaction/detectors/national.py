"""National identifiers of persons whose form and check digits tell enough: no name has to.

Others, in bare digits or with one check digit, count straight after a word that names them. Rules as each issuer
publishes them, collected in python-stdnum (which the tests judge by).
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, NamedTuple

from redaction.detectors.base import Detector, Span, view
from redaction.detectors.context import is_of_trade

__all__ = ["NATIONAL_ID"]


class _Form(NamedTuple):
    """`word`: what has to stand before it, as an RE2 pattern; empty: nothing."""

    pattern: bytes
    is_valid: Callable[[str], bool]
    word: bytes = b""


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        return bool(date(year, month, day))
    except ValueError:
        return False


def _is_cpf(number: str) -> bool:
    """Brazil, Receita Federal."""
    checks = [-_weighted(number[:size], range(size + 1, 1, -1)) % 11 % 10 for size in (9, 10)]
    return number[9:] == "".join(map(str, checks))


_ODD: Final = dict(
    zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (*(1, 0, 5, 7, 9, 13, 15, 17, 19, 21),) * 2, strict=False)
) | dict(zip("KLMNOPQRSTUVWXYZ", (2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23), strict=True))


def _is_codice_fiscale(code: str) -> bool:
    """Italy, D.M. 23/12/1976: letters of both names, date of birth, place, check letter."""
    even = sum(int(char) if char.isdigit() else ord(char) - ord("A") for char in code[1:15:2])
    return chr(ord("A") + (even + sum(_ODD[char] for char in code[0:15:2])) % 26) == code[15]


def _is_nino(code: str) -> bool:
    """United Kingdom, HMRC NIM39110: no check digit."""
    return code[:2] not in {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"}


def _is_ahv(number: str) -> bool:
    """Switzerland, AHVN13: an EAN-13 with the country's code."""
    return _weighted(number, (1, 3) * 6 + (1,)) % 10 == 0


def _is_nir(code: str) -> bool:
    """France, INSEE: sex, year, month, place; the key is by 97. Corsica's places have a letter."""
    number = code[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(code[13:])


def _is_belgian(number: str) -> bool:
    """Belgium, national number: the key is by 97, with a 2 in front for who was born since 2000."""
    return int(number[9:]) in {97 - int(front + number[:9]) % 97 for front in ("", "2")}


def _is_hetu(code: str) -> bool:
    """Finland, DVV: date of birth, sign of the century, number, check character."""
    century = {"+": 18, "-": 19, "A": 20}[code[6]]
    born = _is_date(century * 100 + int(code[4:6]), int(code[2:4]), int(code[:2]))
    return born and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(code[:6] + code[7:10]) % 31] == code[10]


def _is_rut(code: str) -> bool:
    """Chile, Registro Civil."""
    return "0123456789K"[-_weighted(code[-2::-1], (2, 3, 4, 5, 6, 7) * 2) % 11] == code[-1]


_CURP: Final = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ"


def _is_curp(code: str) -> bool:
    """Mexico, RENAPO."""
    return -sum(_CURP.index(char) * (18 - place) for place, char in enumerate(code[:17])) % 10 == int(code[17])


def _is_chinese(code: str) -> bool:
    """China, GB 11643-1999: place, date of birth, number, check character."""
    weights = [2**power % 11 for power in range(17, 0, -1)]
    born = _is_date(int(code[6:10]), int(code[10:12]), int(code[12:14]))
    return born and "10X98765432"[_weighted(code, weights) % 11] == code[17]


_DIHEDRAL: Final = (
    "0123456789123406789523401789563401289567401239567859876043216598710432765982104387659321049876543210"
)
_PERMUTED: Final = (
    *("0123456789", "1576283094", "5803796142", "8916043527"),
    *("9453126870", "4286573901", "2793806415", "7046913258"),
)


def _is_aadhaar(number: str) -> bool:
    """India, UIDAI: Verhoeff's check digit."""
    check = 0
    for place, digit in enumerate(reversed(number)):
        check = int(_DIHEDRAL[10 * check + int(_PERMUTED[place % 8][int(digit)])])
    return check == 0 and number != number[::-1]


def _is_dni(code: str) -> bool:
    """Spain, Ministerio del Interior: DNI, and NIE with X, Y or Z for its first digit."""
    number = code[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == code[-1]


def _is_pesel(number: str) -> bool:
    """Poland, MSWiA: date of birth, with the century in the month; check digit."""
    return _weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0 and int(number[2:4]) % 20 in range(1, 13)


def _is_bsn(number: str) -> bool:
    """Netherlands, RvIG: the eleven test."""
    return (_weighted(number[:8], range(9, 1, -1)) - int(number[8])) % 11 == 0 and int(number) > 0


def _is_portuguese(number: str) -> bool:
    """Portugal, Autoridade Tributária: NIF of a person (1 to 3) or of a company."""
    check = -_weighted(number[:8], range(9, 1, -1)) % 11
    return int(number[8]) == (check if check < 10 else 0)  # noqa: PLR2004 - of one digit


_GAP: Final = rb"[ -]?"
_NINO_PREFIX: Final = rb"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
_FORMS: Final = (
    _Form(rb"[1-8][0-9]{5}(?:19|20)[0-9]{2}[01][0-9][0-3][0-9]{4}[0-9Xx]", _is_chinese),
    _Form(rb"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", _is_cpf),
    _Form(rb"[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-7][0-9][A-Z][0-9]{3}[A-Z]", _is_codice_fiscale),
    _Form(_NINO_PREFIX + rb" [0-9]{2} [0-9]{2} [0-9]{2} [A-D]", _is_nino),
    _Form(rb"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", _is_ahv),
    _Form(
        rb"[12] [0-9]{2} (?:0[1-9]|1[0-2]) (?:[0-9]{2}|2[AB]) [0-9]{3} [0-9]{3} [0-9]{2}",
        _is_nir,
    ),
    _Form(rb"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", _is_belgian),
    _Form(rb"[0-3][0-9][01][0-9]{3}[-+A][0-9]{3}[0-9A-Y]", _is_hetu),
    _Form(rb"[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9Kk]", _is_rut),
    _Form(rb"[A-Z][AEIOUX][A-Z]{2}[0-9]{2}[01][0-9][0-3][0-9][HM][A-Z]{5}[0-9A-Z][0-9]", _is_curp),
    _Form(rb"[A-Z]{3}P[A-Z][0-9]{4}[A-Z]", lambda _: True),  # India's PAN of a person
    _Form(rb"[0-9]{11}", _is_cpf, rb"cpf|documento?"),
    _Form(rb"[1-35689][0-9]{8}", _is_portuguese, rb"nif|contribuinte"),
    _Form(rb"[12][0-9]{2}(?:0[1-9]|1[0-2])(?:[0-9]{2}|2[AB])[0-9]{8}", _is_nir, rb"nir|insee"),
    _Form(_NINO_PREFIX + rb"(?:[ -]?[0-9]{2}){3}[ -]?[A-D]", _is_nino, rb"nino|national insurance"),
    _Form(rb"[2-9][0-9]{3}" + _GAP + rb"[0-9]{4}" + _GAP + rb"[0-9]{4}", _is_aadhaar, rb"aadhaa?r|uidai"),
    _Form(rb"(?:[0-9]{8}|[XYZxyz]-?[0-9]{7})-?[A-Za-z]", _is_dni, rb"dni|nie|nif"),
    _Form(rb"[0-9]{11}", _is_pesel, rb"pesel"),
    _Form(rb"[0-9]{9}", _is_bsn, rb"bsn|burgerservicenummer"),
)
_BETWEEN: Final = rb"(?i: ?(?:no\.?|number|nr\.?|id|#|is|es|el|ist|est|le)){0,2}(?:\\*[\"'])? ?[:= ] ?(?:\\*[\"'])?"
_SEPARATORS: Final = str.maketrans("", "", " .-")
_COMPILED: Final = tuple(
    (form, re.compile(form.pattern), re.compile(rb"(?i:%b)%b" % (form.word, _BETWEEN)) if form.word else None)
    for form in _FORMS
)
_ESCAPE = re.compile(rb"\\[bfnrt]")
_NEXT = re.compile(rb"[0-9A-Za-z]|[.-][0-9]")
_BEFORE = re.compile(rb"[0-9][.-]\Z")


class _NationalId:
    name = "national_id"
    candidate = b"|".join(
        rb"[^\n](?i:%b)%b(?:%b)" % (form.word, _BETWEEN, form.pattern)
        if form.word
        else rb"[^0-9\n](?:%b)" % form.pattern
        for form in _FORMS
    )

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        """Find the identifier that ends the candidate."""
        # The end of an escape in JSON looks like the beginning of a word.
        if _NEXT.match(view, end) or (
            view[start : start + 1].isalnum() and not _ESCAPE.fullmatch(view, max(0, start - 1), start + 1)
        ):
            return []
        for form, pattern, word in _COMPILED:
            named = word.match(view, start + 1, end) if word else None
            if word and not named:
                continue
            first = named.end() if named else start + 1
            if pattern.fullmatch(view, first, end) and _is_valid(form, view[first:end].decode()):
                is_other = not named and (
                    _BEFORE.search(view, max(0, first - 2), first) or is_of_trade(view, first, end, id_is=False)
                )
                return [] if is_other else [(first, end)]
        return []

    def mask(self, text: str) -> str:
        """Mask letters and digits."""
        return "".join("*" if char.isalnum() else char for char in text)

    def normalise(self, text: str) -> str:
        """Give letters, in upper case, and digits, in ASCII."""
        return "".join(char for char in view(text).decode().upper() if char.isalnum())


NATIONAL_ID: Final[Detector] = _NationalId()


def _is_valid(form: _Form, text: str) -> bool:
    code = text.upper()
    return form.is_valid(code if form.is_valid is _is_hetu else code.translate(_SEPARATORS))
