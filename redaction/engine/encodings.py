r"""Sensitive text in another dress: URLs, base64, escapes. JSON and labels are in `redaction.engine.labels`.

A text is only looked into where one of the patterns here matches. What is found in an encoded piece hides the whole
piece: there is no masking inside of base64.
"""

import binascii
import html
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from redaction.detectors.base import Span, view

# How base64 shows what it holds, at any alignment of its groups of four. Each character is six bits of three bytes, so
# that bytes from a small set give characters from small sets: nine or more digits and separators (a card number, an
# SSN), or 18 or more characters of ASCII. Identifiers, words and hexadecimal digits look so once in millions.
_BASE64_DIGITS: Final = rb"(?:[ILMNO][CDSTijyz][AEIMQUYcgk04][gtuw-z0-5]){3}"
_BASE64_TEXT: Final = rb"(?:[I-Zabcdef][C-HS-Xi-ny-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]){6}"
_ESCAPED: Final = rb"%[0-9A-Fa-f]{2}|=[^ &\"\\\n+]+\+|\x1c|&(?:#[0-9xX][0-9A-Fa-f]*|[A-Za-z]{2,31});|\\u[0-9A-Fa-f]{4}"
ENCODED: Final = rb"|".join((_ESCAPED, _BASE64_DIGITS, _BASE64_TEXT))
"""Matches where a text, serialised or not, has an encoded piece."""


_PIECE = re.compile(r"""=?[^\s&?=/#;,"'<>|]+""")
_RUN = re.compile(r"""[^\s"'<>]+""")
# In a query's value a plus is a space, but for that of a time's offset.
_SPACE = re.compile(r"\+(?![0-9]{2}:[0-9]{2}\Z)")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_BASE64_RUN = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_BASE64_SIGN = re.compile(b"|".join((_BASE64_DIGITS, _BASE64_TEXT)).decode())
# RFC 2045: base64 in lines of at most 76 characters.
_MIME_LINE = re.compile(r"[A-Za-z0-9+/]{60,76}\r?\n")
_LINE_END = re.compile(r"\r?\n")
_UNICODE_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")
_INVISIBLE = "\x1c"
_STANDARD_ALPHABET = str.maketrans("-_", "+/")


def decoded_pieces(text: str) -> Iterator[tuple[Span, str]]:
    """Give the pieces of a text that are encoded, and what they say; some in more than one reading."""
    if "%" in text or "+" in text:
        yield from _from_urls(text)
    yield from _from_base64(text)


def decoded_whole(text: str) -> Iterator[tuple[Span, str]]:
    """Give other readings of larger parts of a text: where something shows in them, more than it has to be hidden."""
    if _MIME_LINE.search(text):
        for _, said in _from_base64(_LINE_END.sub("", text)):
            yield (0, len(text)), said
    if "%" in text:
        for match in _RUN.finditer(text):
            if _PERCENT.search(match[0]):
                yield match.span(), unquote(match[0])
    if "&" in text and (said := html.unescape(text)) != text:
        yield (0, len(text)), said
    if "\\u" in text:
        yield (0, len(text)), _UNICODE_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    if not text.isascii() and _INVISIBLE in (seen := view(text).decode()):
        yield (0, len(text)), seen.replace(_INVISIBLE, "")


def _from_urls(text: str) -> Iterator[tuple[Span, str]]:
    for match in _PIECE.finditer(text):
        (start, end), piece = match.span(), match[0]
        if piece[0] == "=":
            start, piece = start + 1, _SPACE.sub(" ", piece[1:])
        if "%" in piece and _PERCENT.search(piece):
            piece = unquote(piece)
        if piece != text[start:end]:
            yield (start, end), piece


def _from_base64(text: str) -> Iterator[tuple[Span, str]]:
    for match in _BASE64_RUN.finditer(text):
        if _BASE64_SIGN.search(match[0]):
            run = match[0].rstrip("=").translate(_STANDARD_ALPHABET)
            # Something of the same alphabet may stand before it, such as a path: all alignments.
            for skipped in range(4):
                part = run[skipped:]
                part = part[: len(part) - 1] if len(part) % 4 == 1 else part
                yield match.span(), binascii.a2b_base64(part + "=" * (-len(part) % 4)).decode("latin-1")
