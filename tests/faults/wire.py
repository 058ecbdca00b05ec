"""Carries bytes between a client and a server, and loses them as told: for faults below HTTP, of whatever version."""

import asyncio
import contextlib
import socket
import struct
from urllib.parse import urlsplit

from tests.faults.loop import Loop

_CHUNK = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: RST instead of FIN


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with RST."""
    held: socket.socket | None = writer.get_extra_info("socket")
    if held is not None and held.fileno() >= 0:
        with contextlib.suppress(OSError):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


class Wire:
    """A port of its own in front of `target`.

    :ivar latency: seconds that each piece takes, either way.
    :ivar cut_after: bytes that each connection still carries to its client, and is then reset; None: no limit.
    """

    def __init__(self, loop: Loop, target: str) -> None:
        parts = urlsplit(target)
        self._loop = loop
        self._target = (parts.hostname or "", parts.port or 0)
        self.latency = 0.0
        self.cut_after: int | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        # Never listens: it keeps the port ours while connections are refused.
        self._holder = self._bound(0)
        self.port: int = self._holder.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: asyncio.Server | None = None
        self.accept()

    def accept(self) -> None:
        """Take connections, as at the start."""
        self._loop.run(self._accept())

    def refuse(self) -> None:
        """Reset all connections and refuse new ones, as a machine does on which nobody listens."""
        self._loop.run(self._refuse())

    def reset_all(self) -> None:
        """Reset all connections; new ones are taken."""
        self._loop.run(self._reset_all())

    def stall(self) -> None:
        """Carry nothing any more; connections stay, and new ones are taken."""
        self._loop.loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self) -> None:
        """End a stall: what was held back arrives."""
        self._loop.loop.call_soon_threadsafe(self._flowing.set)

    def close(self) -> None:
        self.refuse()
        self._holder.close()

    @staticmethod
    def _bound(port: int) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(("127.0.0.1", port))
        return made

    async def _accept(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, sock=self._bound(self.port))

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset_all()

    async def _reset_all(self) -> None:
        for writer in list(self._writers):
            reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, onward = await asyncio.open_connection(*self._target)
        except OSError:
            reset(writer)
            return
        both = {writer, onward}
        self._writers |= both
        try:
            ways = [asyncio.ensure_future(self._carry(reader, onward, cut=False))]
            ways.append(asyncio.ensure_future(self._carry(there, writer, cut=True)))
            _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in left:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            self._writers -= both
            for each in both:
                each.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, cut: bool) -> None:
        carried = 0
        with contextlib.suppress(OSError):
            while piece := await reader.read(_CHUNK):
                if self.latency:
                    await asyncio.sleep(self.latency)
                await self._flowing.wait()
                if cut and self.cut_after is not None:
                    piece = piece[: max(0, self.cut_after - carried)]
                    carried += len(piece)
                    writer.write(piece)
                    if carried >= self.cut_after:
                        await writer.drain()
                        reset(writer)
                        return
                    continue
                writer.write(piece)
                await writer.drain()
