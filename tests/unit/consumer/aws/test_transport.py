"""Calls over real sockets, to servers that do what DynamoDB and the network between may do."""

import socket
import ssl
import threading
import time
import traceback
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials
from botocore.httpsession import where
from urllib3.util import wait_for_read

from consumer.aws import transport as under_test
from consumer.aws.endpoint import Endpoint
from consumer.aws.transport import BadResponse, CallTimeout, ConnectError, ConnectionLost, Transport, TransportError
from consumer.thread_turns import working
from tests.kits.wire import (
    TAKEN,
    Request,
    Server,
    Step,
    answer,
    certificate,
    echo,
    nothing,
    reset,
    send,
    serving,
    tunnel,
)

CANARY = "4111111111111111"
BODY = b'{"card":"%b"}' % CANARY.encode()
SECRETS = (CANARY, "the-secret-key", "the-token", "the-proxys-password")
PATIENCE = 5.0
ok = send(answer())
Making = Callable[..., Transport]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in urllib.request.getproxies():
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
            monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def make(tls: tuple[Path, ssl.SSLContext]) -> Iterator[Making]:
    made: list[Transport] = []

    def make(url: str, *, timeout: float = PATIENCE, idle: int = 8, trusted: str | None = None) -> Transport:
        credentials = ReadOnlyCredentials("AKID", "the-secret-key", "the-token")
        endpoint = Endpoint(url, "eu-central-1", lambda: credentials, trusted or str(tls[0]), "agent/1")
        made.append(Transport(endpoint, timeout=timeout, idle=idle))
        return made[-1]

    yield make
    for transport in made:
        for connection in transport._idle:
            connection.close()


def call(transport: Transport) -> tuple[int, bytes]:
    status, _, body = transport.start("BatchWriteItem", BODY).finish()
    return status, body


def fails(transport: Transport, error: type[TransportError]) -> None:
    """The next call fails in this way, its error tells nothing, and its connection is not used again."""
    with pytest.raises(error) as raised:
        call(transport)
    assert type(raised.value) is error
    told = "".join(traceback.format_exception(raised.value)) + repr(raised.value)
    assert not any(secret in told for secret in SECRETS)
    assert not transport._idle


def test_a_request_is_what_dynamodb_wants(make: Making) -> None:
    with serving([ok]) as server:
        status, headers, body = make(server.url).start("BatchWriteItem", BODY).finish()
    assert (status, body, headers["content-length"]) == (200, TAKEN, str(len(TAKEN)))
    (request,) = server.requests
    assert request.body == BODY
    first, *lines = request.head.decode().split("\r\n")
    sent = dict(line.split(": ", 1) for line in lines)
    assert first == "POST / HTTP/1.1"
    assert sent["x-amz-target"] == "DynamoDB_20120810.BatchWriteItem"
    assert sent["host"] == f"127.0.0.1:{server.port}"
    assert (sent["user-agent"], sent["x-amz-security-token"]) == ("agent/1", "the-token")


def test_connections_are_kept(make: Making) -> None:
    with serving([ok] * 20) as server:
        transport = make(server.url)
        assert [call(transport) for _ in range(20)] == [(200, TAKEN)] * 20
    assert server.connections == 1


def test_no_more_connections_are_kept_than_may_be(make: Making) -> None:
    with serving([ok] * 20) as server:
        transport = make(server.url, idle=2)
        for exchange in [transport.start("B", BODY) for _ in range(4)]:
            exchange.finish()
        assert server.connections == 4
        for exchange in [transport.start("B", BODY) for _ in range(2)]:
            exchange.finish()
        assert server.connections == 4


def test_a_connection_closed_while_idle_is_noticed_before_sending(make: Making) -> None:
    with serving([ok], [ok]) as server:
        transport = make(server.url)
        call(transport)
        assert wait_for_read(transport._idle[0].sock, PATIENCE)
        assert call(transport) == (200, TAKEN)
    assert (server.connections, len(server.requests)) == (2, 2)


def test_what_came_unasked_is_no_answer(make: Making) -> None:
    told = threading.Event()

    def late(connection: socket.socket, _: Request) -> None:
        connection.sendall(answer())
        told.wait(PATIENCE)
        connection.sendall(answer(b"{}", status=b"408 Request Timeout"))

    with serving([late, ok], [ok]) as server:
        transport = make(server.url)
        call(transport)
        told.set()
        assert wait_for_read(transport._idle[0].sock, PATIENCE)
        assert call(transport) == (200, TAKEN)
    assert server.connections == 2


@pytest.mark.parametrize("end", [reset, nothing])
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_kept_connection_that_breaks_is_no_failure(
    make: Making, tls: tuple[Path, ssl.SSLContext], end: Step, *, encrypted: bool
) -> None:
    with serving([ok, end], [ok] * 5, tls=tls[1] if encrypted else None) as server:
        transport = make(server.url)
        assert [call(transport) for _ in range(3)] == [(200, TAKEN)] * 3
    assert (server.connections, len(server.requests)) == (2, 4)


@pytest.mark.parametrize("end", [reset, nothing])
def test_a_request_is_sent_twice_at_most(make: Making, end: Step) -> None:
    with serving([ok, end], [end]) as server:
        transport = make(server.url)
        call(transport)
        fails(transport, ConnectionLost)
        assert (server.connections, len(server.requests)) == (2, 3)
        fails(transport, ConnectionLost)  # on a new connection: once
        assert (server.connections, len(server.requests)) == (3, 4)


def wait(connection: socket.socket, _: Request) -> None:
    connection.recv(1)  # until the client closes


def cut(data: bytes) -> Step:
    def step(connection: socket.socket, _: Request) -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    return step


def drip(connection: socket.socket, _: Request) -> None:
    for byte in answer():
        connection.sendall(bytes([byte]))
        if wait_for_read(connection, 0.02):
            return  # the client has closed


def endless(connection: socket.socket, _: Request) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    while True:
        connection.sendall(CANARY.encode() * 4096)


LENGTH_AND_CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
LARGE = b'{"x":"%b"}' % (CANARY.encode() * 40_000)
FAULTS: list[tuple[str, Step, type[TransportError]]] = [
    ("no answer", wait, CallTimeout),
    ("drips", drip, CallTimeout),
    ("wrong checksum", send(answer(BODY, checksum=1)), BadResponse),
    ("checksum no number", send(answer(BODY).replace(b"crc32: ", b"crc32: x")), BadResponse),
    ("cut in the body", cut(answer(BODY)[:-5]), ConnectionLost),
    ("cut in the head", cut(answer(BODY)[:20]), ConnectionLost),
    ("cut before its end is known", cut(b"HTTP/1.1 200 OK\r\n\r\n" + BODY), ConnectionLost),
    ("not HTTP", send(b"SSH-2.0-%b\r\n" % BODY), BadResponse),
    ("two answers", send(answer(BODY) * 2), BadResponse),
    ("more than its length", send(answer(BODY) + BODY), BadResponse),
    ("endless header", endless, BadResponse),
    ("two lengths", send(answer(BODY, extra=b"Content-Length: 3\r\n")), BadResponse),
    ("length and chunked", send(LENGTH_AND_CHUNKED), BadResponse),
    ("100 and no more", send(b"HTTP/1.1 100 Continue\r\n\r\n"), BadResponse),
    ("100 first", send(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(BODY)), BadResponse),
    ("another protocol", send(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), BadResponse),
]


@pytest.mark.parametrize(("step", "error"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_what_is_no_answer_is_an_error_and_the_next_call_is_unharmed(
    make: Making, step: Step, error: type[TransportError]
) -> None:
    with serving([step, ok], [ok]) as server:
        transport = make(server.url, timeout=0.2)
        began = time.monotonic()
        fails(transport, error)
        assert time.monotonic() - began < 2.0
        assert call(transport) == (200, TAKEN)
        assert server.connections == 2


def test_an_answer_is_bounded(make: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_MAX_ANSWER_BYTES", 100_000)
    with serving([send(answer(LARGE))]) as server:
        fails(make(server.url), BadResponse)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(TAKEN), TAKEN)


@pytest.mark.parametrize(
    ("sent", "status", "body", "connections"),
    [
        (CHUNKED, 200, TAKEN, 1),
        (answer(LARGE), 200, LARGE, 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}", 1),
        (answer(b'{"__type":"x#E"}', status=b"400 Bad Request"), 400, b'{"__type":"x#E"}', 1),
        (answer(b"", status=b"500 Internal Server Error"), 500, b"", 1),
        (answer(extra=b"Connection: close\r\n"), 200, TAKEN, 3),
        (answer().replace(b"HTTP/1.1", b"HTTP/1.0"), 200, TAKEN, 3),
    ],
    ids=["chunked", "large", "no checksum", "400", "500", "close", "HTTP/1.0"],
)
def test_answers_are_passed_on(make: Making, sent: bytes, status: int, body: bytes, connections: int) -> None:
    with serving([send(sent)] * 3) as server:
        transport = make(server.url)
        assert [call(transport) for _ in range(3)] == [(status, body)] * 3
    assert server.connections == connections


def test_a_large_request_arrives_whole(make: Making) -> None:
    with serving([echo]) as server:
        assert make(server.url).start("B", LARGE).finish()[2] == LARGE


def test_a_request_that_nobody_reads_is_given_up(make: Making) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(CallTimeout):
        make(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2).start("B", b"x" * 30_000_000)


def test_an_answer_that_has_begun_is_known(make: Making) -> None:
    go = threading.Event()

    def when_told(connection: socket.socket, _: Request) -> None:
        go.wait(PATIENCE)
        connection.sendall(answer())

    with serving([when_told]) as server:
        exchange = make(server.url).start("B", BODY)
        assert not exchange.is_answered(0)
        assert not exchange.is_answered(0.01)
        go.set()
        assert exchange.is_answered(PATIENCE)
        assert exchange.finish()[0] == 200


def test_who_only_asks_whether_there_is_an_answer_learns_that_there_will_be_none(make: Making) -> None:
    with serving([wait]) as server:
        exchange = make(server.url, timeout=1.0).start("B", BODY)
        began = time.monotonic()
        while not exchange.is_answered(0.05):
            assert time.monotonic() - began < PATIENCE
        asked = time.monotonic()
        with pytest.raises(CallTimeout):
            exchange.finish()
        assert 0.9 < asked - began < 2.6
        assert time.monotonic() - asked < 0.9  # no second wait


def test_an_answer_that_is_read_late_is_not_late(make: Making) -> None:
    with serving([send(answer(LARGE))]) as server:
        exchange = make(server.url, timeout=0.5).start("B", BODY)
        until = time.monotonic() + 0.6
        while time.monotonic() < until:
            exchange.is_answered(0)
        assert exchange.is_answered(0)
        assert exchange.finish()[2] == LARGE


@pytest.mark.parametrize("encrypted", [False, True])
def test_others_work_while_an_answer_is_awaited(
    make: Making, tls: tuple[Path, ssl.SSLContext], *, encrypted: bool
) -> None:
    """TLS sends session tickets ahead of the first answer, which look like one."""
    worked = threading.Event()

    def work() -> None:
        with working():
            worked.set()

    def when_worked(connection: socket.socket, _: Request) -> None:
        worked.wait(PATIENCE)
        connection.sendall(answer())

    with serving([when_worked] * 2, tls=tls[1] if encrypted else None) as server:
        transport = make(server.url, timeout=2.0)
        for _ in range(2):  # a new connection, and a kept one
            worked.clear()
            other = threading.Thread(target=work)
            with working():
                exchange = transport.start("B", BODY)
                other.start()
                while not exchange.is_answered(0.1):
                    pass
                assert exchange.finish()[0] == 200
            other.join()


def test_nobody_listens(make: Making) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    fails(make(f"http://127.0.0.1:{port}"), ConnectError)


def test_a_name_that_nobody_knows(make: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    fails(make("http://nothing.invalid"), ConnectError)


def test_tls_with_a_certificate_that_is_trusted(make: Making, tls: tuple[Path, ssl.SSLContext]) -> None:
    with serving([ok] * 5, tls=tls[1]) as server:
        transport = make(server.url)
        assert [call(transport) for _ in range(5)] == [(200, TAKEN)] * 5
    assert server.connections == 1


def test_tls_with_the_name_of_another(make: Making, tls: tuple[Path, ssl.SSLContext]) -> None:
    with serving([ok], tls=tls[1], address="127.0.0.2") as server:
        fails(make(server.url), ConnectError)
    assert server.requests == []


def test_tls_with_an_authority_that_nobody_knows(make: Making, tls: tuple[Path, ssl.SSLContext]) -> None:
    with serving([ok], tls=tls[1]) as server:
        fails(make(server.url, trusted=where()), ConnectError)
    assert server.requests == []


def test_tls_to_a_server_that_speaks_none(make: Making) -> None:
    with serving([ok]) as server:
        fails(make(server.url.replace("http:", "https:"), timeout=0.2), ConnectError)


def test_a_server_that_does_not_shake_hands_is_given_up(make: Making) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        fails(make(f"https://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2), ConnectError)


def test_ipv6(make: Making) -> None:
    try:
        server = Server([ok] * 2, address="::1")
    except OSError:
        pytest.skip("no IPv6 here")
    with closing(server):
        transport = make(server.url)
        assert [call(transport) for _ in range(2)] == [(200, TAKEN)] * 2
    assert f"host: [::1]:{server.port}" in server.requests[0].head.decode()


def test_https_goes_through_a_proxy(
    make: Making, tls: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving([ok] * 3, tls=tls[1]) as server, serving([tunnel(server.port)]) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:the-proxys-%70assword@127.0.0.1:{proxy.port}")
        transport = make(server.url)
        assert [call(transport) for _ in range(3)] == [(200, TAKEN)] * 3
        (connect,) = proxy.requests
        assert connect.head.startswith(b"CONNECT 127.0.0.1:%d HTTP/1." % server.port)
        assert b64encode(b"user:the-proxys-password") in connect.head
        assert b"the-token" not in connect.head
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert call(make(server.url))[0] == 200
        assert (proxy.connections, server.connections) == (1, 2)


@pytest.mark.parametrize(
    "step",
    [
        send(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
        send(b"HTTP/1.1 502 " + CANARY.encode() + b"\r\n\r\n"),
        send(b"SSH-2.0-" + CANARY.encode() + b"\r\n"),
        send(b"HTTP/1.1 200 OK\r\n" + b"x: " + b"a" * 100_000 + b"\r\n\r\n"),
        nothing,
        reset,
        wait,
    ],
    ids=["unknown user", "no way", "not HTTP", "long head", "closed", "reset", "silent"],
)
def test_a_proxy_that_does_not_connect(make: Making, step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving([step]) as proxy:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
        fails(make("https://127.0.0.1:1", timeout=0.2), ConnectError)
    assert proxy.connections == 1


@pytest.mark.parametrize(
    ("url", "proxy"), [("http://127.0.0.1:1", "http://127.0.0.1:2"), ("https://127.0.0.1:1", "socks5://127.0.0.1:2")]
)
def test_a_kind_of_proxy_that_is_not_supported_is_said_at_once(
    make: Making, monkeypatch: pytest.MonkeyPatch, url: str, proxy: str
) -> None:
    monkeypatch.setenv(f"{url.partition(':')[0]}_proxy", proxy)
    with pytest.raises(ConnectError, match="only https endpoints through http proxies"):
        make(url)


def test_threads_share_a_transport_and_each_gets_its_own_answers(make: Making) -> None:
    """Some of the connections are closed by the server on the way."""
    wrong: list[object] = []

    def work(name: int) -> None:
        try:
            for number in range(12):
                bodies = [b"%d/%d/%d" % (name, number, i) for i in range(3)]
                exchanges = [transport.start("B", body) for body in bodies]
                wrong.extend(
                    body for body, exchange in zip(bodies, exchanges, strict=True) if exchange.finish()[2] != body
                )
        except Exception as error:  # noqa: BLE001
            wrong.append(error)

    with serving([echo] * 7, [echo] * 1000) as server:
        transport = make(server.url, idle=24)
        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert len({request.body for request in server.requests}) == 8 * 12 * 3
    assert server.connections <= 24 + 7
