"""What a value says about itself: whether it is the thing that its field is named after, or something about it."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeAlias

from redaction.actions.base import HIDDEN
from redaction.detectors.card import looks_like_card
from redaction.plugin import JSONValue
from redaction.vocabulary import word_set

Test: TypeAlias = Callable[[JSONValue], bool]
"""Tells whether a scalar counts."""

SECRET: Final = "credential"  # noqa: S105 - the name of a detector
"""The kind of which any value may be one."""

_OUTCOMES: Final = word_set(
    """match matches matched no_match nomatch not_matched partial_match mismatch pass passed fail failed failure success
    successful ok verified unverified not_verified unchecked not_checked checked unavailable not_available
    not_provided provided not_present present absent missing not_supported unsupported supported required not_required
    optional mandatory active inactive pending disabled enabled accepted rejected declined approved denied requested
    not_requested complete completed incomplete valid invalid expired unknown none null true false yes no
    not_applicable na y n manual keyed swiped magstripe chip contactless 3dsecure 3d_secure 3ds 3ds1 3ds2"""
)
_MOST: Final = 24
_NOT_WORD: Final = re.compile(r"[\W_]+")

# What has been masked in part looks like something else than before; it must not be masked again.
_MASK: Final = "***"
_MASKED: Final = re.compile(r"[Xx*#\u2022\u25cf\u2217\u00b7.\u2026_ -]{0,40}(?:[0-9]{4})?")
# The most that may be shown of a card's number: its BIN and the last four; of what is shorter less is left.
_MASKED_BETWEEN: Final = re.compile(
    r"(?:[0-9][ -]?){0,8}(?:(?:[Xx][ -]?){4,20}|(?:[*#\u2022\u25cf\u2217][ -]?){4,20})(?:[0-9]{4})?"
    r"|[A-Z]{2}(?:[0-9]{2}|\*\*) ?(?:\*[ -]?){8,26}(?:[0-9A-Z] ?){0,4}"
    r"|[^\s@*]?\*{3,}[^\s@*]?@[^\s@*.]?\*{3,}\.[a-z]{2,6}"
)
_LONGEST_MASKED: Final = 40
_LAST_FOUR: Final = range(1000, 10_000)
_FOUR: Final = 4

_SCHEME: Final = re.compile(
    r"(?i:apikey|aws4-hmac-sha256|basic|bearer|concealed|digest|dpop|gnap|hawk|hmac[\w-]*|hoba|key|mutual|negotiate|ntlm"
    r"|oauth|privatetoken|scram-[\w-]+|sharedaccesssignature|sharedkey|signature|token|vapid)\s+\S"
)
_OPAQUE: Final = re.compile(r"(?=[^A-Za-z]*[A-Za-z])(?=[^0-9]*[0-9])[!-~]{7,}")
# UUIDs, and what begins with its own kind: `ch_3PgafTB7WZ01zgkW`; dates, versions, addresses of pages and resources.
_IDENTIFIER: Final = re.compile(
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[A-Za-z][A-Za-z0-9]{0,15}(?:_[A-Za-z]+)*_[A-Za-z0-9]+"
    r"|[A-Z]{2}[0-9a-f]{16,32}|[0-9]{4}-[0-9]{2}-[0-9]{2}.*|[a-z][a-z0-9+.-]*:.*|[\w-]+/[0-9].*"
)
_LONGEST: Final = 8192
_PAIR: Final = re.compile(r"(?<![^\s=;,])([^\s=;,]+)=(\"[^\"]*\"(?=[\s;,]|\Z)|[^\s;,]*)")
_EXPONENTS_WRITTEN_OUT: Final = 20
_ACCOUNT: Final = re.compile(r"[0-9](?:[ -]?[0-9]){4,21}")
_SHAPES: Final[dict[str, re.Pattern[str]]] = {
    "iban": re.compile(r"[A-Za-z]{2}[0-9]{2}(?:[ .-]?[0-9A-Za-z]){11,30}"),
    "email": re.compile(r"[^\s@]+@[^\s@]+"),
    "phone": re.compile(r"(?:tel:)?[+(]{0,2}(?:[0-9][ ().\/\u00a0-]{0,3}){7,16}(?:(?:x|ext\.?) ?[0-9]{1,6})?"),
    "ip": re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?=[^:]*:[^:]*:)[0-9A-Fa-f:.]+(?:%\w+)?"),
    "national_id": re.compile(r"(?=(?:[^0-9]*[0-9]){8})(?![0-9]\.)[0-9A-Z](?:[ ./-]{0,2}[0-9A-Z]){7,17}"),
    "ssn": re.compile(r"[0-9](?:[ .-]?[0-9]){8}"),
}

SURE_TEXT: Final = rb"[ -!#-)+-\[\]-~]+"
"""What is written in JSON as it is, and holds nothing that a mask leaves."""
SURE_CARD: Final = rb"(?:[0-9]{4}[ -]?){3}[0-9]{4}"
_SURE_NUMBER: Final = rb"[0-24-9][0-9 ().+/-]*"
_SURE: Final = {
    "card": SURE_CARD,
    "email": rb"[0-9A-Za-z][0-9A-Za-z._+-]*@[0-9A-Za-z-]+\.(?:[0-9A-Za-z-]+\.)*[a-z]{2,24}",
    "phone": rb"\+?[0-9]{7,15}",
    "ip": rb"[0-9]{1,3}(?:\.[0-9]{1,3}){3}",
    "ssn": rb"[0-9]{3}-[0-9]{2}-[0-9]{4}",
    "iban": rb"[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}",
}


def sure(kind: str | None, *, hint: bool) -> bytes | None:
    """Give a pattern, as RE2 and the compiled part read it, of texts that count without asking a test; None: of none.

    :param hint: for the test that `looks_like` gives, else for those that `is_it` does.
    """
    own = _SURE.get(kind or "")
    if hint or kind == "card":
        return own
    if kind == SECRET:
        return SURE_TEXT
    return rb"(?:%b)|(?:%b)" % (own, _SURE_NUMBER) if own else _SURE_NUMBER


def is_it(kind: str | None, *, masks: bool = False) -> Test:
    """Give the test for values of a field whose name leaves no doubt: no flag, no outcome, none masked before.

    :param masks: a part of a value may be shown, so one of which no more is left stays.
    """
    if kind == SECRET:
        return _is_no_flag
    if kind == "card":
        return lambda value: _is_no_outcome(value) and not _is_masked(value)
    if masks:
        return lambda value: _is_no_outcome(value) and not _is_masked_between(value)
    return _is_no_outcome


def looks_like(kind: str | None, find: Callable[[str], object] | None) -> Test:
    """Give the test for values of a field whose name does not say enough.

    :param find: the detector of that kind, for one that has no shape here; without a kind nothing looks like it.
    """
    if kind is None or find is None:
        return lambda _value: False
    if kind == SECRET:
        return lambda value: isinstance(value, str) and (_is_secret(value) or bool(_pairs(value)))
    if kind == "card":
        return _is_card
    if kind in _SHAPES:
        shape = _SHAPES[kind]
        return lambda value: shape.fullmatch(text := _text(value).strip()) is not None and _MASK not in text
    return lambda value: _MASK not in (text := _text(value)) and bool(find(text))


def is_account_number(value: JSONValue) -> bool:
    """Tell a row of digits, as long as those of banks are."""
    return _ACCOUNT.fullmatch(_text(value).strip()) is not None


def _pairs(text: str) -> list[tuple[int, int]]:
    """Give the spans of the values in `name=value; name=value` that may be secrets, if a text is of that kind."""
    if "=" not in text or len(text) > _LONGEST or _SCHEME.match(text):
        return []
    return [match.span(2) for match in _PAIR.finditer(text) if _is_secret(match[2].strip('"'))]


def without_pairs(value: JSONValue) -> str | None:
    """Hide the secrets in a text like `sid=6f1e; theme=dark`; None: it is no such text."""
    if not isinstance(value, str) or not (found := _pairs(value)):
        return None
    pieces, position = [], 0
    for start, end in found:
        pieces += [value[position:start], HIDDEN]
        position = end
    return "".join([*pieces, value[position:]])


def _text(value: JSONValue) -> str:
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else ""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return number_text(value)
    return ""


def _is_no_flag(value: JSONValue) -> bool:
    return value is not True and value is not False


def _is_no_outcome(value: JSONValue) -> bool:
    if isinstance(value, str):
        # Most values begin with a digit, and of outcomes only those of 3-D Secure.
        if value < "3" or "4" <= value < ":" or len(value) > _MOST:
            return True
        return _NOT_WORD.sub("_", value).strip("_").lower() not in _OUTCOMES
    return value is not True and value is not False


def _is_card(value: JSONValue) -> bool:
    text = value if type(value) is str else _text(value)
    return looks_like_card(text) and ("*" not in text or not _is_masked(value))


def _is_masked(value: JSONValue) -> bool:
    """Tell a card number of which no more than four digits are left."""
    if isinstance(value, str):
        if len(value) > _FOUR and value[:1].isdecimal():
            return _is_masked_between(value)
        return _MASKED.fullmatch(value) is not None
    return isinstance(value, int) and value in _LAST_FOUR


def _is_masked_between(value: JSONValue) -> bool:
    """Tell a number of which four digits or more are hidden, and at most the first eight and the last four left.

    Of an IBAN, the country, the check digits and the last four; of an e-mail address, one letter of each part and the
    domain's end.
    """
    return isinstance(value, str) and len(value) <= _LONGEST_MASKED and _MASKED_BETWEEN.fullmatch(value) is not None


def _is_secret(value: str) -> bool:
    if _MASK in value:
        return False
    if _SCHEME.match(value):
        return True
    return len(value) <= _LONGEST and _OPAQUE.fullmatch(value) is not None and _IDENTIFIER.fullmatch(value) is None


def number_text(number: float | Decimal) -> str:
    """Write a number as a detector wants to see it."""
    if isinstance(number, int):
        return str(number)
    # 4.11111111111111E15, as Java writes a double, is a card number that ends in 0.
    exact = number if isinstance(number, Decimal) else Decimal(repr(number))
    if not 0 < exact.adjusted() < _EXPONENTS_WRITTEN_OUT:
        return str(number)
    whole = exact.to_integral_value()
    return format(whole if whole == exact else exact, "f")
