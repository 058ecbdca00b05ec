"""A small schema registry with Confluent's interface, which can be told to answer otherwise."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import orjson


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is what some tests want."""


class SchemaRegistry:
    """Serves what is registered, at a port of its own.

    :ivar answers: of the requests to come, one each: a status with a body, or seconds to wait; when there are none, the
        registry's own.
    :ivar paths: what was asked for.
    :ivar authorization: of the last request.
    """

    def __init__(self) -> None:
        self.schemas: dict[int, dict[str, Any]] = {}
        self.versions: dict[int, list[dict[str, Any]]] = {}
        self.subjects: dict[tuple[str, int], dict[str, Any]] = {}
        self.answers: list[tuple[int, bytes] | float] = []
        self.paths: list[str] = []
        self.authorization: str | None = None
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                registry.paths.append(self.path)
                registry.authorization = self.headers["Authorization"]
                told = registry.answers.pop(0) if registry.answers else registry._own(self.path)
                if isinstance(told, float):
                    time.sleep(told)
                    told = registry._own(self.path)
                status, body = told
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def register(
        self, schema_id: int, subject: str, version: int, schema: Any, kind: str = "AVRO", references: Any = ()
    ) -> None:
        text = schema if isinstance(schema, str) else orjson.dumps(schema).decode()
        answer: dict[str, Any] = {"schema": text}
        if kind != "AVRO":
            answer["schemaType"] = kind
        if references:
            answer["references"] = list(references)
        self.schemas[schema_id] = answer
        self.versions.setdefault(schema_id, []).append({"subject": subject, "version": version})
        self.subjects[subject, version] = answer

    def _own(self, path: str) -> tuple[int, bytes]:
        parts = path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["schemas", "ids"]:
            found: Any = (self.versions if parts[3:] == ["versions"] else self.schemas).get(int(parts[2]))
            missing = 40403
        elif parts[0] == "subjects" and parts[2:3] == ["versions"]:
            found, missing = self.subjects.get((parts[1], int(parts[3]))), 40402
        else:
            found, missing = None, 404
        if found is None:
            return 404, orjson.dumps({"error_code": missing, "message": "not found"})
        return 200, orjson.dumps(found)
