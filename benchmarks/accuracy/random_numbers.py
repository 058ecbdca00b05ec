"""How many random numbers of each form that trade and machines use are taken for something sensitive.

Each stands alone in a field, whose name says what it is, or nothing; half of them as numbers, where JSON has such. The
same seed gives the same numbers.
"""

import json
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple
from uuid import UUID

from benchmarks.accuracy.engine import Engine
from benchmarks.accuracy.measure import Score

NEUTRAL = "value"
_LONGEST_INTEGER = 18  # digits that fit 64 bits
_2020, _2030 = 1_577_836_800, 1_893_456_000


class Form(NamedTuple):
    """`names`: of fields that say what it is."""

    make: Callable[[random.Random], str]
    names: tuple[str, ...]


def _digits(count: int) -> Callable[[random.Random], str]:
    return lambda rng: str(rng.randrange(10 ** (count - 1), 10**count))


def _gtin(count: int, *prefixes: str) -> Callable[[random.Random], str]:
    def make(rng: random.Random) -> str:
        prefix = rng.choice(prefixes) if prefixes else ""
        body = prefix + "".join(rng.choices("0123456789", k=count - 1 - len(prefix)))
        total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(body)))
        return body + str(-total % 10)

    return make


def _epoch(unit: int) -> Callable[[random.Random], str]:
    return lambda rng: str(rng.randrange(_2020 * unit, _2030 * unit))


def _digits_of_uuid(rng: random.Random) -> str:
    return UUID(int=rng.getrandbits(128), version=4).hex


def _grouped(*sizes: int) -> Callable[[random.Random], str]:
    return lambda rng: "-".join("".join(rng.choices("0123456789", k=size)) for size in sizes)


_IDS = ("order_id", "userId", "transaction_id", "trace_id", "amount")
FORMS: dict[str, Form] = {
    **{f"integers of {count} digits": Form(_digits(count), _IDS) for count in range(12, 20)},
    "EAN-13": Form(_gtin(13), ("ean", "gtin", "barcode")),
    "EAN-13 of GS1 Germany": Form(_gtin(13, *map(str, range(400, 441))), ("ean", "gtin", "barcode")),
    "GTIN-14": Form(_gtin(14), ("gtin", "gtin14", "barcode")),
    "UPC": Form(_gtin(12), ("upc", "barcode")),
    "ISBN-13": Form(_gtin(13, "978", "979"), ("isbn", "isbn13")),
    "UUIDs without hyphens": Form(_digits_of_uuid, ("request_id", "trace_id")),
    "snowflake ids": Form(
        lambda rng: str((rng.randrange(10**9, 8 * 10**11) << 22) | rng.getrandbits(22)), ("id", "user_id", "message_id")
    ),
    "epoch milliseconds": Form(_epoch(10**3), ("timestamp", "created_at_ms")),
    "epoch microseconds": Form(_epoch(10**6), ("timestamp", "ts_us")),
    "epoch nanoseconds": Form(_epoch(10**9), ("timestamp", "timeUnixNano")),
    "order numbers 3-3-4": Form(_grouped(3, 3, 4), ("order_no", "orderNumber", "order_id")),
    "part numbers 3-2-4": Form(_grouped(3, 2, 4), ("part_number", "sku", "partNo")),
    "order numbers 4-4-4-4": Form(_grouped(4, 4, 4, 4), ("order_no", "orderNumber", "order_id")),
}


WRITTEN_AS_OTHERS = frozenset({"order numbers 3-3-4", "part numbers 3-2-4"})
"""Forms that telephone and social security numbers have: only a name tells."""


class Harmed(NamedTuple):
    """Numbers that were changed, where the name says what they are, and where it says nothing."""

    named: Score
    neutral: Score


def of_random_numbers(engine: Engine, count: int, seed: int = 11) -> dict[str, Harmed]:
    """Give for each form how many of `count` are harmed, half of them written as texts."""
    rng = random.Random(seed)  # noqa: S311 - repeatable by design
    results = {}
    for title, form in FORMS.items():
        values = [_value(form.make(rng), as_text=place % 2 == 0) for place in range(count)]
        results[title] = Harmed(_changed(engine, values, form.names), _changed(engine, values, (NEUTRAL,)))
    return results


def _value(written: str, *, as_text: bool) -> str | int:
    is_number = written.isdecimal() and written[0] != "0" and len(written) <= _LONGEST_INTEGER
    return int(written) if is_number and not as_text else written


def _changed(engine: Engine, values: list[str | int], names: tuple[str, ...]) -> Score:
    fields = [(names[place % len(names)], value) for place, value in enumerate(values)]
    outcomes = engine.redact([json.dumps({name: value}).encode() for name, value in fields])
    return Score(sum(_hits(fields, [outcome.document for outcome in outcomes])), len(values))


def _hits(fields: list[tuple[str, str | int]], documents: list[dict[str, object] | None]) -> Iterator[bool]:
    for (name, value), document in zip(fields, documents, strict=True):
        yield document is None or document.get(name) != value
