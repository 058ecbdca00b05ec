"""The kinds of record that are measured, for engine, record path and whole worker alike. The same each time.

No kind shows a text twice that real traffic would not repeat: `documents` gives different ones, however many.
"""

import itertools
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Final

from benchmarks.accuracy.transactions import SHAPES, card_number, payloads
from benchmarks.real_records import charges, mixed, sized, web_orders
from benchmarks.redrawn import Template, filled, template

FIXTURES: Final = Path(__file__).parents[2] / "shared" / "data" / "payloads" / "corpus"
"""Public examples of providers' payloads, a document a line; not part of this repository, and left out without it."""

CANONICAL: Final = "the canonical example"
CLEAN: Final = "clean but for the fields"
CARD_IN_TEXT: Final = "a card in the text"
SHAPES_IN_TURN: Final = "transactions of all shapes"
WEB_ORDER: Final = "web order"
CHARGE: Final = "charge"
MIX: Final = "75 kinds of payload, something to hide in one of ten"
PUBLIC: Final = "public fixtures"

_SIZES: Final = (300, 1000, 3000, 30_000)
_SHARES: Final = {0.0: "clean", 0.1: "something to hide in one of ten", 1.0: "something to hide in all"}

_BY_PLACE: Final = {"partition_key": "{shard}", "sort_key": "{sequence}#{sub}"}


@dataclass(frozen=True)
class Kind:
    """A kind of record.

    :ivar documents: gives so many.
    :ivar bytes: about so many each.
    :ivar output: settings of the worker's output that fit its fields.
    """

    documents: Callable[[int], list[bytes]]
    bytes: int
    output: Mapping[str, str] = field(default_factory=dict)


def _canonical(count: int) -> list[bytes]:
    """Give transactions of the size and the fields of the design's example, 150 bytes."""
    rng = random.Random(2)  # noqa: S311 - repeatable by design
    return [
        json.dumps(
            {
                "user_id": str(rng.randrange(10_000, 100_000)),
                "credit_card": card_number(rng, separator="-"),
                "ssn": f"{rng.randrange(100, 600)}-{rng.randrange(10, 100)}-{rng.randrange(1000, 10_000)}",
                "amount": rng.randrange(1000, 100_000) / 100,
                "merchant": rng.choice(("Amazon", "Blue Bottle", "Corner Books")),
                "timestamp": f"2024-03-15T10:{rng.randrange(60):02}:{rng.randrange(60):02}Z",
            }
        ).encode()
        for _ in range(count)
    ]


def _shapes(count: int) -> list[bytes]:
    """Give transactions of all shapes in turn."""
    made = zip(*(payloads(shape, -(-count // len(SHAPES))) for shape in SHAPES), strict=True)
    return list(itertools.islice(itertools.chain.from_iterable(made), count))


def _fixtures(count: int) -> list[bytes]:
    """Give the fixtures as other senders would have filled them."""
    rng = random.Random(19)  # noqa: S311
    templates = _templates()
    return [filled(rng.choice(templates), rng).encode() for _ in range(count)]


@cache
def _templates() -> list[Template]:
    """Return the fixtures in which something varies; most others are references to examples elsewhere."""
    lines = [line for path in sorted(FIXTURES.glob("*.jsonl")) for line in path.read_text("utf-8").split("\n")]
    made = [template(json.loads(line)) for line in lines if line.startswith("{")]
    return [pieces for pieces in made if not all(isinstance(piece, str) for piece in pieces)]


def _all() -> dict[str, Kind]:
    kinds = {CANONICAL: Kind(_canonical, 157)}
    kinds |= {shape: Kind(partial(payloads, shape), 240) for shape in SHAPES}
    kinds[SHAPES_IN_TURN] = Kind(_shapes, 240)
    kinds[WEB_ORDER] = Kind(
        web_orders, 710, {"partition_key": "{user_id}", "sort_key": "{created_at}#{shard}#{sequence}#{sub}"}
    )
    kinds[CHARGE] = Kind(charges, 3100, {"partition_key": "{customer}", "sort_key": "{id}#{shard}#{sequence}#{sub}"})
    for share, said in _SHARES.items():
        kinds[f"75 kinds of payload, {said}"] = Kind(partial(mixed, finding_in=share), 2300, _BY_PLACE)
    for size, (share, said) in itertools.product(_SIZES, _SHARES.items()):
        kinds[f"{size:,} bytes, {said}"] = Kind(partial(sized, size=size, finding_in=share), size, _BY_PLACE)
    if FIXTURES.is_dir():
        kinds[PUBLIC] = Kind(_fixtures, 1040, _BY_PLACE)
    return kinds


KINDS: Final = _all()
"""By name."""
