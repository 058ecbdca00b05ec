"""The engine under test, end to end, and what of its output still tells a value."""

import base64
import binascii
import html
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from redaction.detectors.registry import detectors
from redaction.engine import PolicyRedactor
from redaction.engine.finder import Finder
from redaction.plugin import Released
from redaction.policy import load_policy

_BATCH = 500
_REST = {"amount": 149.99, "merchant": "Amazon", "timestamp": "2024-03-15T10:30:00Z"}
_IN_DIGITS = frozenset({"card", "ssn", "itin", "iban", "phone"})
_RUN = 5  # a mask may keep the last four digits
_SEPARATORS = re.compile(r"[\s ./()\-\u2010-\u2015\u2212]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")


class Outcome(NamedTuple):
    """`document`: what was released; None if it was rejected, for the reason `code`."""

    document: Any
    code: str


class Engine:
    """The default policy."""

    def __init__(self) -> None:
        self.redactor = PolicyRedactor(load_policy("default"))
        self._finder = Finder(tuple(detectors().values()))

    def redact(self, payloads: Sequence[bytes]) -> list[Outcome]:
        outcomes = []
        for first in range(0, len(payloads), _BATCH):
            for verdict in self.redactor.redact(payloads[first : first + _BATCH]):
                if isinstance(verdict, Released):
                    outcomes.append(Outcome(json.loads(verdict.body), ""))
                else:
                    outcomes.append(Outcome(None, getattr(verdict, "code", "dropped")))
        return outcomes

    def notes(self, texts: Sequence[str]) -> list[str | None]:
        """Redact texts, each as the value of a neutral field of a transaction; None: rejected."""
        outcomes = self.redact([json.dumps(transaction(note=text)).encode() for text in texts])
        return [outcome.document["note"] if outcome.document else None for outcome in outcomes]

    def findings(self, text: str) -> list[tuple[int, int, str]]:
        """What the detectors find in a text by itself: start, end, detector."""
        return [(found.start, found.end, found.detector.name) for found in self._finder.find_in(text)]


def transaction(**fields: Any) -> dict[str, Any]:
    return {"user_id": "12345", **fields, **_REST}


def is_hidden(kind: str, value: str, said: Sequence[str]) -> bool:
    """Whether texts no longer tell a value: not whole, and of its digits no more than four in a row.

    Of an e-mail address neither half may be left.
    """
    if any(value in text for text in said):
        return False
    if kind == "email":
        local, _, domain = value.rpartition("@")
        return not any(f"{local}@" in text or f"@{domain}" in text for text in said)
    digits = _digits(value)
    if kind not in _IN_DIGITS or len(digits) < _RUN:
        return True
    runs = [digits[place : place + _RUN] for place in range(len(digits) - _RUN + 1)]
    return not any(run in shown for text in said for shown in (_SEPARATORS.sub("", text),) for run in runs)


def told(document: Any) -> list[str]:
    """All that a reader could read in the fields that were added to a `transaction`.

    Texts, keys, numbers, and what is encoded in them. Written apart from the engine, to judge it.
    """
    return list(_readings({name: value for name, value in (document or {}).items() if name not in transaction()}, 0))


def _readings(document: Any, depth: int) -> Iterator[str]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _of_text(key, depth)
            yield from _readings(value, depth)
    elif isinstance(document, list):
        for item in document:
            yield from _readings(item, depth)
    elif isinstance(document, str):
        yield from _of_text(document, depth)
    elif document is not None and not isinstance(document, bool):
        yield str(document)


def _of_text(text: str, depth: int) -> Iterator[str]:
    yield text
    if depth > 4:  # deeper than any embedding here
        return
    said = {unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)), unquote_plus(text), html.unescape(text)}
    for match in _BASE64.finditer(text):
        try:
            said.add(base64.b64decode(match[0].rstrip("=") + "===", altchars=b"-_").decode())
        except (binascii.Error, UnicodeDecodeError):
            continue
    if text[:1] in {"{", "[", '"'}:
        with suppress(ValueError):
            yield from _readings(json.loads(text), depth + 1)
    for other in said - {text}:
        yield from _of_text(other, depth + 1)


def _digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(char)) for char in text if char.isdecimal())
