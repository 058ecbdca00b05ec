r"""Sensitive text in another dress: URLs, base64, compressed data, escapes. JSON and labels: `redaction.engine.labels`.

A text is only looked into where one of the patterns here matches. What is found in an encoded piece hides the whole
piece: there is no masking inside of base64.
"""

import binascii
import html
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from redaction.detectors.base import Span, view
from redaction.inflate import Corrupt, inflate
from redaction.patterns import Pattern, compile_bytes, spans

# How base64 shows what it holds, at any alignment of its groups of four. Each character is six bits of three bytes, so
# that bytes from a small set give characters from small sets: nine or more digits and separators (a card number, an
# SSN), or 18 or more characters of ASCII. Identifiers, words and hexadecimal digits look so once in millions.
_BASE64_DIGITS: Final = rb"(?:[ILMNO][CDSTijyz][AEIMQUYcgk04][gtuw-z0-5]){3}"
_BASE64_TEXT: Final = rb"(?:[I-Zabcdef][C-HS-Xi-ny-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]){6}"
# The same in UTF-16: every other byte is 0, so that groups of three bytes are of two kinds in turn; nine characters.
_BASE64_UTF16: Final = rb"(?:[A-Za-z0-9+/_-][AQgw][AB][A-Za-z0-9+/_-]A[A-H][AEIMQUYcgkosw048]A){2}"
# Compressed data say nothing but how they begin: gzip (1F 8B 08), and zlib at its levels (78 01, 78 5E, 78 9C, 78 DA).
_BASE64_COMPRESSED: Final = rb"(?:H4sI|e(?:A[E-H]|F[4-7]|J[w-z]|N[o-r]))[A-Za-z0-9+/_-]{12}"
# RFC 2045: nobody encodes a letter or a digit alone. A line that goes on ends in `=`.
_QUOTED: Final = rb"=(?:[0-9A-Fa-f]{2}=[0-9A-Fa-f]{2}|2[B-F]|3[A-D]|40|5F|\x1d|\\+[nr])|[0-9]=20"
_BACKSLASHED: Final = rb"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]|U[0-9A-Fa-f]{8})"
_ESCAPED: Final = (
    rb"%u?[0-9A-Fa-f]{2}|=[^ &\"\\\n+]+\+|\x1c|&(?:#[0-9xX][0-9A-Fa-f]*|[A-Za-z]{2,31});|"
    + _BACKSLASHED
    + rb"|"
    + _QUOTED
)
# Twelve digits and more in ASCII, as hexadecimal digits: the dump of a message (ISO 8583).
_HEX_DIGITS: Final = rb"(?:3[0-9]){12}"
ESCAPED: Final = rb"|".join((_ESCAPED, _HEX_DIGITS))
BASE64: Final = rb"|".join((_BASE64_DIGITS, _BASE64_TEXT, _BASE64_UTF16, _BASE64_COMPRESSED))
"""Apart: random letters lead an automaton through states that are the product of all that it follows."""
ENCODED: Final = ESCAPED + rb"|" + BASE64
"""Matches where a text, serialised or not, has an encoded piece."""


_PIECE = re.compile(r"""=?[^\s&?=/#;,"'<>|]+""")
_RUN = re.compile(r"""[^\s"'<>]+""")
# In a query's value a plus is a space, but for that of a time's offset.
_SPACE = re.compile(r"\+(?![0-9]{2}:[0-9]{2}\Z)")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+|%u[0-9A-Fa-f]{4}")
# A plus that is meant is encoded: beside one, the others are spaces.
_PLUS = "%2B"
_BASE64_RUN = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX_RUN = re.compile("(?:3[0-9]){12,}")
_COMPRESSED_SIGN = re.compile(_BASE64_COMPRESSED.decode())
# Ten times as fast as `re` in saying that there is nothing, as there mostly is.
_HAS_HEX = compile_bytes(_HEX_DIGITS)
_HAS_BASE64 = compile_bytes(b"|".join((_BASE64_DIGITS, _BASE64_TEXT, _BASE64_UTF16)))
_HAS_COMPRESSED = compile_bytes(_BASE64_COMPRESSED)
_NOWHERE: Final = 1 << 62
# Something of the same alphabet may stand before compressed data, and look like the beginning of some.
_MAX_SIGNS = 4
# RFC 2045: base64 in lines of at most 76 characters.
_MIME_LINE = re.compile(r"[A-Za-z0-9+/]{60,76}\r?\n")
_MIME_BLOCK = re.compile(r"(?:[A-Za-z0-9+/]{60,76}\r?\n)+[A-Za-z0-9+/]*={0,2}")
_LINE_END = re.compile(r"\r?\n")
# In quoted-printable a line goes on after an equals sign.
_HARD_LINE_END = re.compile(r"(?<!=)(?<!=\r)\r?\n")
_BACKSLASH = re.compile(
    r"\\+(?:x(?P<x>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})|u\{(?P<braces>[0-9A-Fa-f]{1,6})\}|U(?P<long>[0-9A-Fa-f]{8}))"
)
_QUOTED_PRINTABLE = re.compile(r"((?:=[0-9A-Fa-f]{2}){2,}|=(?:2[B-F]|3[A-D]|40|5F)|(?<=[0-9])=20)|=\r?\n")
_ESCAPE = re.compile(r"[&\\=]")
_LAST_CODE = 0x10FFFF
_NUL = b"\0"
# What is read at the wrong place says nothing.
_SAYING = b"x" * 8
_AS_SAID = bytes(ord("x") if chr(code) in "\t\n\r" or 0x20 <= code < 0x7F else 0 for code in range(256))  # noqa: PLR2004
_INVISIBLE = "\x1c"


def decoded_pieces(text: str, limit: int) -> Iterator[tuple[Span, str]]:
    """Give the pieces of a text that are encoded, and what they say; some in more than one reading.

    :param limit: bytes that compressed data may stand for.
    :raises redaction.inflate.TooLarge: they stand for more.
    """
    if "%" in text or "+" in text:
        yield from _from_urls(text)
    if "&" in text or "\\" in text or "=" in text:
        for match in _RUN.finditer(text):
            if _ESCAPE.search(match[0]):
                for said in _from_escapes(match[0]):
                    yield match.span(), said
    if _Ahead(_HAS_HEX, text.encode("ascii", "replace")).at < _NOWHERE:
        for run in _HEX_RUN.finditer(text):
            yield run.span(), bytes.fromhex(run[0]).decode()
    yield from _from_base64(text, limit)


def decoded_lines(text: str, limit: int) -> Iterator[tuple[Span, str]]:
    """Give other readings of the lines of a text, and of base64 in lines.

    :param limit: bytes that compressed data may stand for.
    :raises redaction.inflate.TooLarge: they stand for more.
    """
    if "\n" not in text:
        return
    for block in _MIME_BLOCK.finditer(text):
        for _, said in _from_base64(_LINE_END.sub("", block[0]), limit):
            yield block.span(), said
    start = 0
    for end, following in [*(match.span() for match in _HARD_LINE_END.finditer(text)), (len(text), 0)]:
        for said in _from_escapes(text[start:end]):
            yield (start, end), said
        start = following


def decoded_whole(text: str, limit: int) -> Iterator[tuple[Span, str]]:
    """Give other readings of larger parts of a text: where something shows in them, more than it has to be hidden.

    :param limit: bytes that compressed data may stand for.
    :raises redaction.inflate.TooLarge: they stand for more.
    """
    if "\n" in text and _MIME_LINE.search(text):
        for _, said in _from_base64(_LINE_END.sub("", text), limit):
            yield (0, len(text)), said
    if "%" in text:
        for match in _RUN.finditer(text):
            if _PERCENT.search(match[0]):
                yield match.span(), _unquote(match[0])
    for said in _from_escapes(text):
        yield (0, len(text)), said
    if not text.isascii() and _INVISIBLE in (seen := view(text).decode()):
        yield (0, len(text)), seen.replace(_INVISIBLE, "")


def _from_urls(text: str) -> Iterator[tuple[Span, str]]:
    for match in _PIECE.finditer(text):
        (start, end), piece = match.span(), match[0]
        if piece[0] == "=":
            start, piece = start + 1, _SPACE.sub(" ", piece[1:])
        elif _PLUS in piece.upper() and "+" in piece:
            yield (start, end), _unquote(piece.replace("+", " "))
        if "%" in piece and _PERCENT.search(piece):
            piece = _unquote(piece)
        if piece != text[start:end]:
            yield (start, end), piece


def _unquote(piece: str) -> str:
    return _PERCENT.sub(_unquoted, piece)


def _unquoted(match: re.Match[str]) -> str:
    codes = match[0].split("%")[1:]
    if codes[0][0] == "u":
        return chr(int(codes[0][1:], 16))
    return bytes.fromhex("".join(codes)).decode(errors="replace")


def _from_escapes(text: str) -> Iterator[str]:
    """Give the readings of HTML's entities, of the escapes of programs, and of quoted-printable."""
    for sign, read in (("&", html.unescape), ("\\", _without_backslashes), ("=", _from_quoted_printable)):
        if sign in text and (said := read(text)) != text:
            yield said


def _without_backslashes(text: str) -> str:
    return _BACKSLASH.sub(lambda match: _char(match[match.lastgroup or 0]), text)


def _char(digits: str) -> str:
    code = int(digits, 16)
    return chr(code) if code <= _LAST_CODE else "\N{REPLACEMENT CHARACTER}"


def _from_quoted_printable(text: str) -> str:
    return _QUOTED_PRINTABLE.sub(
        lambda match: bytes.fromhex((match[1] or "").replace("=", "")).decode(errors="replace"), text
    )


def _from_base64(text: str, limit: int) -> Iterator[tuple[Span, str]]:
    seen = text.encode("ascii", "replace")
    compressed, encoded = _Ahead(_HAS_COMPRESSED, seen), _Ahead(_HAS_BASE64, seen)
    if compressed.at == encoded.at == _NOWHERE:
        return
    for match in _BASE64_RUN.finditer(text):
        start, end = match.span()
        run = match[0].rstrip("=").replace("-", "+").replace("_", "/")
        if compressed.matches_before(end):
            for place in islice(_COMPRESSED_SIGN.finditer(run), _MAX_SIGNS):
                # What is no compressed data has cost as much as what is.
                yield (start, end), _inflated(_bytes(run[place.start() :]), limit)
        if encoded.matches_before(end):
            # Something of the same alphabet may stand before it, such as a path: all alignments.
            for skipped in range(4):
                data = _bytes(run[skipped:])
                plain = data.replace(_NUL, b"")  # of UTF-16, and UTF-32
                # What says nothing has cost as much, too.
                saying = _SAYING in plain.translate(_AS_SAID)
                yield (start, end), data.decode("latin-1") if saying else ""
                if saying and plain != data:
                    yield (start, end), plain.decode("latin-1")


class _Ahead:
    """Where a pattern matches next in a text, while its runs are gone through: none needs a look of its own."""

    def __init__(self, pattern: Pattern, seen: bytes) -> None:
        self._pattern = pattern
        self._seen = seen
        self.at = self._from(0)

    def matches_before(self, end: int) -> bool:
        """Tell whether it does before the end of a run, and go on from there."""
        if self.at >= end:
            return False
        self.at = self._from(end)
        return True

    def _from(self, position: int) -> int:
        return next((start for start, _ in spans(self._pattern, self._seen, position)), _NOWHERE)


def _bytes(run: str) -> bytes:
    whole = run[: len(run) - 1] if len(run) % 4 == 1 else run
    return binascii.a2b_base64(whole + "=" * (-len(whole) % 4))


def _inflated(data: bytes, limit: int) -> str:
    try:
        return inflate(data, limit, damaged=True).decode(errors="replace")
    except Corrupt:
        return ""
