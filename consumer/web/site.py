"""What a worker shows of itself on its port: the page, the metrics, its health."""

import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from consumer.logs import Logger
from consumer.settings.sections import Http
from consumer.web import health
from consumer.web.banner import PAUSED
from consumer.web.health import Condition, Report
from consumer.web.history import History
from consumer.web.http_server import HttpServer, Route, verdict
from consumer.web.noticed import noticed
from consumer.web.page import Page, Shown


def routes(
    history: History, shown: Shown, condition: Callable[[], Condition], clock: Callable[[], float] = time.time
) -> Mapping[str, Route]:
    """Return what is shown besides /metrics.

    :param condition: tells how the worker is; called by several threads.
    :param clock: epoch seconds.
    """

    def live() -> Report:
        return health.live(condition(), noticed(history.view))

    def ready() -> Report:
        return health.ready(condition(), noticed(history.view))

    page = Page(history, shown, live, ready, clock)
    return {
        "/": page.answer,
        PAUSED: page.paused,
        "/healthz": lambda: verdict(live()),
        "/readyz": lambda: verdict(ready()),
    }


class Site:
    """Serves from the moment it is made.

    :param condition: as of `routes`.
    :raises StartError: the port is taken.
    """

    def __init__(
        self,
        http: Http,
        collector: Collector,
        shown: Shown,
        condition: Callable[[], Condition],
        log: Logger,
    ) -> None:
        registry = CollectorRegistry()
        registry.register(collector)
        self._history = History(collector.collect, log)
        self._server = HttpServer(http.host, http.port, registry, routes(self._history, shown, condition))
        self._history.start()
        self.port = self._server.port

    def close(self) -> None:
        """Show nothing more."""
        self._server.close()
        self._history.close()
