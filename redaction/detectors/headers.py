"""Credentials in the headers of HTTP as they stand in texts: `Authorization` of any scheme, and cookies."""

import re
from collections.abc import Iterator
from typing import Final

from redaction.detectors.base import Span

__all__ = ["CANDIDATE", "find"]

# From a header's name to its value: `Cookie: `, `"cookie":"`, `Cookie=`.
_TO_VALUE: Final = rb"""\\*["']? ?(?:=>|[:=]) ?\\*["']?"""
_SCHEME: Final = rb"[A-Za-z][A-Za-z0-9_\-]* +"
_AUTHORIZATION: Final = rb"(?i:authorization)" + _TO_VALUE + _SCHEME
_COOKIE: Final = rb"(?i:cookie2?)" + _TO_VALUE
# RFC 6265, 4.1.1, but for the signs that end a value in a log or in a command.
_NAME: Final = rb"[A-Za-z0-9!#$%&+.^_`|~*\-]+"
CANDIDATE: Final = b"|".join(
    (
        _AUTHORIZATION + rb"(?:[A-Za-z0-9\-._~+/=]{4}|[A-Za-z_]+=\\*\")",
        _COOKIE + _NAME + rb"=",
    )
)
"""Matches where there may be one."""

_HEADER: Final = re.compile(
    rb"(?:(?P<scheme>"
    + _AUTHORIZATION
    + rb")(?P<token>[A-Za-z0-9\-._~+/]{4,}=*(?![A-Za-z0-9\-._~+/=\"\\]))?|"
    + _COOKIE
    + rb")"
)
_KNOWN_SCHEME: Final = re.compile(
    rb"(?i:(?:token|api-?key|dpop|negotiate|ntlm|privatetoken|geniekey|ssws|splunk|bot|hoba|gnap|mutual|vapid"
    rb"|sharedkey(?:lite)?|sharedaccesssignature|key|oauth|hmac|klarna|zoho-oauthtoken)) +\Z"
)
# RFC 7616, 3.4 (`response`), RFC 5849, 3.5.1 (OAuth 1), AWS signature version 4, Hawk and others.
_SECRET_PARAMETER: Final = re.compile(
    rb"(?i:(?<![A-Za-z0-9])(?:response|(?:oauth_)?signature|oauth_token|access_?token|token|mac|password|secret|api_?key|key))"
    rb" ?= ?\\*\"?(?P<value>[^\s\x1d\"'\\,;*&][^\s\x1d\"'\\,;&]*)"
)
_LONGEST: Final = 2048
_LONG_TOKEN: Final = 8
_DIGIT: Final = re.compile(rb"[0-9]")
_PAIR: Final = re.compile(
    rb" *(?P<name>" + _NAME + rb")(?:=(?P<value>\\*\"[^\"\x1d\n\\]*\\*\"|[^\x1d\n\"'\\ ,;]*))?(?P<next> *[;,] *)?"
)
_ATTRIBUTE: Final = re.compile(
    rb" *(?i:\$?(?:path|domain|version)|max-age|samesite|comment|priority|partitioned|secure|httponly"
    rb"|expires=[A-Za-z]{3,9},? [0-9A-Za-z:\- ]{1,32})(?:=[^\x1d\n\"'\\ ,;]*)?(?: *[;,] *|(?=[\x1d\n\"'\\ ]|\Z))"
)

_HIDDEN: Final = ord("*")
# What somebody has chosen, and nobody can act with: `theme=dark`, `lang=en-GB`, `consent=1`.
_SETTING: Final = re.compile(rb"[A-Za-z]{1,12}(?:[_\-][A-Za-z]{1,8})?|[0-9]{1,2}")
_IDENTIFYING: Final = re.compile(
    rb"(?i:sid|sess|auth|token|key|secret|pass|pwd|[cx]srf|jwt|login|user|name|mail|remember)|(?i:id)\Z"
)


def find(view: bytes, start: int) -> list[Span]:
    """Give the tokens and values of the header at a candidate."""
    header = _HEADER.match(view, start)
    if not header:
        return []
    if not header["scheme"]:
        return list(_cookies(view, header.end()))
    token = header["token"]
    if token and (_KNOWN_SCHEME.search(header["scheme"].split(b":")[-1].lstrip()) or _is_random(token)):
        return [header.span("token")]
    place = header.end("scheme")
    return [match.span("value") for match in _SECRET_PARAMETER.finditer(view, place, _end(view, place))]


def _is_random(token: bytes) -> bool:
    """Tell from words about an authorisation: `authorization: approved later`."""
    return len(token) >= _LONG_TOKEN and bool(_DIGIT.search(token)) and not token.isdigit()


def _end(view: bytes, place: int) -> int:
    ends = [each for each in (view.find(sign, place, place + _LONGEST) for sign in (b"\n", b"\x1d")) if each >= 0]
    return min(ends, default=min(len(view), place + _LONGEST))


def _cookies(view: bytes, place: int) -> Iterator[Span]:
    """Give the values of cookies; their names and attributes stay."""
    end = place + _LONGEST
    while place < end:
        if match := _ATTRIBUTE.match(view, place):
            place = match.end()
            continue
        match = _PAIR.match(view, place)
        if not match:
            return
        first, last = match.span("value")
        if first < last and view[first] != _HIDDEN and not _is_setting(match["name"], match["value"]):
            yield first, last
        if match["next"] is None:
            return
        place = match.end()


def _is_setting(name: bytes, value: bytes) -> bool:
    return bool(_SETTING.fullmatch(value)) and not _IDENTIFYING.search(name)
