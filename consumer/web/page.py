"""The status page: what one worker does now and did in the last minutes, for whoever opens its port in a browser.

It shows names and numbers that /metrics shows too, in one document without scripts that asks for nothing else.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from string import Template
from typing import Final

from markupsafe import Markup, escape

from consumer.web.health import Report, Status
from consumer.web.history import KEPT, SAMPLE_SECONDS, History, Reading, Sample, Window
from consumer.web.http_server import Answer
from consumer.web.markup import (
    facts,
    marked,
    number,
    per_second,
    percent,
    seconds,
    section,
    size,
    table,
    tag,
    tile,
)
from consumer.web.shard_table import late, shards

_FOLDER: Final = Path(__file__).parent
_TEMPLATE: Final = Template((_FOLDER / "page.html").read_text(encoding="utf-8"))
_STYLE: Final = (_FOLDER / "page.css").read_text(encoding="utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")

# No script runs and nothing is loaded, whatever might get into the page.
_HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Windows = Sequence[Window]

_RECEIVED, _OUTCOMES, _CPU = attrgetter("received"), attrgetter("outcomes"), attrgetter("cpu")
_LATENCY, _WRITES = attrgetter("latency"), attrgetter("writes")


class Page:
    """Renders the page from the last sample.

    :param about: names of the worker's surroundings, as they are to be shown.
    :param live: the verdict of /healthz.
    :param ready: the verdict of /readyz.
    """

    def __init__(
        self, history: History, about: Mapping[str, str | None], live: Callable[[], Report], ready: Callable[[], Report]
    ) -> None:
        self._history = history
        self._about = about
        self._live = live
        self._ready = ready

    def answer(self) -> Answer:
        """Answer with the document."""
        reading, windows = self._history.reading, self._history.windows()
        tiles = [_rate(windows), _latency(windows), _lag(reading, windows), _in_flight(reading), _leases(reading)]
        columns = [
            _outcomes(reading, windows),
            _policy(reading),
            _counts(reading, "redactions", "Redactions by rule", "sanitizer_redactions_total", "rule", "action"),
            _counts(reading, "quarantine", "Quarantined by reason", "sanitizer_quarantined_total", "code"),
            _writes(reading, windows),
            _daemon(reading),
            _processes(reading, windows),
        ]
        parts = {
            "title": escape(f"kinesis-sanitizer · {self._about['stream']}"),
            "style": _STYLE,
            "header": self._header(reading),
            "tiles": Markup().join(tiles),
            "wide": shards(reading, windows),
            "columns": Markup().join(columns),
            "footer": escape(f"Sampled every {SAMPLE_SECONDS:.0f} seconds; lines span 15 minutes."),
        }
        return Answer(200, "text/html; charset=utf-8", _TEMPLATE.substitute(parts).encode(), _HEADERS)

    def _header(self, reading: Reading) -> Markup:
        live, ready = self._live(), self._ready()
        serving = "not serving" if ready.status is Status.FAILING else "serving"
        health = {Status.OK: "healthy", Status.DEGRADED: "degraded", Status.FAILING: "unhealthy"}[live.status]
        served_as = Status.FAILING if ready.status is Status.FAILING else Status.OK
        pills = [tag("span", health, kind=f"pill {live.status}"), tag("span", serving, kind=f"pill {served_as}")]
        reasons = dict.fromkeys((*live.reasons, *ready.reasons))
        worst = Status.FAILING if Status.FAILING in (live.status, ready.status) else Status.DEGRADED
        told = [tag("li", tag("span", tag("b", reason.code), " ", reason.detail), kind=worst) for reason in reasons]
        started = reading.value("sanitizer_start_time_seconds")
        versions = [labels["version"] for labels, _ in reading.rows("sanitizer_build_info")]
        about = [
            *self._about.items(),
            ("version", ", ".join(versions)),
            ("up for", seconds(None if started is None else max(0.0, reading.at - started))),
            ("sampled at", _sampled(reading.at)),
        ]
        return Markup().join(
            [
                tag("span", *pills, kind="pills"),
                tag("ul", *told, kind="reasons") if told else "",
                facts((name, value) for name, value in about if value),
            ]
        )


def _sampled(at: float) -> Markup:
    if not at:
        return tag("span", "no sample yet", kind="warn")
    shown = f"{time.strftime('%H:%M:%S', time.gmtime(at))} UTC"
    return tag("span", shown, kind="warn") if time.time() - at > 3 * SAMPLE_SECONDS else escape(shown)


def _rate(windows: Windows) -> Markup:
    rates = [sum(window.rates(_RECEIVED).values()) for window in windows]
    highest = max(rates, default=None)
    now = rates[-1] if rates else None
    return tile("rate", "Records a second", per_second(now), f"highest {per_second(highest)}", _line(rates))


def _line(values: Sequence[float | None]) -> list[float | None]:
    """Fill up what was before the worker's start: each line spans the same time."""
    return [*[None] * (KEPT - 1 - len(values)), *values]


def _latency(windows: Windows) -> Markup:
    p99 = [window.quantile(0.99, _LATENCY) for window in windows]
    p50 = windows[-1].quantile(0.5, _LATENCY) if windows else None
    return tile("latency", "Latency, p99", seconds(p99[-1] if p99 else None), f"median {seconds(p50)}", _line(p99))


def _lag(reading: Reading, windows: Windows) -> Markup:
    lags = {labels["shard"]: value for labels, value in reading.rows("sanitizer_behind_latest_seconds")}
    worst = max(lags, key=lags.__getitem__, default=None)
    lag = None if worst is None else lags[worst]
    line = _line([window.last.lag for window in windows])
    return tile("lag", "Lag, worst shard", late(lag), worst if worst and lag else "", line)


def _in_flight(reading: Reading) -> Markup:
    oldest = max((age for _, age in reading.rows("sanitizer_in_flight_age_seconds")), default=None)
    note = f"oldest batch {seconds(oldest)}" if oldest else ""
    return tile("in-flight", "Records in flight", number(reading.value("sanitizer_records_in_flight")), note)


def _leases(reading: Reading) -> Markup:
    of_stream = reading.value("sanitizer_stream_open_shards")
    workers = reading.value("sanitizer_application_workers")
    notes = [
        f"of {number(of_stream)} open in the stream" if of_stream is not None else "",
        f"{number(workers)} worker{'' if workers == 1 else 's'}" if workers is not None else "",
        *(
            f"{number(count)} {state}"
            for (state,), count in sorted(reading.by("sanitizer_application_leases", "state").items())
            if count and state in ("unowned", "expired")
        ),
    ]
    owned = reading.value("sanitizer_shards_owned")
    held = len(reading.rows("sanitizer_behind_latest_seconds"))  # also without a session, while nothing answers
    lacking = held - owned if owned is not None else None
    return tile("leases", "Shards owned", marked(lacking, 0, number(owned)), ", ".join(note for note in notes if note))


def _latest(windows: Windows, counts: Callable[[Sample], Mapping[str, float]]) -> dict[str, float]:
    return windows[-1].rates(counts) if windows else {}


def _outcomes(reading: Reading, windows: Windows) -> Markup:
    totals = reading.by("sanitizer_records_total", "outcome")
    whole = sum(totals.values())
    rates = _latest(windows, _OUTCOMES)
    rows = [
        [outcome, number(count), percent(count, whole), per_second(rates.get(outcome))]
        for (outcome,), count in sorted(totals.items(), key=_by_count)
    ]
    return section("outcomes", "Records by outcome", table(["Outcome", "Since start", "Share", "Per second"], rows))


def _counts(reading: Reading, identity: str, title: str, name: str, *labels: str) -> Markup:
    rows = [[*key, number(count)] for key, count in sorted(reading.by(name, *labels).items(), key=_by_count) if count]
    return section(identity, title, table([*(label.capitalize() for label in labels), "Since start"], rows))


def _by_count(row: tuple[tuple[str, ...], float]) -> tuple[float, tuple[str, ...]]:
    return -row[1], row[0]


def _policy(reading: Reading) -> Markup:
    shown = []
    for title, name in (("policy", "sanitizer_policy_info"), ("candidate", "sanitizer_candidate_policy_info")):
        for labels, _ in reading.rows(name):
            shown += [
                (title, f"{labels['name']} {labels['version']}"),
                ("digest", labels["digest"]),
            ]
    tried = reading.by("sanitizer_candidate_records_total", "result")
    shown += [(f"with the candidate: {result}", number(count)) for (result,), count in sorted(tried.items())]
    drifting = [path for (path,), value in sorted(reading.by("sanitizer_field_drift", "path").items()) if value]
    if drifting:
        shown.append(("no longer redacted", tag("span", ", ".join(drifting), kind="failing")))
    return section("policy", "Policy", facts(shown))


def _writes(reading: Reading, windows: Windows) -> Markup:
    median, p99 = (windows[-1].quantile(share, _WRITES) if windows else None for share in (0.5, 0.99))
    calls, items = (reading.value(f"sanitizer_write_batch_items_{part}") for part in ("count", "sum"))
    shown = [
        ("median of a call", seconds(median)),
        ("p99", seconds(p99)),
        ("items a call", f"{items / calls:.1f}" if items and calls else number(None)),
        ("calls at once, at most", number(reading.value("sanitizer_write_concurrency"))),
    ]
    retries = sorted(reading.by("sanitizer_write_retries_total", "reason").items(), key=_by_count)
    rows = [[reason, number(count)] for (reason,), count in retries if count]
    parts = [facts(shown), table(["Sent again because of", "Since start"], rows)] if rows else [facts(shown)]
    return section("writes", "Writes to DynamoDB", *parts)


def _daemon(reading: Reading) -> Markup:
    lines = reading.by("sanitizer_daemon_log_lines_total", "level")
    shown = [
        *((f"restarts: {reason}", count) for (reason,), count in _sorted(reading, "daemon_restarts", "reason")),
        *((f"sessions: {event}", count) for (event,), count in _sorted(reading, "sessions", "event")),
        *((f"log lines: {level}", lines.get((level,), 0.0)) for level in ("ERROR", "WARN")),
    ]
    return section("daemon", "KCL daemon", table(["", "Since start"], [[what, number(count)] for what, count in shown]))


def _sorted(reading: Reading, name: str, label: str) -> list[tuple[tuple[str, ...], float]]:
    return sorted(reading.by(f"sanitizer_{name}_total", label).items())


def _processes(reading: Reading, windows: Windows) -> Markup:
    rates = _latest(windows, _CPU)
    rows = [
        [process, f"{100 * rates[process]:.0f} %" if process in rates else number(None), size(held)]
        for (process,), held in sorted(reading.by("sanitizer_process_memory_bytes", "process").items())
    ]
    return section("processes", "Processes", table(["Process", "CPU", "Memory"], rows))
