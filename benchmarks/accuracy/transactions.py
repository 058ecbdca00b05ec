"""Transactions of one size, of several shapes: for measuring speed. The same each time."""

import json
import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

SIZE = 237
"""Bytes of a transaction, as in the comparisons with other engines."""

Document = dict[str, Any]


def _base(rng: random.Random) -> Document:
    return {
        "user_id": str(rng.randrange(10_000, 10**6)),
        "credit_card": "4532-1234-5678-9012",
        "ssn": "123-45-6789",
        "amount": rng.randrange(100, 10**6) / 100,
        "currency": rng.choice(("USD", "EUR", "GBP")),
        "merchant": rng.choice(("Amazon", "Blue Bottle", "Corner Books")),
        "timestamp": f"2024-03-15T10:{rng.randrange(60):02}:{rng.randrange(60):02}Z",
        "note": "",
    }


def _clean(_rng: random.Random) -> Document:
    return {"note": "left at the door as agreed"}


def _hit(rng: random.Random) -> Document:
    return {"note": f"{rng.choice('abc')}@b.co paid with 4111 1111 1111 1111"}


def _cyrillic(_rng: random.Random) -> Document:
    return {"note": "оставили под дверью"}


def _ids(rng: random.Random) -> Document:
    return {
        "note": str(UUID(int=rng.getrandbits(128), version=4)),
        "at": rng.randrange(1_600_000_000_000, 1_750_000_000_000),
        "order": rng.randrange(10**9, 10**10),
    }


def _offset(rng: random.Random) -> Document:
    return {"timestamp": f"2024-03-15T10:{rng.randrange(60):02}:{rng.randrange(60):02}.{rng.randrange(1000):03}+02:00"}


SHAPES: dict[str, Callable[[random.Random], Document]] = {
    "clean but for the fields": _clean,
    "a card and an address in the text": _hit,
    "Cyrillic text": _cyrillic,
    "UUID, epoch milliseconds, order number": _ids,
    "times with an offset from UTC": _offset,
}


def payloads(shape: str, count: int) -> list[bytes]:
    """Transactions of SIZE bytes, or a little more where the shape needs it."""
    rng = random.Random(3)  # noqa: S311 - repeatable by design
    made = []
    for _ in range(count):
        document = {**_base(rng), **SHAPES[shape](rng)}
        size = len(json.dumps(document, ensure_ascii=False).encode())
        document["note"] += " ok" * ((SIZE - size) // 3) + "." * ((SIZE - size) % 3)
        made.append(json.dumps(document, ensure_ascii=False).encode())
    return made
