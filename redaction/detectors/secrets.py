"""Secrets of programs: JSON Web Tokens, and credentials that their form or what stands before them tells."""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import orjson

from redaction.detectors import addresses, headers, tokens
from redaction.detectors.base import CONTROL, Detector, Span

__all__ = ["CREDENTIAL", "JWT"]

_MASK = "****"

# The header is a JSON object in base64url: `{"`, or `{` and white space.
_OBJECT = rb"e(?:y[A-DI-L]|w[k-r0-3])"
_PARTS = re.compile(
    rb"(" + _OBJECT + rb"[A-Za-z0-9_\-]+)\.[A-Za-z0-9_\-]*\.[A-Za-z0-9_\-]*(?:\.[A-Za-z0-9_\-]*\.[A-Za-z0-9_\-]*)?"
)
_STARTS = re.compile(_OBJECT)
_MAX_STARTS = 8


class _Jwt:
    """JWS and JWE in compact form (RFC 7515 section 7.1, RFC 7516 section 7.1): a header that names an algorithm."""

    name = "jwt"
    candidate = (
        _OBJECT + rb"[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*\.[A-Za-z0-9_\-]*(?:\.[A-Za-z0-9_\-]*\.[A-Za-z0-9_\-]*)?"
    )

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        parts = _PARTS.match(view, start, end)
        if not parts:
            return ()
        # Letters may stand before the header, and look like the beginning of one.
        for place in islice(_STARTS.finditer(parts[1]), _MAX_STARTS):
            if _names_algorithm(parts[1][place.start() :]):
                return [(start + place.start(), end)]
        return ()

    def mask(self, text: str) -> str:  # noqa: ARG002
        return _MASK

    def normalise(self, text: str) -> str:
        return text


def _names_algorithm(header: bytes) -> bool:
    try:
        decoded = orjson.loads(base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    except ValueError:
        return False
    return isinstance(decoded, dict) and "alg" in decoded


_GAP = rb"""(?:\\*["'] ?[:=] ?\\*["']?| ?[:=]{1,2} ?\\*["']?| )"""
# RFC 6750 section 2.1: b64token after the scheme.
_BEARER = rb"[Bb](?i:earer) +"
_TOKEN = rb"[A-Za-z0-9\-._~+/]{16,}=*"
# After the name of the field (RFC 9110, 11.6.2) a shorter one, or one without a digit, is a token as well. After `=`
# any: of `authorization=Bearer word` else no more than the scheme would be hidden, as the value of the name.
_HEADER = rb"""(?i:authorization)\\*["']? ?"""
_OPENED = rb""" ?\\*["']?"""
_ANY_TOKEN = rb"[A-Za-z0-9\-._~+/]+=*"
# RFC 7617: user and password in base64.
_BASIC = rb"(?i:authorization)" + _GAP + rb"[Bb](?i:asic) +"
_USER = rb"[A-Za-z0-9+/]{4,}=*"
# AWS CLI user guide, "Configuration and credential file settings": secret keys have 40 characters and no prefix.
# What is longer and named so is no less a secret.
_SECRET = rb"(?i:secret[_\-]?(?:access[_\-]?)?key(?:[_\-]?id)?)" + _GAP
_FORTY = rb"[A-Za-z0-9/+]{40,}"
# RFC 7468: private keys, and OpenSSH's and PGP's likewise.
_BEGIN = rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"

_WITH_CONTEXT = re.compile(
    rb"(?:" + _HEADER + rb"(?:=" + _OPENED + _BEARER + rb"(?P<value>" + _ANY_TOKEN + rb")"
    rb"|:" + _OPENED + _BEARER + rb"(?P<header>" + _ANY_TOKEN + rb"))"
    rb"|" + _BEARER + rb"(?P<token>" + _TOKEN + rb")"
    rb"|" + _BASIC + rb"(?P<user>" + _USER + rb")"
    rb"|" + _SECRET + rb"(?P<secret>" + _FORTY + rb"))"
)
_END = re.compile(rb"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
# Of a key cut short: its full lines, 64 characters or more, up to the last that ends in padding.
_KEY_REST = re.compile(
    rb"(?:(?:%b|\\+[nrt])*[A-Za-z0-9+/]{40,}=*)*(?:(?:%b|\\+[nrt])*[A-Za-z0-9+/]+={1,2})?" % (CONTROL, CONTROL)
)
_MAX_KEY = 16_384


class _Credential:
    name = "credential"
    candidate = b"|".join(
        (
            tokens.CANDIDATE,
            addresses.CANDIDATE,
            headers.CANDIDATE,
            _HEADER + rb"[:=]" + _OPENED + _BEARER + _ANY_TOKEN,
            _BEARER + _TOKEN,
            _BASIC + _USER,
            _SECRET + _FORTY,
            _BEGIN,
        ),
    )

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        if view.startswith(b"-----", start):
            return _key(view, start, end)
        if found := _with_context(view, start, end) or tokens.find(view, start, end):
            return found
        # `_secret_` begins what one kind of tokens is known by, and ends the name of another secret.
        place = _CONTEXT_STARTS.search(view, start + 1, end)
        return _with_context(view, place.start(), end) if place else []

    def mask(self, text: str) -> str:  # noqa: ARG002
        return _MASK

    def normalise(self, text: str) -> str:
        return text


def _with_context(view: bytes, start: int, end: int) -> list[Span]:
    context = _WITH_CONTEXT.match(view, start)
    if context and _PLAUSIBLE[context.lastgroup or ""](context[context.lastgroup or ""]):
        return [context.span(context.lastgroup or "")]
    return headers.find(view, start) or addresses.find(view, start, end)


def _is_token(token: bytes) -> bool:
    return any(char in _DIGITS for char in token)


def _is_header_token(token: bytes) -> bool:
    """Tell from words in a description of the field: `Authorization: Bearer token`."""
    return len(token) >= _LONG_TOKEN or _is_token(token)


def _is_user(token: bytes) -> bool:
    try:
        return b":" in base64.b64decode(token.rstrip(b"=") + b"=" * (-len(token.rstrip(b"=")) % 4))
    except binascii.Error:
        return False


_DIGITS: Final = frozenset(b"0123456789")
_LONG_TOKEN: Final = 16
_CONTEXT_STARTS: Final = re.compile(rb"(?i:secret|authorization|cookie|bearer)")
_PLAUSIBLE: Final[dict[str, Callable[[bytes], object]]] = {
    "value": bool,
    "header": _is_header_token,
    "token": _is_token,
    "user": _is_user,
    "secret": _is_token,
}


def _key(view: bytes, start: int, end: int) -> list[Span]:
    """A private key up to its end, over lines; cut short, all that can belong to it."""
    newline = view.find(b"\n", end)
    text_end = len(view) if newline < 0 else newline
    place = view.find(b"-----END ", end, min(text_end, end + _MAX_KEY))
    if place >= 0 and (closing := _END.match(view, place)):
        return [(start, closing.end())]
    rest = _KEY_REST.match(view, end, min(text_end, end + _MAX_KEY))
    return [(start, rest.end() if rest else end)]


JWT: Final[Detector] = _Jwt()
CREDENTIAL: Final[Detector] = _Credential()
