# noqa: INP001 - a folder of pages, no package
"""The generated tables of docs/costs.md, and the one of docs/deploy.md that sums them up."""

from collections.abc import Callable, Iterable, Sequence
from math import ceil
from typing import Final

from docs import costs
from docs.costs import ASSUMED, FILE, Load

RATES: Final = tuple(FILE["sizes"])
KBS: Final = (0.5, 1, 2)
DAYS: Final = (30, 90, 365)
LOADS: Final = tuple(Load(rate, kb) for rate in RATES for kb in KBS)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def dollars(amount: float) -> str:
    """Return an amount for a table: to the dollar, below ten to the cent."""
    return f"${amount:,.0f}" if amount >= 10 else f"${amount:,.2f}"  # noqa: PLR2004 - as the docstring has it


def _price(amount: float) -> str:
    text = f"{amount:g}"
    return f"${text}" if len(text.partition(".")[2]) > 1 else f"${amount:.2f}"


def _of(load: Load) -> list[str]:
    return [f"{load.rate:,}/s", f"{load.kb:g} KB"]


def per_load(columns: dict[str, Callable[[Load], str]]) -> str:
    """Return a table with a row for each load."""
    return _table(
        ["records", "of", *columns], ([*_of(load), *(column(load) for column in columns.values())] for load in LOADS)
    )


def in_all(load: Load, writes: Callable[[Load], float], days: float) -> float:
    """Return all of a month: provisioned stream, tasks on ARM, endpoints, Prometheus, alarms."""
    return (
        costs.tasks(load.rate)
        + costs.stream_provisioned(load)
        + costs.stream_retention(load)
        + writes(load)
        + costs.kept(load, days)
        + costs.endpoints(load)
        + costs.prometheus(load.rate)
        + costs.logs(load.rate)
        + costs.watching()
    )


def outgrown(load: Load, writes: Callable[[Load], float]) -> int:
    """Return for how many days items are kept when keeping them costs more than writing them."""
    return ceil(writes(load) / costs.kept(load, 1))


def _all() -> str:
    def column(writes: Callable[[Load], float], days: int) -> Callable[[Load], str]:
        return lambda load: dollars(in_all(load, writes, days))

    ways = {"on demand": costs.writes_on_demand, "provisioned": costs.writes_provisioned}
    return per_load(
        {f"{days} days, writes {name}": column(writes, days) for name, writes in ways.items() for days in DAYS}
    )


def _writes() -> str:
    return per_load(
        {
            "on demand": lambda load: dollars(costs.writes_on_demand(load)),
            "provisioned, auto scaling": lambda load: dollars(costs.writes_provisioned(load)),
            "the same, reserved for a year": lambda load: dollars(costs.writes_reserved(load)),
            "a second index, on demand": lambda load: f"+ {dollars(costs.writes_on_demand(load))}",
            "a replica, 30 days kept": lambda load: f"+ {dollars(costs.replica(load, 30))}",
        }
    )


def _kept() -> str:
    def column(days: int) -> Callable[[Load], str]:
        return lambda load: dollars(costs.kept(load, days))

    return per_load(
        {f"{days} days": column(days) for days in DAYS}
        | {
            "each further month": lambda load: f"+ {dollars(costs.kept(load, costs.SECONDS / costs.DAY_SECONDS))}",
            "as much as the writes on demand after": lambda load: f"{outgrown(load, costs.writes_on_demand)} days",
            "as the provisioned ones after": lambda load: f"{outgrown(load, costs.writes_provisioned)} days",
            "Standard-IA costs less from": lambda load: f"{ceil(costs.infrequent_access_from(load))} days",
        }
    )


def _stream() -> str:
    return per_load(
        {
            "shards": lambda load: str(load.shards),
            "provisioned, 24 hours": lambda load: dollars(costs.stream_provisioned(load)),
            "72 hours": lambda load: f"+ {dollars(costs.stream_retention(load))}",
            "a year": lambda load: f"+ {dollars(costs.stream_year(load))}",
            "on demand, 72 hours": lambda load: dollars(costs.stream_standard(load)),
            "On-demand Advantage, 72 hours": lambda load: dollars(costs.stream_advantage(load)),
            "fan-out, an application": lambda load: f"+ {dollars(costs.fanout(load))}",
        }
    )


def _rest() -> str:
    """Return what does not depend on how long items are kept, for the smallest items."""
    parts: dict[str, Callable[[int], float]] = {
        "Fargate, ARM": costs.tasks,
        "Fargate, x86, twice the vCPUs and memory": lambda rate: costs.tasks(rate, "x86"),
        "Fargate Spot, ARM, as low as": lambda rate: ASSUMED["spot"] * costs.tasks(rate),
        "interface endpoints": lambda rate: costs.endpoints(Load(rate, KBS[0])),
        "NAT gateways instead, all traffic through them": lambda rate: costs.nat(Load(rate, KBS[0])),
        "Managed Prometheus": costs.prometheus,
        "the workers' log": costs.logs,
        "CloudWatch's metrics and alarms, KMS key, secret": lambda _: costs.watching(),
    }
    return _table(
        ["", *(f"{rate:,}/s" for rate in RATES)],
        ([name, *(dollars(part(rate)) for rate in RATES)] for name, part in parts.items()),
    )


def _prices() -> str:
    rows = (
        [_price(price["usd"]), price["per"], f"[AWS]({price['published']})", price.get("seen", price.get("note"))]
        for price in FILE["prices"].values()
    )
    return _table(["price", "for each", "today's", "read on"], rows)


def _assumed() -> str:
    return _table(["", "is"], ([f"{each['value']:g}", each["is"]] for each in FILE["assumed"].values()))


def _summary() -> str:
    parts: dict[str, Callable[[Load], float]] = {
        "Fargate on Graviton, the tasks at least": lambda load: costs.tasks(load.rate),
        "Kinesis, provisioned, kept for 72 hours": lambda load: (
            costs.stream_provisioned(load) + costs.stream_retention(load)
        ),
        "**DynamoDB's writes, on demand**": costs.writes_on_demand,
        "the same, provisioned with auto scaling": costs.writes_provisioned,
        "**storage and point-in-time recovery, 30 days kept**": lambda load: costs.kept(load, 30),
        "the same, 365 days kept": lambda load: costs.kept(load, 365),
        "interface endpoints, Prometheus, logs, alarms, keys": lambda load: (
            costs.endpoints(load) + costs.prometheus(load.rate) + costs.logs(load.rate) + costs.watching()
        ),
    }
    loads = [Load(rate, KBS[0]) for rate in RATES]
    return _table(
        ["", *(f"{load.rate:,}/s" for load in loads)],
        ([name, *(dollars(part(load)) for load in loads)] for name, part in parts.items()),
    )


TABLES: Final[dict[str, Callable[[], str]]] = {
    "all": _all,
    "writes": _writes,
    "kept": _kept,
    "stream": _stream,
    "rest": _rest,
    "prices": _prices,
    "assumed": _assumed,
}
SUMMARY: Final[dict[str, Callable[[], str]]] = {"costs": _summary}
"""Of docs/deploy.md."""
