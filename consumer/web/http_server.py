"""The worker's one port: a page for people, /metrics for Prometheus, /healthz and /readyz for what runs containers."""

import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, NamedTuple

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from consumer import logs
from consumer.errors import StartError
from consumer.web.health import Report, Status

_BACKLOG: Final = 1024
"""Connections that may wait to be taken; one above it is tried again by its sender, after a second at first."""

_TEXT: Final = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """What a route answers."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = {}


Route = Callable[[], Answer]


def verdict(report: Report) -> Answer:
    """Put a verdict on health as JSON: 503 if it fails."""
    body = {"status": report.status, "reasons": [reason._asdict() for reason in report.reasons]}
    return Answer(
        503 if report.status is Status.FAILING else 200,
        "application/json",
        orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE),
        {"Cache-Control": "no-store"},
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = _BACKLOG

    def handle_error(self, *_: object) -> None:
        """A scraper that hung up is no news; a defect is."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            logs.get_logger("supervisor").error("http.defect", exc_info=error)


class HttpServer:
    """Serves in a thread of its own.

    :param routes: by path; /metrics is served besides.
    :raises StartError: the port is taken.
    """

    def __init__(self, host: str, port: int, registry: CollectorRegistry, routes: Mapping[str, Route]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_version = "sanitizer"
            sys_version = ""
            timeout = 30

            def do_HEAD(self) -> None:
                """As GET, without the body; `_answer` sees to that."""
                self.do_GET()

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    encoder, content_type = choose_encoder(self.headers.get("Accept", ""))
                    self._answer(Answer(200, content_type, encoder(registry)))
                elif path in routes:
                    self._answer(routes[path]())
                else:
                    self._answer(Answer(404, _TEXT, f"{' '.join(sorted((*routes, '/metrics')))}\n".encode()))

            def _answer(self, answer: Answer) -> None:
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.body)))
                self.send_header("X-Content-Type-Options", "nosniff")
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                """Scrapes are not logged."""

        try:
            self._server = _Server((host, port), Handler)
        except OSError as error:
            msg = f"Port {port} of {host} cannot be listened on ({error.strerror}): free it, or set http.port."
            raise StartError(msg) from None
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="http", daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
