"""A server on loopback that does what a script says, connection by connection and request by request."""

import contextlib
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TAKEN = b'{"UnprocessedItems":{}}'


class Request(NamedTuple):
    """One request, as it came."""

    head: bytes
    body: bytes


Step = Callable[[socket.socket, Request], None]
"""What is done about one request. After its last step a connection is closed."""


def answer(body: bytes = TAKEN, *, status: bytes = b"200 OK", checksum: int | None = None, extra: bytes = b"") -> bytes:
    """Return a whole answer, as DynamoDB writes it."""
    checksum = zlib.crc32(body) if checksum is None else checksum
    head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\nx-amz-crc32: %d\r\n%b\r\n" % (status, len(body), checksum, extra)
    return head + body


def send(data: bytes) -> Step:
    """Answer with `data`."""
    return lambda connection, _: connection.sendall(data)


def echo(connection: socket.socket, request: Request) -> None:
    """Answer with the request's own body."""
    connection.sendall(answer(request.body))


def reset(connection: socket.socket, _: Request) -> None:
    """Break the connection off."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def nothing(_: socket.socket, __: Request) -> None:
    """Close without an answer, if it is the last step."""


def tunnel(port: int) -> Step:
    """Be an HTTP proxy that connects to `port`, whatever it is asked for."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def connect(connection: socket.socket, _: Request) -> None:
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=pump, args=(upstream, connection), daemon=True)
            back.start()
            pump(connection, upstream)
            back.join()

    return connect


class Server:
    """Serves connection after connection by `scripts`, the last of which is everybody's from then on.

    :ivar requests: what was asked, in order.
    :ivar connections: how many there were.
    """

    def __init__(self, *scripts: Sequence[Step], tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        host = f"[{address}]" if ":" in address else address
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self._scripts = scripts
        self._tls = tls
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.requests: list[Request] = []
        self.connections = 0
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                script = self._scripts[min(self.connections, len(self._scripts) - 1)]
                self.connections += 1
                self._threads.append(threading.Thread(target=self._serve, args=(connection, script), daemon=True))
                self._threads[-1].start()

    def _serve(self, plain: socket.socket, script: Sequence[Step]) -> None:
        connection = plain
        try:
            if self._tls:
                connection = self._tls.wrap_socket(plain, server_side=True)
                self._open.append(connection)
            for step in script:
                request = _read(connection)
                if request is None:
                    break
                self.requests.append(request)
                step(connection, request)
        except OSError:
            pass  # the other side has gone
        finally:
            connection.close()

    def close(self) -> None:
        """End every connection and every thread."""
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._listener.close()


def _read(connection: socket.socket) -> Request | None:
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(65536)
        if not data:
            return None
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return Request(head, body)


@contextmanager
def serving(
    *scripts: Sequence[Step], tls: ssl.SSLContext | None = None, address: str = "127.0.0.1"
) -> Iterator[Server]:
    """Serve until the block ends."""
    server = Server(*scripts, tls=tls, address=address)
    try:
        yield server
    finally:
        server.close()


def certificate(folder: Path, address: str = "127.0.0.1") -> tuple[Path, ssl.SSLContext]:
    """Return the file of a self-signed certificate for `address`, and what a server needs to show it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context
