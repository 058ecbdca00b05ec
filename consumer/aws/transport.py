"""HTTP/1.1 to a service of AWS with bodies that are already encoded; several requests under way from one thread.

urllib3 connects (TLS, CONNECT through a proxy, IPv6), llhttp parses, botocore says where to and as whom. What is left
is a pool, and one send and one receive a call.

    TransportError
    ├── ConnectError        not connected: name, route, TLS, proxy
    ├── CallTimeout         connected, but no whole answer in time; the request may have been carried out
    ├── ConnectionLost      closed under way; the request may have been carried out
    └── BadResponse         not HTTP, too long, or its checksum is wrong

None of their texts holds content of a request or an answer.
"""

import ssl
import time
import zlib
from collections import deque
from collections.abc import Mapping
from http.client import HTTPException
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httptools
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import create_urllib3_context, make_headers, wait_for_read

from consumer.aws.endpoint import Endpoint
from consumer.aws.sigv4 import PORTS, Signer
from consumer.thread_turns import waiting

_MAX_HEAD_BYTES: Final = 65536
_MAX_ANSWER_BYTES: Final = 17 * 1024 * 1024  # a BatchWriteItem's whole request may come back as unprocessed
_RECEIVE_BYTES: Final = 65536
_SMALL_BYTES: Final = 65536
_OK: Final = 200


class TransportError(Exception):
    """A call without an answer; its text is safe to log."""


class ConnectError(TransportError):
    """Not connected: name, route, TLS or proxy."""


class CallTimeout(TransportError):
    """Connected, but no whole answer in time."""


class ConnectionLost(TransportError):
    """Closed under way."""


class BadResponse(TransportError):
    """Not HTTP, too long, or not as its checksum says."""


class Answer:
    """One response, as llhttp's callbacks fill it."""

    __slots__ = ("_body", "_head_complete", "_messages", "_parser", "complete", "headers", "keep_alive", "received")

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self.complete = self.keep_alive = self._head_complete = False
        self.received = self._messages = 0
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take what was received.

        :raises BadResponse: it is no answer.
        """
        self.received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise BadResponse(type(error).__name__) from None
        limit = _MAX_ANSWER_BYTES if self._head_complete else _MAX_HEAD_BYTES
        if self.received > limit or self._messages > 1:
            raise BadResponse("longer than it may be")
        if self.complete:
            self._check()

    def _check(self) -> None:
        if self.status < _OK:  # what it announces would be taken for the next request's answer
            raise BadResponse("not a final answer")
        checksum = self.headers.get("x-amz-crc32")
        if checksum is not None and checksum != str(zlib.crc32(self.body)):
            raise BadResponse("checksum")

    @property
    def status(self) -> int:
        return self._parser.get_status_code()

    @property
    def body(self) -> bytes:
        return b"".join(self._body)

    def on_message_begin(self) -> None:
        self._messages += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._head_complete = True
        self.keep_alive = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        self.complete = True


class Exchange:
    """A request that was sent. `finish` must be called once; until then it holds a connection."""

    __slots__ = ("_connection", "_request", "_reused", "_sent_at", "_transport", "latency")

    def __init__(self, transport: "Transport", request: bytes) -> None:
        self.latency = 0.0
        """Seconds until the answer began; 0 if it was there before anybody looked."""
        self._transport = transport
        self._request = request
        self._connection, self._reused = transport.take()
        self._send()

    def _send(self) -> None:
        try:
            # One send: two small ones meet Nagle and delayed ACK. What fits into the socket's buffer does not wait.
            if len(self._request) <= _SMALL_BYTES:
                self._connection.sock.sendall(self._request)
            else:
                with waiting():
                    self._connection.sock.sendall(self._request)
        except TimeoutError:
            self._connection.close()
            raise CallTimeout("the request could not be sent in time") from None
        except OSError as error:
            self._again_or_lost(error)
        else:
            self._sent_at = time.monotonic()

    def _again_or_lost(self, error: OSError | None) -> None:
        """Send once more if a kept connection turns out to be closed: the server's idle limit, no failure."""
        self._connection.close()
        if not self._reused:
            raise ConnectionLost(type(error).__name__ if error else "closed") from None
        self._connection, self._reused = self._transport.connect(), False
        self._send()

    def is_answered(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds; return whether `finish` has something to say.

        The answer has begun, so that it will hardly wait, or it is overdue.
        """
        if wait_for_read(self._connection.sock, 0):
            return True
        left = self._sent_at + self._transport.timeout - time.monotonic()
        if left <= 0:
            return True
        with waiting():
            is_there = wait_for_read(self._connection.sock, min(timeout, left))
            if is_there:
                self.latency = time.monotonic() - self._sent_at
        return is_there

    def finish(self) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers (names in lower case) and body.

        :raises TransportError: see the module.
        """
        try:
            answer = self._receive()
        except BaseException:
            self._connection.close()
            raise
        if answer.keep_alive:
            self._transport.give_back(self._connection)
        else:
            self._connection.close()
        return answer.status, answer.headers, answer.body

    def _receive(self) -> Answer:
        now = time.monotonic()
        # An answer that lies here for long, because nobody came to read it, is not late.
        if now > self._sent_at + self._transport.timeout and not wait_for_read(self._connection.sock, 0):
            raise CallTimeout("no answer in time")
        deadline = now + self._transport.timeout
        answer = Answer()
        while True:
            data, error = b"", None
            try:
                # TLS has more to read on a new connection than the answer.
                if self._reused and not answer.received:
                    data = self._connection.sock.recv(_RECEIVE_BYTES)
                else:
                    with waiting():
                        data = self._connection.sock.recv(_RECEIVE_BYTES)
            except TimeoutError:
                raise CallTimeout("no answer in time") from None
            except OSError as failed:
                error = failed
            if not data:
                if answer.received:
                    raise ConnectionLost("closed within an answer") from None
                self._again_or_lost(error)
                continue
            answer.feed(data)
            if answer.complete:
                return answer
            if time.monotonic() > deadline:  # an answer that trickles in
                raise CallTimeout("no whole answer in time")


class Transport:
    """Calls to one endpoint. Thread-safe; bounded by its callers: each exchange under way has a connection of its own.

    :param endpoint: where to, and as whom.
    :param timeout: seconds to connect, and again to be answered.
    :param idle: connections kept for later; as many as there may be requests under way, else each round connects anew.
    :raises ConnectError: the endpoint would be reached through a proxy of a kind that is not supported.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float, idle: int) -> None:
        parts = urlsplit(endpoint.url)
        self._https = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        self.timeout = timeout
        self._idle: deque[HTTPConnection] = deque()
        self._max_idle = idle
        self._prefix = endpoint.service.prefix
        self._signer = Signer(
            endpoint.credentials, endpoint.url, endpoint.region, endpoint.service, endpoint.user_agent
        )
        self._context: ssl.SSLContext | None = None
        if self._https:
            self._context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
            self._context.load_verify_locations(endpoint.ca_bundle)
        proxy = None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
        self._proxy = urlsplit(proxy if "//" in proxy else f"http://{proxy}") if proxy else None
        if self._proxy is not None and not (self._https and self._proxy.scheme == "http"):
            raise ConnectError("only https endpoints through http proxies are supported")

    def start(self, operation: str, body: bytes) -> Exchange:
        """Send `body`; the server works on it while the caller sends more, or waits in `finish`.

        A request may be carried out twice: for idempotent operations only.

        :raises TransportError: see the module.
        """
        return Exchange(self, self._signer.head(self._prefix + operation, body) + body)

    def take(self) -> tuple[HTTPConnection, bool]:
        while True:
            try:
                connection = self._idle.pop()  # the one used last: the others may age and go
            except IndexError:
                return self.connect(), False
            if not wait_for_read(connection.sock, 0):  # readable means closed, or something unasked for
                return connection, True
            connection.close()

    def give_back(self, connection: HTTPConnection) -> None:
        if len(self._idle) < self._max_idle:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def connect(self) -> HTTPConnection:
        host, port = (self._proxy.hostname or "", self._proxy.port) if self._proxy else (self._host, self._port)
        connection: HTTPConnection
        if self._https:
            connection = HTTPSConnection(
                host, port or 80, timeout=self.timeout, ssl_context=self._context, cert_reqs=ssl.CERT_REQUIRED
            )
        else:
            connection = HTTPConnection(host, port or 80, timeout=self.timeout)
        if self._proxy:
            login = (
                f"{unquote(self._proxy.username)}:{unquote(self._proxy.password or '')}"
                if self._proxy.username
                else None
            )
            connection.set_tunnel(self._host, self._port, make_headers(proxy_basic_auth=login), scheme="http")
        try:
            with waiting():
                connection.connect()
        except (HTTPError, HTTPException, OSError) as error:  # http.client talks to the proxy
            connection.close()
            raise ConnectError(type(error).__name__) from None
        return connection
