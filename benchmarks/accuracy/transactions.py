"""Transactions of one size, of several shapes: for measuring speed. The same each time."""

import json
import random
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from benchmarks.accuracy.data import luhn_valid

SIZE = 237
"""Bytes of a transaction, as in the comparisons with other engines."""

Document = dict[str, Any]


_WORDS = re.findall(
    r"\w+",
    "left at the door as agreed please ring twice back gate is open neighbour takes it in third floor lift works again "
    "bring two boxes after lunch no hurry thanks for waiting same place same time behind the blue fence leave with him",
)
_CYRILLIC = re.findall(r"\w+", "оставили под дверью как договорились соседа после обеда спасибо ждём второй этаж дворе")


def card_number(rng: random.Random, start: str = "4", separator: str = "") -> str:
    """Give a number of 16 digits that passes Luhn's check."""
    body = start + "".join(rng.choices("0123456789", k=15 - len(start)))
    number = next(body + check for check in "0123456789" if luhn_valid(body + check))
    return separator.join(number[place : place + 4] for place in range(0, len(number), 4))


def _base(rng: random.Random) -> Document:
    return {
        "user_id": str(rng.randrange(10_000, 10**6)),
        "credit_card": card_number(rng, separator="-"),
        "ssn": f"{rng.randrange(100, 600)}-{rng.randrange(10, 100)}-{rng.randrange(1000, 10_000)}",
        "amount": rng.randrange(100, 10**6) / 100,
        "currency": rng.choice(("USD", "EUR", "GBP")),
        "merchant": rng.choice(("Amazon", "Blue Bottle", "Corner Books")),
        "timestamp": f"2024-03-15T10:{rng.randrange(60):02}:{rng.randrange(60):02}Z",
        "note": "",
    }


def _clean(rng: random.Random) -> Document:
    return {"note": " ".join(rng.choices(_WORDS, k=5))}


def _hit(rng: random.Random) -> Document:
    return {"note": f"paid with {card_number(rng, separator=' ')}, {rng.choice(_WORDS)}"}


def _hits(rng: random.Random) -> Document:
    return {"note": f"{rng.choice(_WORDS)}{rng.randrange(100)}@b.co paid with {card_number(rng, separator=' ')}"}


def _cyrillic(rng: random.Random) -> Document:
    return {"note": " ".join(rng.choices(_CYRILLIC, k=3))}


def _ids(rng: random.Random) -> Document:
    return {
        "note": str(UUID(int=rng.getrandbits(128), version=4)),
        "at": rng.randrange(1_600_000_000_000, 1_750_000_000_000),
        "order": rng.randrange(10**9, 10**10),
    }


def _offset(rng: random.Random) -> Document:
    return _clean(rng) | {
        "timestamp": f"2024-03-15T10:{rng.randrange(60):02}:{rng.randrange(60):02}.{rng.randrange(1000):03}+02:00"
    }


SHAPES: dict[str, Callable[[random.Random], Document]] = {
    "clean but for the fields": _clean,
    "a card in the text": _hit,
    "a card and an address in the text": _hits,
    "Cyrillic text": _cyrillic,
    "UUID, epoch milliseconds, order number": _ids,
    "times with an offset from UTC": _offset,
}


def payloads(shape: str, count: int) -> list[bytes]:
    """Transactions of SIZE bytes, or a little more where the shape needs it; no note comes twice but by chance."""
    rng = random.Random(3)  # noqa: S311 - repeatable by design
    made = []
    for _ in range(count):
        document = {**_base(rng), **SHAPES[shape](rng)}
        room = SIZE - len(json.dumps(document, ensure_ascii=False).encode())
        while room > 0:
            word = f" {rng.choice(_WORDS)}"[:room]
            document["note"] += word
            room -= len(word)
        made.append(json.dumps(document, ensure_ascii=False).encode())
    return made
