"""The status page's tables: what was counted in the last 1, 5 and 15 minutes, and by what."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from markupsafe import Markup, escape

from consumer.web.history import (
    CANDIDATE,
    CPU,
    DOCUMENTS,
    LOG_LINES,
    OUTCOMES,
    QUARANTINED,
    RECEIVED,
    REDACTIONS,
    RESTARTS,
    RETRIES,
    SAMPLE_SECONDS,
    SESSIONS,
    SPANS,
    WRITES,
    Reading,
    View,
    Window,
)
from consumer.web.markup import facts, marked, section, table, tag
from consumer.web.noticed import kcl_errors, quarantines_much
from consumer.web.numbers import NOTHING, number, seconds, size

_MINUTES: Final = tuple(f"{span / 60:.0f} min" for span in SPANS)
_ROWS: Final = 12
"""Of a table by rule or reason; what is left is one row more."""

_OUT_OF_ORDER: Final = {"lease_lost", "broken"}
"""Ends of sessions."""

_PROCESSES: Final = {
    "supervisor": "sanitizer-supervisor",
    "daemon": "java, KCL's daemon",
    "shims": "sanitizer-shim, all",
}
"""What `ps` shows, by the names in the metrics."""

Count = Callable[[Window], float]
Odd = Callable[[Window], bool]
Row = tuple[str, Count, Odd]
"""What is counted, and whether what there is of it is marked."""


def _always(_: Window) -> bool:
    return True


def _never(_: Window) -> bool:
    return False


_OUTCOMES: Final[Mapping[str, Odd]] = {
    "stored": _never,
    "dropped": _never,
    "duplicate": _never,
    "abandoned": _always,
    "quarantined": quarantines_much,
}
"""By how records end, whether it is marked."""


def accounts(view: View) -> Markup:
    """Return what became of the records and documents."""
    rows: list[Row] = [
        ("records received", lambda window: window.total(RECEIVED), _never),
        *((f"records {outcome}", _of(OUTCOMES, (outcome,)), odd) for outcome, odd in _OUTCOMES.items()),
        ("documents stored", _of(DOCUMENTS, ("stored",)), _never),
        ("redactions", lambda window: window.total(REDACTIONS), _never),
        ("writes sent again", lambda window: window.total(RETRIES), _always),
        ("errors of KCL", kcl_errors, _always),
    ]
    return section("accounts", "The last minutes", _counted(view, "Count", rows, _young(view)))


def quarantined(view: View) -> Markup:
    """Return the reasons of what went to quarantine."""
    return _by_label(view, "quarantine", "Quarantined by reason", "Reason", QUARANTINED, quarantines_much)


def redactions(view: View) -> Markup:
    """Return the rules of the policy that did something."""
    return _by_label(view, "redactions", "Redactions by rule", "Rule, action", REDACTIONS, _never)


def kcl_daemon(view: View) -> Markup:
    """Return what KCL logged, how its sessions went, and why it was started anew."""
    reading = view.reading
    rows: list[Row] = [("errors logged", _level("ERROR"), _always), ("warnings logged", _level("WARN"), _never)]
    totals = [reading.by(LOG_LINES, "level").get((level,), 0.0) for level in ("ERROR", "WARN")]
    for (event,), count in sorted(reading.by(SESSIONS, "event").items()):
        odd = _always if event in _OUT_OF_ORDER else _never
        rows.append((f"sessions {event.replace('_', ' ')}", _of(SESSIONS, (event,)), odd))
        totals.append(count)
    restarts = {reason: count for (reason,), count in sorted(reading.by(RESTARTS, "reason").items()) if count}
    rows.append(("restarts", lambda window: window.total(RESTARTS), _always))
    totals.append(sum(restarts.values()))
    for reason, count in restarts.items():
        rows.append((f"restarts: {reason.replace('_', ' ')}", _of(RESTARTS, (reason,)), _always))
        totals.append(count)
    shown = [
        [what, *_cells(view, count, odd), _cell(total)] for (what, count, odd), total in zip(rows, totals, strict=True)
    ]
    heads = ("What", *_MINUTES, "since start")
    return section("daemon", "KCL daemon", table("Log lines, sessions of shards, restarts", heads, shown))


def writes(view: View) -> Markup:
    """Return how the table takes what is written."""
    median, p99 = (view.now.quantile(share, WRITES) if view.now else None for share in (0.5, 0.99))
    calls, items = (view.reading.value(f"sanitizer_write_batch_items_{part}") for part in ("count", "sum"))
    shown = [
        ("a call, median", seconds(median)),
        ("a call, p99", seconds(p99)),
        ("items a call", f"{items / calls:.1f}" if items and calls else NOTHING),
        ("calls at once, at most", number(view.reading.value("sanitizer_write_concurrency"))),
    ]
    rows: list[Row] = [
        (reason, _of(RETRIES, (reason,)), _always)
        for (reason,), count in sorted(view.reading.by(RETRIES, "reason").items(), key=_most)
        if count
    ]
    again = _counted(view, "Sent again because of", rows, "Batch writes that were sent again") if rows else ""
    return section("writes", "Writes to DynamoDB", facts(shown), again)


def policy(view: View) -> Markup:
    """Return which policy is applied, and which is tried beside it."""
    reading = view.reading
    shown = _named(reading, "sanitizer_policy_info", "policy")
    drifting = [path for (path,), value in sorted(reading.by("sanitizer_field_drift", "path").items()) if value]
    if drifting:
        shown.append(("no longer redacted", marked(", ".join(drifting))))
    parts = [facts(shown)]
    if tried := _named(reading, "sanitizer_candidate_policy_info", "candidate"):
        rows: list[Row] = [
            (result, _of(CANDIDATE, (result,)), _always if result == "failed" else _never)
            for result in ("same", "different", "failed")
        ]
        text = "Records by what the candidate would make of them; nothing of it is stored"
        parts += [tag("h3", "Candidate, tried on the same records"), facts(tried), _counted(view, "Result", rows, text)]
    return section("policy", "Policy", *parts)


def processes(view: View, pids: Mapping[str, int]) -> Markup:
    """Return what the worker's processes use.

    :param pids: by the names that the metrics have for them.
    """
    rates = view.now.rates(CPU) if view.now else {}
    held = view.reading.by("sanitizer_process_memory_bytes", "process")
    rows = [
        [
            _process(name),
            str(pids.get(name, NOTHING)),
            f"{100 * rates[name,]:.0f} %" if (name,) in rates else NOTHING,
            size(held[name,]) if (name,) in held else NOTHING,
        ]
        for name in sorted({*pids, *(name for (name,) in held)}, key=lambda name: (name != "supervisor", name))
    ]
    return section("processes", "Processes", table("CPU: of one core", ("Process", "pid", "CPU", "Memory"), rows))


def _process(name: str) -> str:
    return _PROCESSES.get(name) or f"sanitizer-{name.replace('-', ' ', 1)}"


def _named(reading: Reading, name: str, title: str) -> list[tuple[str, str]]:
    return [
        pair
        for labels, _ in reading.rows(name)
        for pair in ((title, f"{labels['name']} {labels['version']}"), ("digest", labels["digest"]))
    ]


def _level(level: str) -> Count:
    return lambda window: sum(count for (_, found), count in window.grown(LOG_LINES).items() if found == level)


def _of(name: str, key: tuple[str, ...]) -> Count:
    return lambda window: window.grown(name).get(key, 0.0)


def _by_label(view: View, identity: str, title: str, head: str, name: str, odd: Odd) -> Markup:
    widest = view.recent[-1].grown(name) if view.recent else {}
    found = [key for key, count in sorted(widest.items(), key=_most) if count]
    rows: list[Row] = [(", ".join(key), _of(name, key), odd) for key in found[:_ROWS]]
    if rest := found[_ROWS:]:
        rows.append((f"{len(rest)} more", lambda window: sum(window.grown(name)[key] for key in rest), odd))
    total = f"{number(view.reading.value(name))} since the start"
    return section(identity, title, _counted(view, head, rows, total))


def _counted(view: View, head: str, rows: Iterable[Row], caption: str) -> Markup:
    shown = [[what, *_cells(view, count, odd)] for what, count, odd in rows]
    return table(caption, (head, *_MINUTES), shown)


def _cells(view: View, count: Count, odd: Odd) -> Sequence[Markup]:
    if not view.recent:
        return [escape(NOTHING)] * len(SPANS)
    return [_cell(count(window), is_odd=odd(window)) for window in view.recent]


def _cell(count: float, *, is_odd: bool = False) -> Markup:
    """Write a count: nothing is quiet, and what should not be is loud."""
    if not count:
        return tag("span", "0", kind="quiet")
    return marked(number(count), is_bad=False) if is_odd else escape(number(count))


def _young(view: View) -> str:
    """Say of how much the columns tell, where that is less than their heads promise."""
    if not view.recent:
        return "No two samples yet"
    covered = view.recent[-1].seconds
    if covered >= SPANS[-1] - SAMPLE_SECONDS:
        return f"Until now; looked at every {SAMPLE_SECONDS:.0f} seconds"
    return f"Watched for {seconds(covered)}: longer columns hold that"


def _most(row: tuple[tuple[str, ...], float]) -> tuple[float, tuple[str, ...]]:
    return -row[1], row[0]
