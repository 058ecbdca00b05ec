"""What other people's producers send among small records: aggregates, and records of up to 10 MiB."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from tests.faults.canaries import Sample

BURST_CHANCE: Final = 1 / 200
"""Of each call: once in ten seconds at twenty calls a second."""

_PADDING: Final = "as agreed on the telephone with the lady of the shop. "


class Lot(NamedTuple):
    """Records that are put at once.

    :ivar together: how many of them are one aggregate; 1: none.
    """

    samples: Sequence[Sample]
    together: int = 1


def lots(samples: Iterator[Sample], count: int, rng: random.Random) -> Iterator[Lot]:
    """Yield `count` records, and rarely a burst besides: whatever fills a heap or expands."""
    yield Lot([next(samples) for _ in range(count)], rng.choice((1, 1, 1, 3, 100)))
    if rng.random() < BURST_CHANCE:
        yield _burst(samples, rng)


def _burst(samples: Iterator[Sample], rng: random.Random) -> Lot:
    match rng.choice(("large", "many", "near the limit", "aggregate")):
        case "large":
            return Lot([_padded(next(samples), rng.randrange(1 << 20, 9_900_000))])
        case "many":
            return Lot([_padded(next(samples), 20_000) for _ in range(100)])
        case "near the limit":
            # Not nearer: moto counts an item's bytes otherwise than DynamoDB, and refuses some that fit.
            sizes = (300_000, 350_000, 395_000, 415_000, 450_000)
            return Lot([_padded(next(samples), size) for size in sizes])
        case _:
            return Lot([next(samples) for _ in range(800)], together=800)


def _padded(sample: Sample, size: int) -> Sample:
    """Return a record with a long text more; a broken one stays broken."""
    memo = (_PADDING * (size // len(_PADDING))).encode()
    return replace(sample, data=sample.data[:-1] + b',"memo":"' + memo + b'"}')
