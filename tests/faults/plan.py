"""What a soak does and when, all of it from the seed, so that each can be replayed."""

import random
from collections.abc import Callable
from typing import Final, NamedTuple

from tests.faults.catalogue import READS, WIRE, WRITES

VICTIMS: Final = ("MultiLangDaemon", "sanitizer-pipeline", "sanitizer-shim", "supervisor")
FREEZABLE: Final = ("MultiLangDaemon", "sanitizer-pipeline", "everything")

FIRST_SECONDS: Final = 3.0
"""A soak's first fault does not come before."""


class Event(NamedTuple):
    """One fault.

    :ivar at: seconds after the load began.
    :ivar kind: of the fault; `what` says more, in words of the kind.
    :ivar seconds: how long it lasts; 0 for what happens at once.
    :ivar worker: number of the worker that it meets, where it meets one.
    """

    at: float
    kind: str
    what: str
    seconds: float
    worker: int

    def __str__(self) -> str:
        lasts = f" for {self.seconds:.1f} s" if self.seconds else ""
        whose = f" of worker {self.worker + 1}" if self.kind in ("kill", "stop", "freeze") else ""
        return f"{self.at:7.1f} s  {self.kind:9} {self.what}{whose}{lasts}"


def workers(seed: int) -> int:
    """Return how many workers the soak of a seed has."""
    return random.Random(f"workers-{seed}").choice((1, 2))  # noqa: S311 - repeatable by design


def plan(seed: int, seconds: float) -> list[Event]:
    """Return the events of a soak, in order; two rows of them run side by side."""
    count = workers(seed)
    rng = random.Random(f"plan-{seed}")  # noqa: S311 - repeatable by design
    events = [*_row(rng, seconds, _at_a_process, (6, 16), count), *_row(rng, seconds, _at_the_network, (2, 8), count)]
    return sorted(events)


def is_at_a_process(event: Event) -> bool:
    """Which of the two rows an event belongs to."""
    return event.kind in ("kill", "stop", "freeze")


def _row(
    rng: random.Random,
    seconds: float,
    make: Callable[[random.Random], tuple[str, str, float]],
    pauses: tuple[float, float],
    workers_: int,
) -> list[Event]:
    events: list[Event] = []
    at = FIRST_SECONDS + rng.uniform(0, pauses[1])
    while at < seconds - 1:
        kind, what, lasts = make(rng)
        lasts = min(lasts, seconds - at)
        events.append(Event(round(at, 1), kind, what, round(lasts, 1), rng.randrange(workers_)))
        at += lasts + rng.uniform(*pauses)
    return events


def _at_a_process(rng: random.Random) -> tuple[str, str, float]:
    match rng.choice(("kill", "kill", "kill", "stop", "freeze")):
        case "kill":
            return "kill", rng.choice(VICTIMS), 0.0
        case "stop":
            return "stop", "SIGTERM", 0.0
        case _:
            return "freeze", rng.choice(FREEZABLE), rng.uniform(1, 6)


def _at_the_network(rng: random.Random) -> tuple[str, str, float]:
    lasts = rng.uniform(1, 6)
    match rng.choice(("write", "write", "write", "read", "lease", "wire", "wire", "outage", "reshard")):
        case "write":
            return "write", rng.choice(list(WRITES)), lasts
        case "read":
            return "read", rng.choice(list(READS)), lasts
        case "lease":
            return "lease", rng.choice(("throttled", "http_500", "late", "answer_lost")), lasts
        case "wire":
            return "wire", f"{rng.choice(('dynamodb', 'kinesis'))} {rng.choice(list(WIRE))}", lasts
        case "outage":
            return "outage", "dynamodb", lasts
        case _:
            return "reshard", rng.choice(("split", "merge")), 0.0
