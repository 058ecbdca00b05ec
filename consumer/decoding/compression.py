"""Compressed records: gzip, zlib, zstd. Never more is made of a record than its bounds allow.

A record may become as large as `stream.max_decoded_bytes`, and, beyond 1 MiB, 200 times as large as it came: texts that
people and machines write seldom shrink to less.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from consumer.decoder import PART_BYTES, Decoded, DecoderContext, Kind, Part, Undecodable
from consumer.decoding.chain import TOO_LARGE, may_become
from consumer.decoding.options import check_names
from consumer.extras import extra_named
from redaction.inflate import Corrupt, TooLarge, inflate_whole

if TYPE_CHECKING:
    from backports.zstd import ZstdDecompressor

DAMAGED: Final = "compression_damaged"
DICTIONARY: Final = "compression_dictionary"
NO_ZSTD: Final = "zstd_not_installed"
"""Codes of quarantine entries."""

COMPRESSIONS: Final = ("gzip", "zlib", "zstd")
MAX_NESTED: Final = 2
"""How often one record may be compressed."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
# Of the headers that RFC 1950 allows the ones that are written: a window of 32 KiB. The others are text as well.
_ZLIB_MAGICS: Final = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")

# RFC 8878: a frame's first four bytes, and those of one that holds nothing (0x184D2A50 to 5F).
_FRAME: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"
_MAX_FRAMES: Final = 1000
_CHUNK: Final = 1 << 16
# 8 MiB is what every decoder should take (RFC 8878, 3.1.1.1.2); 10 is the least that the format knows.
_LEAST_WINDOW_LOG: Final = 23
_SINGLE_SEGMENT: Final = 0x20
_DICTIONARY_ID: Final = 0x03

Inflate = Callable[[bytes, int], bytes]


class _ForeignDictionary(Exception):
    """A frame that can only be read with a dictionary that is not in it."""


def compression_of(data: bytes) -> str | None:
    """Return what data are compressed with, by their first bytes; None: with nothing that is known here."""
    head = data[:4]
    if head.startswith(_GZIP_MAGIC):
        return "gzip"
    if head.startswith(_ZLIB_MAGICS):
        return "zlib"
    return "zstd" if head == _FRAME or _is_skippable(head) else None


def expand(inflate: Inflate, data: bytes, max_bytes: int) -> bytes | Undecodable:
    """Return what a record stands for, or why that cannot be known."""
    try:
        return inflate(data, may_become(len(data), max(0, max_bytes - PART_BYTES)))
    except Corrupt:
        return Undecodable(DAMAGED)
    except TooLarge:
        return Undecodable(TOO_LARGE)
    except _ForeignDictionary:
        return Undecodable(DICTIONARY)


class _Compression:
    takes: Final = Kind.BYTES
    gives: Final = Kind.BYTES

    def __init__(self, options: Mapping[str, Any], context: DecoderContext) -> None:
        check_names(options)
        self._max_bytes = context.max_bytes
        self._inflate = self._inflater()

    def _inflater(self) -> Inflate:
        return inflate_whole

    def _is_other(self, data: bytes) -> bool:  # noqa: ARG002
        return False

    def decode(self, data: bytes) -> Sequence[Part]:
        """Return what it stands for."""
        if self._is_other(data):
            return (Undecodable(DAMAGED),)
        made = expand(self._inflate, data, self._max_bytes)
        return (made,) if isinstance(made, Undecodable) else (Decoded(made),)


class Gzip(_Compression):
    """RFC 1952, all members."""

    def _is_other(self, data: bytes) -> bool:
        return not data.startswith(_GZIP_MAGIC)


class Zlib(_Compression):
    """RFC 1950."""

    def _is_other(self, data: bytes) -> bool:
        return data.startswith(_GZIP_MAGIC)


class Zstd(_Compression):
    """RFC 8878, all frames."""

    def _inflater(self) -> Inflate:
        return zstd_inflater()


def zstd_inflater() -> Inflate:
    """Return what inflates zstd.

    :raises UsageError: the extra is not installed.
    """
    with extra_named("it"):
        try:
            from compression import zstd  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415 - Python 3.14
        except ModuleNotFoundError:
            from backports import zstd  # noqa: PLC0415 - not in each install
    make: Callable[[int], ZstdDecompressor] = lambda log: zstd.ZstdDecompressor(  # noqa: E731
        options={zstd.DecompressionParameter.window_log_max: log}
    )
    failed: type[Exception] = zstd.ZstdError

    def inflate(data: bytes, limit: int) -> bytes:
        """Inflate all frames; see `inflate_whole`."""
        window_log = max(_LEAST_WINDOW_LOG, limit.bit_length())
        content, position, end = bytearray(), 0, len(data)
        for _ in range(_MAX_FRAMES):
            _check_frame(data[position : position + 6], 1 << window_log)
            decoder = make(window_log)
            while not decoder.eof:
                chunk = data[position : position + _CHUNK] if decoder.needs_input else b""
                if decoder.needs_input and not chunk:
                    raise Corrupt
                position += len(chunk)
                try:
                    content += decoder.decompress(chunk, limit - len(content) + 1)
                except failed:
                    raise Corrupt from None
                if len(content) > limit:
                    raise TooLarge
            position -= len(decoder.unused_data)
            if position == end:
                return bytes(content)
        raise TooLarge

    return inflate


def _check_frame(head: bytes, max_window: int) -> None:
    """Refuse a frame by its header.

    :raises Corrupt: it is none.
    :raises TooLarge: it wants more memory than it may have.
    """
    if _is_skippable(head[:4]):
        return
    if not head.startswith(_FRAME) or len(head) <= len(_FRAME):
        raise Corrupt
    descriptor = head[4]
    if descriptor & _DICTIONARY_ID:
        raise _ForeignDictionary
    if not descriptor & _SINGLE_SEGMENT:
        if len(head) <= len(_FRAME) + 1:
            raise Corrupt
        base = 1 << (10 + (head[5] >> 3))
        if base + (base >> 3) * (head[5] & 7) > max_window:
            raise TooLarge


def _is_skippable(head: bytes) -> bool:
    return head[1:4] == _SKIPPABLE and head[0] >> 4 == 5  # noqa: PLR2004 - the magic's upper half
