"""Credentials in addresses: user and password in URLs, signatures that let one in, keys in connection strings."""

import re
from typing import Final

from redaction.detectors.base import Span
from redaction.detectors.context import line_start

__all__ = ["CANDIDATE", "find"]

# PHP writes JSON with slashes escaped.
_SCHEME_END: Final = rb":(?:\\*/){2}"
_USER: Final = rb"[A-Za-z0-9!$&()*+,;=._~%?\-]*"
_PASSWORD: Final = rb"[^\n\x1d\"'<>\\ ]+"
# Azure's shared access signatures; AWS's and Google's signed URLs, CloudFront's too; whoever has one has the access.
_SIGNATURE: Final = rb"(?i:[?&;](?:sig|signature|x-(?:amz|goog)-(?:signature|security-token)))="
# Azure's connection strings
_KEY: Final = rb"(?i:accountkey|sharedaccesskey|sharedaccesssignature|sharedsecret(?:value)?|accesskey) ?= ?"
# Parameters of a URL, as Google's keys of programs are.
_PARAMETER: Final = rb"(?:[?&]|&amp;|\\u0026)(?i:key)="
# In FIX: Password, NewPassword. What parts fields is SOH, which JSON escapes, or what a log writes for it.
_FIX_TAG: Final = rb"(?:[^0-9\n]|\\u0001)(?:554|925)="
_VALUE: Final = rb"[A-Za-z0-9%+/=_.~\-]{8"
CANDIDATE: Final = b"|".join(
    (
        _SCHEME_END + _USER + b":" + _PASSWORD + b"@",
        _SIGNATURE + _VALUE + b"}",
        _KEY + _VALUE + b"}",
        _PARAMETER,
        _FIX_TAG,
    )
)
"""Matches where there may be one."""

_USER_INFO: Final = re.compile(_SCHEME_END + rb"(?P<user>" + _USER + rb"):(?P<password>" + _PASSWORD + rb")@")
# `https://host:8080/@name`: a port, and a path in which there is an `@`
_PORT: Final = re.compile(rb"[0-9]{1,5}[/?#,]|[/?#,]")
_PATH: Final = re.compile(rb"[/?#]")
_CONTEXT: Final = re.compile(rb"(?:" + _SIGNATURE + rb"|" + _KEY + rb")(?P<value>" + _VALUE + rb",4096})")
_PARAMETER_VALUE: Final = re.compile(
    _PARAMETER + rb"(?=[^&#]{0,64}?[A-Za-z])(?P<value>[A-Za-z0-9_.~%+\-]{8,512}=*)(?![/:=A-Za-z0-9])"
)
# Words, and names of files: a key of something that is kept under it.
_WORDS: Final = re.compile(rb"[a-z]+(?:[_.\-][a-z]+)+|[A-Za-z]?[a-z]+(?:[A-Z][a-z]+)+|.*\.[a-z0-9]{2,4}|.*%2[Ff].*")
_FIX_VALUE: Final = re.compile(rb"(?P<end>[^0-9]|\\u0001)(?:554|925)=(?P<value>(?:(?!(?P=end))[^\n\x1d\"])+)")
_FIX_BEGIN: Final = b"8=FIX"
_FIX_REACH: Final = 2048
_DIGIT: Final = re.compile(rb"[0-9]")
_HIDDEN: Final = b"*"


def find(view: bytes, start: int, end: int) -> list[Span]:
    """Give the credentials at a candidate."""
    if context := _CONTEXT.match(view, start):
        return [context.span("value")] if _DIGIT.search(context["value"]) else []
    if parameter := _PARAMETER_VALUE.match(view, start):
        return [parameter.span("value")] if not _WORDS.fullmatch(parameter["value"]) else []
    if field := _FIX_VALUE.match(view, start):
        begin = line_start(view, start, _FIX_REACH)
        is_hidden = field["value"].startswith(_HIDDEN)
        return [field.span("value")] if not is_hidden and view.find(_FIX_BEGIN, begin, start) >= 0 else []
    info = _USER_INFO.match(view, start, end)
    if not info or _PORT.match(info["password"]):
        return []
    # The last `@` before a path ends it; without one, a password may hold what begins a path.
    first, last = info.span("password")
    at = view.rfind(b"@", first, _authority_end(view, first, last))
    last = at if at > first else last
    spans = [info.span("user"), (first, last)]
    return [(begin, stop) for begin, stop in spans if begin < stop and not view.startswith(_HIDDEN, begin)]


def _authority_end(view: bytes, first: int, last: int) -> int:
    path = _PATH.search(view, first, last)
    return path.start() if path else last
