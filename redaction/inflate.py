"""Compressed data, inflated within bounds: gzip (RFC 1952), zlib (RFC 1950) and raw deflate (RFC 1951).

A few bytes can stand for gigabytes: never more is made of them than the caller can take.
"""

import zlib
from typing import Final

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB: Final = zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
# RFC 1950, 2.2: compression method 8 in the low half of the first byte; the first two are a multiple of 31.
_METHOD: Final = 8
_CHECK: Final = 31
_CHUNK: Final = 4096
_LARGE_CHUNK: Final = 1 << 16
# Each costs as much as kilobytes do, and may stand for nothing.
_MAX_MEMBERS: Final = 1000


class Corrupt(Exception):
    """The data are none of the three forms, damaged, or cut short; nothing here holds content."""


class TooLarge(Exception):
    """The data stand for more than `limit` bytes, or are made of very many members."""


def inflate(data: bytes, limit: int, *, damaged: bool = False) -> bytes:
    """Give what compressed data stand for; of gzip all members, one after the other.

    What follows the end of the compressed data and is no member is ignored, as `gzip` does.

    :param limit: bytes of output; never more are produced.
    :param damaged: give what comes before the place where data are cut short or damaged, if there is any.
    :raises Corrupt: see there; with `damaged`, when there is nothing to give.
    :raises TooLarge: see there.
    """
    form, content, position, end = _form(data), bytearray(), 0, len(data)
    for _ in range(_MAX_MEMBERS):
        decoder = zlib.decompressobj(form)
        while not decoder.eof:
            chunk, known = data[position : position + _CHUNK], decoder.copy() if damaged else None
            try:
                made = decoder.decompress(chunk, limit - len(content) + 1)  # 0 would be no limit
            except zlib.error:
                chunk, made = b"", _before_damage(known, chunk, limit - len(content)) if known else b""
            content += made
            if len(content) > limit:
                raise TooLarge
            if not chunk:  # damaged, or nothing follows
                if content and damaged:
                    return bytes(content)
                raise Corrupt
            position += len(chunk) - len(decoder.unused_data)
        if form != _GZIP or not data.startswith(_GZIP_MAGIC, position, end):
            return bytes(content)
    raise TooLarge


def inflate_whole(data: bytes, limit: int) -> bytes:
    """Give what gzip or zlib data stand for, where they are nothing else: all gzip members, or one zlib stream.

    :param limit: see `inflate`.
    :raises Corrupt: neither of the two forms, damaged, cut short, or something follows their end.
    :raises TooLarge: see there.
    """
    form, content, position, end = _form(data), bytearray(), 0, len(data)
    if form == _RAW:
        raise Corrupt
    for _ in range(_MAX_MEMBERS):
        decoder = zlib.decompressobj(form)
        while not decoder.eof:
            chunk = data[position : position + _LARGE_CHUNK]
            if not chunk:
                raise Corrupt
            try:
                content += decoder.decompress(chunk, limit - len(content) + 1)  # 0 would be no limit
            except zlib.error:
                raise Corrupt from None
            if len(content) > limit:
                raise TooLarge
            position += len(chunk) - len(decoder.unused_data)
        if position == end:
            return bytes(content)
        if form != _GZIP:
            raise Corrupt
    raise TooLarge


def _form(data: bytes) -> int:
    if data.startswith(_GZIP_MAGIC):
        return _GZIP
    if len(data) > 1 and data[0] & 0xF == _METHOD and int.from_bytes(data[:2], "big") % _CHECK == 0:
        return _ZLIB
    return _RAW


def _before_damage(decoder: "zlib._Decompress", chunk: bytes, limit: int) -> bytes:
    """Inflate byte by byte: what the decoder had made of a chunk is lost with the call that fails."""
    content = bytearray()
    try:
        for place in range(len(chunk)):
            content += decoder.decompress(chunk[place : place + 1], limit - len(content) + 1)
            if len(content) > limit:
                break
    except zlib.error:
        pass
    return bytes(content)
