"""The status page: what one worker does now and did in the last hour, for whoever opens its port in a browser.

It shows names and numbers that /metrics shows too, in one document without scripts that asks for nothing else.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from consumer.web import recent
from consumer.web.banner import about, banner, links, up_for
from consumer.web.health import Report
from consumer.web.history import SAMPLE_SECONDS, History
from consumer.web.http_server import Answer
from consumer.web.shard_table import shards
from consumer.web.state import LOOKS, icon, reasons, state
from consumer.web.tiles import lines, tiles

_FOLDER: Final = Path(__file__).parent
_TEMPLATE: Final = Template((_FOLDER / "page.html").read_text(encoding="utf-8"))
_STYLE: Final = (_FOLDER / "page.css").read_text(encoding="utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")

# No script runs and nothing is loaded, whatever might get into the page. The tab's icon stands in the page.
_HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# A header, and not the page: who reads it slowly, or has it read out, takes the way where it is not sent.
_REFRESH: Final = {"Refresh": f"{SAMPLE_SECONDS:.0f}"}


class Shown(NamedTuple):
    """What the page tells besides the metrics.

    :ivar about: names of the worker, as they are to be shown.
    :ivar pids: returns the worker's processes by the names that the metrics have for them.
    :ivar runbook_url: where the runbook is read; None: its file is named.
    """

    about: Mapping[str, str | None]
    pids: Callable[[], Mapping[str, int]] = dict
    runbook_url: str | None = None


class Page:
    """Renders the page from the last sample.

    :param live: the verdict of /healthz.
    :param ready: the verdict of /readyz.
    :param clock: epoch seconds.
    """

    def __init__(
        self,
        history: History,
        around: Shown,
        live: Callable[[], Report],
        ready: Callable[[], Report],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._history = history
        self._around = around
        self._live = live
        self._ready = ready
        self._clock = clock

    def answer(self) -> Answer:
        """Answer with the document, which asks for itself again."""
        return self._answer(is_paused=False)

    def paused(self) -> Answer:
        """Answer with the document as it is now, until somebody asks again."""
        return self._answer(is_paused=True)

    def _answer(self, *, is_paused: bool) -> Answer:
        view, around = self._history.view, self._around
        live, ready = self._live(), self._ready()
        shown = state(live, ready, up_for(view.reading))
        told = reasons(live, ready)
        columns = [
            recent.accounts(view),
            recent.quarantined(view),
            recent.writes(view),
            recent.kcl_daemon(view),
            recent.redactions(view),
            recent.policy(view),
            recent.processes(view, around.pids()),
        ]
        title = f"{LOOKS[shown].sign} {shown} \u00b7 {around.about['stream']} \u00b7 kinesis-sanitizer"
        parts = {
            "title": escape(title),
            "icon": escape(icon(shown)),
            "style": _STYLE,
            "links": links(around.runbook_url, is_paused=is_paused),
            "banner": banner(shown, told, around.runbook_url),
            "about": about(around.about, view.reading, self._clock),
            "tiles": tiles(view, {reason.code for reason in told}),
            "lines": lines(view),
            "shards": shards(view),
            "columns": Markup().join(columns),
            "footer": escape(
                f"Looked at every {SAMPLE_SECONDS:.0f} seconds, kept for an hour. Times in UTC. "
                "Names and numbers only, nothing of any record."
            ),
        }
        headers = _HEADERS if is_paused else _HEADERS | _REFRESH
        return Answer(200, "text/html; charset=utf-8", _TEMPLATE.substitute(parts).encode(), headers)
