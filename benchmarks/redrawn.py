"""A payload as other senders would have filled it: what varies in reality is drawn anew, the rest stays.

Field names, enumerations and short numbers repeat in real traffic, too. Numbers, times, identifiers, addresses, names,
and a word of each longer text do not; card numbers and IBANs keep their check digits, and what is wrapped in JSON or
base64 is drawn anew within it. A payload is taken apart once, and a record is put together of its pieces.
"""

import base64
import binascii
import itertools
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from benchmarks.accuracy.data import iban_valid, luhn_valid

Draw = Callable[[random.Random], str]
"""Gives a text of ASCII without quotes and backslashes: it stands in JSON as it is."""

Template = Sequence[str | Draw]

_DIGITS: Final = "0123456789"
_LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
_VOWELS: Final = "aeiou"
_CONSONANTS: Final = "bcdfghjklmnprstvw"
_LARGE: Final = 10**6
_TOKEN_START: Final = "eyJ"
"""Of a JSON Web Token, whose parts have to stay JSON."""

_LONG_TEXT: Final = 3
"""Words of a text that somebody wrote."""

_TOKEN: Final = re.compile(
    r"(?P<email>[\w.+-]+(?=@[\w-]+\.))"
    r"|(?P<time>(?:19|20)\d\d-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?)"
    r"|(?P<ip>\b(?:\d{1,3}\.){3}\d{1,3}\b)"
    r"|(?P<iban>\b[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b)"
    r"|(?P<card>\b\d{4}[ +-]?\d{4,6}[ +-]?\d{4,5}(?:[ +-]?\d{1,7})?\b)"
    r"|(?P<id>[A-Za-z0-9]{8,})"
    r"|(?P<number>\d{4,})",
    re.ASCII,
)
_WORD: Final = re.compile(r"(?<=[ ])[a-z]{5,}(?=[ .,])")
_NAME: Final = re.compile(r"\b[A-Z][a-z]{3,}\b")
_NAMED: Final = re.compile(r"(?i)(?:name|street|line1|address|city|title|merchant)\Z")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")


def template(document: Any, kept: Mapping[str, bool] = MappingProxyType({})) -> Template:
    """Take a document apart, as compact JSON.

    :param kept: pieces of its compact JSON that have to stay, such as numbers whose check digits are not known here,
        and whether their last four letters and digits may vary nonetheless.
    """
    return _joined(_value(document, "", kept))


def filled(pieces: Template, rng: random.Random) -> str:
    return "".join([piece if isinstance(piece, str) else piece(rng) for piece in pieces])


def _joined(pieces: Iterator[str | Draw]) -> Template:
    joined: list[str | Draw] = []
    for is_text, run in itertools.groupby(pieces, key=lambda piece: isinstance(piece, str)):
        each = list(run)
        joined += ["".join(map(str, each))] if is_text else each
    return joined


def _value(value: Any, name: str, kept: Mapping[str, bool]) -> Iterator[str | Draw]:
    if isinstance(value, dict):
        yield "{"
        for number, (key, each) in enumerate(value.items()):
            yield f"{',' if number else ''}{_written(key)}:"
            yield from _value(each, key, kept)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for number, each in enumerate(value):
            yield "," if number else ""
            yield from _value(each, name, kept)
        yield "]"
    elif isinstance(value, str):
        yield from ('"', *_text(value, name, kept), '"')
    elif isinstance(value, bool) or value is None or _written(value) in kept:
        yield _written(value)
    else:
        yield from _number(value)


def _number(value: Any) -> Iterator[str | Draw]:
    if isinstance(value, int) and value > _LARGE:
        text = str(value)
        yield (_card if _is_card(text) else _digits)(text)
    elif isinstance(value, float) and value > 1:
        yield lambda rng: f"{value * rng.uniform(0.5, 1.5):.2f}"
    else:
        yield _written(value)


def _text(value: str, name: str, kept: Mapping[str, bool]) -> Iterator[str | Draw]:
    """Give what stands between the quotes."""
    inner = _document(value)
    if inner is not None:
        yield from (_escaped(piece) if isinstance(piece, str) else piece for piece in template(inner, _inside(kept)))
    elif _BASE64.fullmatch(value) and (draw := _wrapped(value, name)):
        yield draw
    else:
        yield from _plain(value, name, kept)


def _document(text: str) -> Any:
    if text[:1] not in {"{", "["}:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _inside(kept: Mapping[str, bool]) -> dict[str, bool]:
    """Return pieces as they stand within JSON in a string."""
    return {**kept, **{piece.replace('\\"', '"'): varies for piece, varies in kept.items()}}


def _wrapped(value: str, name: str) -> Draw | None:
    altchars = b"-_" if {"-", "_"} & set(value) else b"+/"
    try:
        text = base64.b64decode(value.rstrip("=") + "===", altchars).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    if not text.isprintable():
        return None
    pieces = _joined(_text(text, name, {}))
    padding = "=" if value.endswith("=") else ""

    def draw(rng: random.Random) -> str:
        drawn = json.loads(f'"{filled(pieces, rng)}"')
        made = base64.b64encode(drawn.encode(), altchars).decode()
        return made if padding else made.rstrip("=")

    return draw


def _plain(value: str, name: str, kept: Mapping[str, bool]) -> Iterator[str | Draw]:
    written = _written(value)
    named = [varies for piece, varies in kept.items() if written in piece]
    if named:
        yield _ending(value) if all(named) and value.isalnum() else _escaped(value)
        return
    held = {piece: varies for piece, varies in kept.items() if piece in value}
    if held:
        yield from _around(value, name, held)
    elif any(piece in written for piece in kept):
        yield _escaped(value)
    elif _NAMED.search(name):
        yield from _split(value, _NAME, lambda match: _spoken(match[0]))
    else:
        yield from _tokens(value)


def _around(value: str, name: str, held: Mapping[str, bool]) -> Iterator[str | Draw]:
    """Give a text in which pieces stand that stay."""
    places = re.compile("|".join(re.escape(piece) for piece in sorted(held, key=len, reverse=True)))
    last = 0
    for match in places.finditer(value):
        yield from _plain(value[last : match.start()], name, {})
        yield _ending(match[0]) if held[match[0]] and match[0] == _escaped(match[0]) else _escaped(match[0])
        last = match.end()
    yield from _plain(value[last:], name, {})


def _ending(text: str) -> Draw:
    """Give texts of the same form that differ in the last four letters and digits."""
    places = [place for place, char in enumerate(text) if char.isascii() and char.isalnum()][-4:]
    start = places[0] if places else len(text)
    draw = _identifier(text[start:])
    return lambda rng: text[:start] + draw(rng)


def _tokens(value: str) -> Iterator[str | Draw]:
    last = 0
    for match in _TOKEN.finditer(value):
        draw = _token(match)
        if draw is not None:
            yield from _words(value[last : match.start()])
            yield draw
            last = match.end()
    yield from _words(value[last:])


def _words(value: str) -> Iterator[str | Draw]:
    """Give a text with one word of it drawn, if it is one that somebody wrote."""
    words = list(_WORD.finditer(value))
    if value.count(" ") < _LONG_TEXT or not words:
        yield _escaped(value)
        return
    word = max(words, key=lambda match: len(match[0]))
    yield from (_escaped(value[: word.start()]), _spoken(word[0]), _escaped(value[word.end() :]))


def _split(value: str, what: re.Pattern[str], draw: Callable[[re.Match[str]], Draw]) -> Iterator[str | Draw]:
    last = 0
    for match in what.finditer(value):
        yield _escaped(value[last : match.start()])
        yield draw(match)
        last = match.end()
    yield from _tokens(value[last:])


def _token(match: re.Match[str]) -> Draw | None:
    text, kind = match[0], match.lastgroup
    if kind == "ip":
        start = text[: text.rindex(".") + 1]
        return lambda rng: f"{start}{rng.randrange(1, 255)}"
    if kind in {"iban", "id"}:
        if iban_valid(text):
            return _iban(text)
        return None if text.isalpha() or text.startswith(_TOKEN_START) else _identifier(text)
    if kind in {"card", "number"}:
        return _card(text) if _is_card(text) else _digits(text)
    return _time(text) if kind == "time" else _spoken(text)


def _spoken(text: str) -> Draw:
    """Give words of the same form that can be spoken."""

    def draw(rng: random.Random) -> str:
        made = []
        for number, char in enumerate(text):
            if char.isascii() and char.isalpha():
                other = rng.choice(_VOWELS if number % 2 else _CONSONANTS)
                made.append(other if char.islower() else other.upper())
            else:
                made.append(rng.choice(_DIGITS) if char.isdecimal() else char)
        return "".join(made)

    return draw


def _time(text: str) -> Draw:
    def draw(rng: random.Random) -> str:
        drawn = (
            f"{text[:4]}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}{text[10:11]}"
            f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"
        )
        return drawn[: len(text)]

    return draw


def _digits(text: str) -> Draw:
    """Give numbers of the same form; the first two digits, which often say what a number is, stay.

    One that passed no check before passes none afterwards.
    """
    start = text[:2]

    def draw(rng: random.Random) -> str:
        while True:
            made = start + "".join(rng.choice(_DIGITS) if char.isdecimal() else char for char in text[2:])
            if not _is_card(made):
                return made

    return draw


def _identifier(text: str) -> Draw:
    """Give identifiers of the same form: digits, and letters of the same case, to F where none is beyond."""
    is_hexadecimal = all(char <= "f" for char in text.lower() if char.isalpha())
    letters = _LOWER[:6] if is_hexadecimal else _LOWER
    of = {**dict.fromkeys(_DIGITS, _DIGITS), **dict.fromkeys(_LOWER, letters)}
    of |= dict.fromkeys(_LOWER.upper(), letters.upper())
    alphabets = [of.get(char, char) for char in text]
    return lambda rng: "".join(map(rng.choice, alphabets))


def _is_card(text: str) -> bool:
    digits = "".join(filter(str.isdecimal, text))
    return 13 <= len(digits) <= 19 and luhn_valid(digits)


def _card(text: str) -> Draw:
    """Give numbers of the same issuer that pass Luhn's check."""
    form = "".join("0" if char.isdecimal() else char for char in text)
    start = "".join(filter(str.isdecimal, text))[:6]
    count = form.count("0")

    def draw(rng: random.Random) -> str:
        body = start + "".join(rng.choices(_DIGITS, k=count - len(start) - 1))
        digits = iter(next(body + check for check in _DIGITS if luhn_valid(body + check)))
        return "".join(next(digits) if char == "0" else char for char in form)

    return draw


def _iban(text: str) -> Draw:
    def draw(rng: random.Random) -> str:
        start, body = text[:2], "".join(rng.choice(_DIGITS) if char.isdecimal() else char for char in text[4:])
        plain = body.replace(" ", "") + start + "00"
        check = 98 - int("".join(str(int(char, 36)) for char in plain)) % 97
        return f"{start}{check:02}{body}"

    return draw


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _escaped(text: str) -> str:
    return _written(text)[1:-1]
