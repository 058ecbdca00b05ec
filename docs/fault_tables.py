# noqa: INP001 - a folder of pages, no package
"""How long faults, alerts and upgrades take, of what `make measure` kept in tests/faults/results."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

_RESULTS: Final = Path(__file__).parents[1] / "tests" / "faults" / "results"

Kept = Mapping[str, dict[str, Any]]


class _Fault(NamedTuple):
    """A row: the scenarios whose names begin so, and within how many seconds all has to be as before."""

    what: str
    scenarios: str
    wanted: str = ""


_FAULTS: Final = (
    _Fault("pipeline process killed", "kill pipeline", "10"),
    _Fault("shim killed", "kill shim", "10"),
    _Fault("daemon killed", "kill jvm", "20"),
    _Fault("supervisor killed, and started anew", "kill supervisor"),
    _Fault("SIGTERM, another worker takes over", "SIGTERM", "10"),
    _Fault("whole worker killed, the leader; another lives", "kill leader 2000", "45"),
    _Fault("whole worker killed, not the leader", "kill other 2000", "45"),
    _Fault("the leader, at the default failover of 10 s", "kill leader 10000", "45"),
)
_ROLLOUTS: Final = {
    "rolling upgrade": "another version, 2 workers",
    "rollback in the middle": "rollback in the middle, after one new worker got a shard",
    "bad versions": "six bad versions, one after the other",
    "policy change": "another policy, 2 workers",
    "1 pipeline processes": "1 worker: 2 pipeline processes to 1",
    "3 pipeline processes": "1 worker: 1 pipeline process to 3",
}


def _kept(name: str) -> Kept:
    kept: Kept = json.loads((_RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return kept


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))


def _machine(kept: Iterable[Mapping[str, Any]]) -> str:
    """Return on what it was measured, and when."""
    machines = [each["machine"] for each in kept]
    (cores,) = {machine["cores"] for machine in machines}
    days = sorted({machine["date"].partition("T")[0] for machine in machines})
    return f"{cores} cores, {' to '.join(dict.fromkeys((days[0], days[-1])))}"


def _recovery() -> str:
    kept = _kept("recovery")
    rows = []
    for fault in _FAULTS:
        slowest = sorted(each["seconds"][-1] for name, each in kept.items() if name.startswith(fault.scenarios))
        seconds = " to ".join(dict.fromkeys(f"{each:.1f}" for each in (slowest[0], slowest[-1])))
        rows.append((fault.what, str(len(slowest)), seconds, fault.wanted))
    table = _table(("fault", "runs", "seconds", "wanted"), rows)
    return f"{table}\n\n({_machine(kept.values())}; `tests/faults/results/recovery.json`)"


def _soak() -> str:
    ((name, kept),) = _kept("soak").items()
    kinds = {kind.removeprefix("faults: "): met for kind, met in kept.items() if kind.startswith("faults: ")}
    return (
        f"A soak of {name}: {kept['planned']} faults were planned, and {kept['requests met by a fault']} requests met "
        f"one\n({', '.join(f'{kind} {met}' for kind, met in kinds.items())});\n"
        f"{kept['workers started']} starts of the worker and {kept['daemons restarted']} of its daemon. Of "
        f"{kept['produced']:,} records {kept['stored']:,} were stored and {kept['quarantined']:,}, which are\npoison, "
        f"quarantined; lost {kept['lost']}, wrong {kept['wrong']}, leaks {kept['leaks']} ({_machine([kept])})."
    )


def _upgrades() -> str:
    rollouts, upgrades = _kept("recovery"), _kept("upgrades")
    rows: list[tuple[str, dict[str, Any]]] = [
        (what, {"failover_ms": 2000} | rollouts[name]) for name, what in _ROLLOUTS.items()
    ]
    for name, each in upgrades.items():
        way, _, version = name.partition(", ")
        rows.append((f"upgrade from {version}, 2 workers" if way == "upgrade" else "its rollback", each))
    table = _table(
        ("scenario", "failover", "slowest shard", "the others", "late"),
        (
            (
                what,
                f"{each['failover_ms'] / 1000:.0f} s",
                f"{each['seconds'][-1]:.1f}",
                ", ".join(f"{seconds:.1f}" for seconds in each["seconds"][:-1]),
                str(each["late_for"]),
            )
            for what, each in rows
        ),
    )
    ledgers = [each["ledger"] for name, each in upgrades.items() if name.startswith("upgrade")]  # one for both ways
    put, *bad = (sum(ledger[key] for ledger in ledgers) for key in ("put", "lost", "wrong", "leaks"))
    machine = _machine([*upgrades.values(), *(rollouts[name] for name in _ROLLOUTS)])
    return (
        f"{table}\n\nOf {put:,} records put during the upgrades and rollbacks from older versions: "
        f"lost {bad[0]}, wrong {bad[1]}, leaks {bad[2]}.\n({machine}; `tests/faults/results`)"
    )


def _gameday() -> str:
    kept = _kept("gameday")
    rows = [
        (fault if first else "", alert["alert"], f"{alert['fires']:.1f}", f"{alert['clears']:.1f}")
        for fault, each in kept.items()
        for first, alert in zip((True, *[False] * len(each["alerts"])), each["alerts"], strict=False)
    ]
    table = _table(("fault", "alert", "fires", "clears"), rows)
    return f"{table}\n\n({_machine(kept.values())}; `tests/faults/results/gameday.json`)"


def _applications() -> str:
    kept = _kept("applications")
    rows = [
        (who, *(f"{kept[scenario][number][share]:.2f} s" for share in ("p50", "p99")))
        for who, scenario, number in (
            ("the service alone", "alone (1, 2)", "0"),
            ("the service, with both others", "all three run (1, 2)", "0"),
            ("another policy and table", "all three run (1, 2)", "1"),
            ("the fraud alert", "all three run (1, 2)", "2"),
            ("the service, while one is killed and one is frozen", "one killed, one stalled (1, 2)", "0"),
        )
    ]
    return (
        f"{_table(('', 'p50', 'p99'), rows)}\n\n({_machine(kept.values())}; `tests/faults/results/applications.json`)"
    )


Tables = Mapping[str, Callable[[], str]]
GUARANTEES: Final[Tables] = {"recovery": _recovery, "soak": _soak}
CONSUMERS: Final[Tables] = {"applications": _applications}
UPGRADING: Final[Tables] = {"upgrades": _upgrades}
RUNBOOK: Final[Tables] = {"gameday": _gameday}
