"""What a worker shows of itself on its port: the page, the metrics, its health."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from consumer.logs import Logger
from consumer.settings.sections import Http
from consumer.web import health
from consumer.web.health import Condition, Report
from consumer.web.history import History
from consumer.web.http_server import HttpServer, verdict
from consumer.web.page import Page


class Site:
    """Serves from the moment it is made.

    :param about: names for the page's head.
    :param condition: tells how the worker is; called by several threads.
    :raises StartError: the port is taken.
    """

    def __init__(
        self,
        http: Http,
        collector: Collector,
        about: Mapping[str, str | None],
        condition: Callable[[], Condition],
        log: Logger,
    ) -> None:
        def live() -> Report:
            return health.live(condition())

        def ready() -> Report:
            return health.ready(condition())

        registry = CollectorRegistry()
        registry.register(collector)
        self._history = History(collector.collect, log)
        page = Page(self._history, about, live, ready)
        routes = {"/": page.answer, "/healthz": lambda: verdict(live()), "/readyz": lambda: verdict(ready())}
        self._server = HttpServer(http.host, http.port, registry, routes)
        self._history.start()
        self.port = self._server.port

    def close(self) -> None:
        """Show nothing more."""
        self._server.close()
        self._history.close()
