"""HTTP/2 in clear with prior knowledge for the null Kinesis: KCL's Kinesis client speaks nothing else."""

import asyncio
from collections.abc import Callable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

Handler = Callable[[str, bytes, bytes], tuple[int, bytes]]
"""Takes operation, body and content type, returns status and body."""

JSON = b"application/x-amz-json-1.1"
CBOR = b"application/x-amz-cbor-1.1"

# The client is AWS's SDK: what h2 would check and tidy of its headers costs more than the answer.
_CONFIG = H2Configuration(
    client_side=False,
    header_encoding=None,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
)


class Http2(asyncio.Protocol):
    """One connection."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._connection = H2Connection(_CONFIG)
        self._operations: dict[int, tuple[str, bytes]] = {}
        self._bodies: dict[int, bytes] = {}
        self._unsent: dict[int, memoryview] = {}
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        self._connection.initiate_connection()

    def data_received(self, data: bytes) -> None:
        connection = self._connection
        try:
            events = connection.receive_data(data)
        except ProtocolError:
            self._transport.write(connection.data_to_send())
            self._transport.close()
            return
        for event in events:
            self._take(event)
        for stream in list(self._unsent):  # a window may have opened
            self._send(stream)
        if out := connection.data_to_send():
            self._transport.write(out)

    def _take(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            headers = {bytes(name): bytes(value) for name, value in event.headers}
            operation = headers.get(b"x-amz-target", b"").decode().rpartition(".")[2]
            self._operations[event.stream_id] = operation, headers.get(b"content-type", JSON)
            self._bodies[event.stream_id] = b""
        elif isinstance(event, DataReceived):
            self._bodies[event.stream_id] += event.data
            self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self._answer(event.stream_id)
        elif isinstance(event, StreamReset):
            for waiting in (self._operations, self._bodies, self._unsent):
                waiting.pop(event.stream_id, None)
        elif isinstance(event, ConnectionTerminated):
            self._transport.close()

    def _answer(self, stream: int) -> None:
        operation, content_type = self._operations.pop(stream)
        status, body = self._handler(operation, self._bodies.pop(stream), content_type)
        headers = [
            (b":status", b"%d" % status),
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
            (b"x-amzn-requestid", b"NULL"),
        ]
        self._connection.send_headers(stream, headers)
        self._unsent[stream] = memoryview(body)

    def _send(self, stream: int) -> None:
        """Send as much of an answer as the client's windows take."""
        connection, rest = self._connection, self._unsent.pop(stream)
        largest = connection.max_outbound_frame_size
        while (size := min(connection.local_flow_control_window(stream), largest)) > 0:
            ends = len(rest) <= size
            connection.send_data(stream, rest[:size].tobytes(), end_stream=ends)
            if ends:
                return
            rest = rest[size:]
        self._unsent[stream] = rest
