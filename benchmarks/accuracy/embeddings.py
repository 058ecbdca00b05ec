"""Values placed in transactions as they come in practice: by field, key, number, escape, wrapping, alphabet."""

import base64
import json
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from benchmarks.accuracy.data import luhn_valid
from benchmarks.accuracy.engine import transaction

_FIELD = {
    "card": "credit_card_number",
    "ssn": "ssn",
    "itin": "itin",
    "iban": "iban",
    "email": "email",
    "phone": "phone_number",
    "ip": "client_ip",
}
_SENTENCE = {
    "card": "Please charge {} before Friday, thanks.",
    "ssn": "The customer gave {} when asked.",
    "itin": "The customer gave {} when asked.",
    "iban": "Wire the refund to {} before Friday, thanks.",
    "email": "Refund confirmed by {} on Friday, thanks.",
    "phone": "Customer asked to be called back, phone {} after six.",
    "ip": "Order placed from {} on Friday.",
}
_FULLWIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(ord("0"), ord("9") + 1)})
_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")

Embedding = Callable[[str, str], bytes | None]
"""Kind and value to a payload; None: it makes no sense for the kind."""


def sentence(kind: str, value: str) -> str:
    return _SENTENCE[kind].format(value)


def _payload(**fields: Any) -> bytes:
    return json.dumps(transaction(**fields), ensure_ascii=False).encode()


def _nested(value: Any, levels: int) -> Any:
    for level in range(levels):
        value = {f"level{level}": value}
    return value


def _regrouped(kind: str, value: str, separator: str) -> str | None:
    """The digits or letters in the usual groups, with another separator between them."""
    plain = "".join(char for char in value if char.isalnum())
    if kind in {"card", "iban"}:
        return separator.join(plain[place : place + 4] for place in range(0, len(plain), 4))
    if kind in {"ssn", "itin"}:
        return separator.join((plain[:3], plain[3:5], plain[5:]))
    if kind == "phone" and " " in value:
        return value.replace(" ", separator)
    return None


def _with_separator(separator: str) -> Embedding:
    def embed(kind: str, value: str) -> bytes | None:
        regrouped = _regrouped(kind, value, separator)
        return _payload(note=sentence(kind, regrouped)) if regrouped else None

    return embed


def _labelled_with(separator: str) -> Embedding:
    def embed(kind: str, value: str) -> bytes | None:
        regrouped = _regrouped(kind, value, separator)
        return _payload(log=f"level=info {_FIELD[kind]}={regrouped} ok=1") if regrouped else None

    return embed


def _in_digits_of(table: dict[int, Any]) -> Embedding:
    return lambda kind, value: _payload(note=sentence(kind, value.translate(table))) if kind != "email" else None


def _invisible(kind: str, value: str) -> bytes:
    middle = len(value) // 2
    return _payload(note=sentence(kind, f"{value[:middle]}\u200b{value[middle:]}"))


def _escaped(kind: str, value: str) -> bytes:
    said = "".join(f"\\u{ord(char):04x}" for char in sentence(kind, value))
    return _payload(note="@").replace(b'"@"', b'"%s"' % said.encode())


def _as_number(name: str) -> Embedding:
    def embed(kind: str, value: str) -> bytes | None:
        return _payload(**{name: int(value)}) if kind == "card" and value.isdecimal() and value[0] != "0" else None

    return embed


def _in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _in_query(value: str) -> str:
    return "https://shop.example/p?" + urlencode({"a": "1", "q": value})


def _apart(kind: str, value: str) -> bytes | None:
    return _payload(note=sentence(kind, " ".join(value))) if kind == "card" and value.isdecimal() else None


def _wrapped(kind: str, value: str, times: int, **named: str) -> bytes:
    inner: Any = named or {"note": sentence(kind, value)}
    for _ in range(times):
        inner = {"payload": json.dumps(inner)}
    return _payload(**inner)


EMBEDDINGS: dict[str, Embedding] = {
    "field named for it": lambda kind, value: _payload(**{_FIELD[kind]: value}),
    "the same, 12 levels deep": lambda kind, value: _payload(meta=_nested({_FIELD[kind]: value}, 12)),
    "neutral field, value alone": lambda kind, value: _payload(ref=value) if kind != "phone" else None,
    "neutral field, in a sentence": lambda kind, value: _payload(note=sentence(kind, value)),
    "sentence, 12 levels deep": lambda kind, value: _payload(meta=_nested(sentence(kind, value), 12)),
    "in lists of lists": lambda kind, value: _payload(notes=[["ok", [sentence(kind, value)]], "x"]),
    "two in one sentence": lambda kind, value: _payload(note=f"{sentence(kind, value)} {sentence(kind, value)}"),
    "in a log line, key=value": lambda kind, value: _payload(log=f"level=info {_FIELD[kind]}={value} ok=1"),
    "key=value, NBSP between groups": _labelled_with("\u00a0"),
    "key=value, two spaces between groups": _labelled_with("  "),
    "in XML": lambda kind, value: _payload(xml=f"<req><{_FIELD[kind]}>{value}</{_FIELD[kind]}></req>"),
    "as an object's key": lambda kind, value: _payload(limits={value if kind != "phone" else f"tel {value}": 250}),
    "JSON number, neutral field": _as_number("ref"),
    "JSON number, named field": _as_number("card_number"),
    "JSON \\u escapes": _escaped,
    "sentence in JSON in a string": lambda kind, value: _wrapped(kind, value, 1),
    "sentence in JSON in JSON in strings": lambda kind, value: _wrapped(kind, value, 2),
    "named field in JSON in a string": lambda kind, value: _wrapped(kind, value, 1, **{_FIELD[kind]: value}),
    "named field in JSON in JSON in strings": lambda kind, value: _wrapped(kind, value, 2, **{_FIELD[kind]: value}),
    "URL query, sentence": lambda kind, value: _payload(url=_in_query(sentence(kind, value))),
    "URL query, value alone": lambda kind, value: _payload(url=_in_query(value)) if kind != "phone" else None,
    "URL query, encoded twice": lambda kind, value: _payload(url=_in_query(_in_query(sentence(kind, value)))),
    "URL query, named parameter": lambda kind, value: _payload(
        url="https://shop.example/p?" + urlencode({"a": "1", _FIELD[kind]: value, "b": "2"})
    ),
    "base64 of a sentence": lambda kind, value: _payload(blob=_in_base64(sentence(kind, value))),
    "base64 of the value alone": lambda kind, value: _payload(blob=_in_base64(value)) if kind != "phone" else None,
    "base64 of JSON": lambda kind, value: _payload(blob=_in_base64(json.dumps({_FIELD[kind]: value}))),
    "CSV line": lambda kind, value: _payload(line=f"2024-03-15,{sentence(kind, value)},149.99,3"),
    "columns of numbers, by spaces": lambda kind, value: (
        _payload(line=f"2024-03-15 17 {value} 149.99 3 ok") if kind != "phone" else None
    ),
    "columns of numbers, by tabs": lambda kind, value: (
        _payload(line=f"2024-03-15\t17\t{value}\t149.99\t3") if kind != "phone" else None
    ),
    "every digit apart": _apart,
    "fullwidth digits": _in_digits_of(_FULLWIDTH),
    "Arabic-Indic digits": _in_digits_of(_ARABIC),
    "NBSP between groups": _with_separator("\u00a0"),
    "dots between groups": _with_separator("."),
    "dashes (U+2013) between groups": _with_separator("\u2013"),
    "zero-width space inside": _invisible,
}


def made_itins(count: int) -> list[str]:
    """Numbers of the form that the IRS assigns; the sets hold hardly any."""
    rng = random.Random(11)  # noqa: S311 - repeatable by design
    groups = (*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100))
    return [f"9{rng.randrange(100):02}-{rng.choice(groups)}-{rng.randrange(10_000):04}" for _ in range(count)]


def made_cards(count: int) -> list[str]:
    """Luhn-valid numbers of the brands' published ranges, of every length they issue."""
    rng = random.Random(13)  # noqa: S311 - repeatable by design
    brands = (
        ("4", 13), ("4", 16), ("4", 19), ("51", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15), ("300", 14),
        ("36", 14), ("6011", 16), ("650", 16), ("65", 19), ("2131", 15), ("3528", 16), ("622", 16), ("62", 19),
        ("8100", 16), ("2200", 16), ("2204", 16), ("5018", 12), ("6759", 16), ("5893", 18),
    )  # fmt: skip
    made = []
    for number in range(count):
        start, length = brands[number % len(brands)]
        body = start + "".join(rng.choices("0123456789", k=length - 1 - len(start)))
        made.append(next(body + check for check in "0123456789" if luhn_valid(body + check)))
    return made
