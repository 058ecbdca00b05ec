"""/metrics, /healthz and /readyz of the whole worker, on one port."""

import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from consumer import logs
from consumer.errors import StartError

Check = Callable[[], str | None]
"""Returns what is wrong, or None."""


class HttpServer:
    """Serves in a thread of its own.

    :param live: what is wrong so that only a restart of the container helps.
    :param ready: why there is nothing done yet.
    :raises StartError: the port is taken.
    """

    def __init__(self, host: str, port: int, registry: CollectorRegistry, live: Check, ready: Check) -> None:
        routes = {"/healthz": live, "/readyz": ready}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_version = "sanitizer"
            sys_version = ""
            timeout = 30

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    encoder, content_type = choose_encoder(self.headers.get("Accept", ""))
                    self._answer(200, content_type, encoder(registry))
                elif path in routes:
                    problem = routes[path]()
                    self._answer(503 if problem else 200, "text/plain; charset=utf-8", f"{problem or 'ok'}\n".encode())
                else:
                    self._answer(404, "text/plain; charset=utf-8", b"/metrics /healthz /readyz\n")

            def _answer(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Scrapes are not logged."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A scraper that hung up is no news; a defect is."""
                error = sys.exc_info()[1]
                if not isinstance(error, OSError):
                    logs.get_logger("supervisor").error("http.defect", exc_info=error)

        try:
            self._server = Server((host, port), Handler)
        except OSError as error:
            msg = f"Port {port} of {host} cannot be listened on ({error.strerror}): free it, or set http.port."
            raise StartError(msg) from None
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="http", daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
