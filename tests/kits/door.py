"""A door to the embedded cloud, at which AWS's refusals and another clock can be had."""

import http.client
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import orjson

SECRET = "4111111111111111"


class Door:
    """Passes requests on, but for those that it refuses.

    :ivar refused: AWS's code by operation, or by operation and table (``Scan leases``); ``*``: of all operations.
    :ivar ahead: seconds by which the time in its answers is ahead.
    :ivar region: requests that are signed for another region find nothing; None: any region will do.
    """

    def __init__(self, endpoint: str) -> None:
        self.refused: dict[str, str] = {}
        self.ahead = 0.0
        self.region: str | None = None
        door, cloud = self, urlsplit(endpoint)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one write an answer: after the first of two the peer's kernel waits before it acknowledges

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = door._refusal(self.headers, body)
                if code:
                    told = {"__type": f"com.amazonaws#{code}", "message": f"Value '{SECRET}' is refused"}
                    return self._answer(400, orjson.dumps(told))
                onward = http.client.HTTPConnection(str(cloud.hostname), cloud.port, timeout=10)
                onward.request("POST", self.path, body, dict(self.headers))
                answer = onward.getresponse()
                self._answer(answer.status, answer.read())
                return onward.close()

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return formatdate((timestamp or time.time()) + door.ahead, usegmt=True)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _refusal(self, headers: Any, body: bytes) -> str | None:
        operation = headers["X-Amz-Target"].rpartition(".")[2]
        if self.region and f"/{self.region}/" not in headers["Authorization"]:
            return "ResourceNotFoundException"
        request = orjson.loads(body)
        table = request.get("TableName") or next(iter(request.get("RequestItems", {})), "")
        return self.refused.get(f"{operation} {table}") or self.refused.get(operation) or self.refused.get("*")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
