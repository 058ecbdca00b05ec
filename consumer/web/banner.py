"""The head of the status page: the state, its reasons and what to do, where else to look, and which worker it is."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from markupsafe import Markup, escape

from consumer.web import runbook
from consumer.web.chart import clock
from consumer.web.health import Reason
from consumer.web.history import SAMPLE_SECONDS, Reading
from consumer.web.markup import facts, marked, tag
from consumer.web.numbers import counted, seconds
from consumer.web.state import LOOKS, State

PAUSED: Final = "/paused"
_STALE_SECONDS: Final = 3 * SAMPLE_SECONDS


def links(runbook_url: str | None, *, is_paused: bool) -> Markup:
    """Return where else to look."""
    book = tag("a", "Runbook", href=runbook_url) if runbook_url else tag("span", "Runbook: ", tag("code", runbook.PAGE))
    pause = ("/", "Refresh again") if is_paused else (PAUSED, "Stop refreshing")
    ways = (("/metrics", "Metrics"), ("/healthz", "Health"), ("/readyz", "Readiness"), pause)
    items = [book, *(tag("a", text, href=path) for path, text in ways)]
    return tag("nav", tag("ul", *(tag("li", item) for item in items)), aria_label="Elsewhere")


def banner(shown: State, reasons: Sequence[Reason], runbook_url: str | None) -> Markup:
    """Return the state and why."""
    look = LOOKS[shown]
    picture = tag(
        "svg",
        tag("path", d=look.shape, kind="shape"),
        tag("path", d=look.mark, kind="mark"),
        viewBox="0 0 16 16",
        aria_hidden="true",
    )
    told = [tag("li", _detail(reason.detail), _where(reason.code, runbook_url)) for reason in reasons]
    heads = f": {counted(len(reasons), 'reason')}" if len(reasons) > 1 else ""
    return tag(
        "section",
        picture,
        tag(
            "div",
            tag("h2", tag("strong", shown.capitalize()), heads, id="state"),
            tag("p", look.means),
            tag("ul", *told, kind="reasons") if told else "",
        ),
        kind=f"banner {shown}",
        aria_labelledby="state",
    )


def _detail(text: str) -> Markup:
    what, semicolon, hint = text.partition(";")
    return tag("p", tag("b", what), semicolon, hint)


def _where(code: str, runbook_url: str | None) -> Markup:
    address = runbook.address(code, runbook_url)
    todo = tag("a", "what to do", href=address) if runbook_url else Markup().join(["see ", tag("code", address)])
    return tag("p", tag("code", code), " · ", todo, kind="note")


def about(names: Mapping[str, str | None], reading: Reading, now: Callable[[], float] = time.time) -> Markup:
    """Return which worker it is."""
    return facts((name, value) for name, value in _about(names, reading, now()) if value)


def _about(names: Mapping[str, str | None], reading: Reading, now: float) -> Iterator[tuple[str, str | None]]:
    yield from names.items()
    yield "version", ", ".join(labels["version"] for labels, _ in reading.rows("sanitizer_build_info"))
    yield "up for", seconds(up_for(reading))
    yield "sampled at", _sampled(reading.at, now)


def up_for(reading: Reading) -> float:
    """Return the seconds since the worker's start; 0: not known."""
    started = reading.value("sanitizer_start_time_seconds")
    return 0.0 if started is None else max(0.0, reading.at - started)


def _sampled(at: float, now: float) -> Markup:
    if not at:
        return marked("no sample yet", is_bad=False)
    shown = f"{clock(at)} UTC"
    return marked(f"{shown}, no more since") if now - at > _STALE_SECONDS else escape(shown)
