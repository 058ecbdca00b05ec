"""E-mail addresses (RFC 5321, 5322, 6531): dot-atoms, letters of any script, and a domain that has a top level.

`user@host` is none, neither are `logo@2x.png` and `package@1.2.3`. `%40`, the at sign in a URL, counts as one.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from redaction.detectors.base import Detector, Span, view
from redaction.detectors.context import line_start

__all__ = ["EMAIL"]

# In a view, `x` or `?` stand for a letter of another script; 0x1C is invisible.
_ATOM: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~.\x1c"
_INVISIBLE: Final = 0x1C
_MAX_LOCAL = 256  # four times RFC 5321's 64 octets: in doubt more is hidden
_AT = re.compile(rb"@|%40")
_LABEL = rb"[A-Za-z0-9?][A-Za-z0-9?\x1c\-]*"
_NAME = _LABEL + rb"(?:\." + _LABEL + rb")+"
_DOMAIN = re.compile(_NAME)
# A top level in letters, or in the ASCII form of others (RFC 5890).
_TOP = re.compile(rb"(?i:xn--[a-z0-9\-]*[a-z0-9]|\?[a-z0-9?\x1c\-]*|[a-z][a-z\x1c]+)")
# What stands before an address without being part of it: quotation marks and such, a path, a parameter's name.
_PARAMETER = rb"[A-Za-z_][A-Za-z0-9_]{0,31}="
# Behind another it may have dots and hyphens; elsewhere these are an address's: `jane.doe=example.com@list.example`.
_NEXT = rb"[A-Za-z_][A-Za-z0-9_.\-]{0,63}="
_AROUND = re.compile(
    rb"(?:[^?&#=]{0,64}[?&#](?=" + _NEXT + rb"))?"
    rb"(?:(?:[?&#]"
    + _NEXT
    + rb"|(?<=[?&#])"
    + _NEXT
    + rb"|"
    + _PARAMETER
    + rb"|"
    + _NEXT
    + rb"(?=[^&=]*&"
    + _NEXT
    + rb"))"
    rb"(?:[^&=]*&" + _NEXT + rb")*(?=[^=])|[!#$&'*=^`{|}~.\-\x1c])+"
)
_VERSION = re.compile(rb"v?[0-9]+\.[0-9]")
# Names of files: `@2x` (images for dense screens), and endings that are no top-level domain.
_ENDING = re.compile(
    rb"(?i)(?:\.(?:png|jpe?g|gif|webp|svg|ico|bmp|avif|heic|css|jsx?|tsx|map|jsonl?|html?|xml|ya?ml|csv|txt|log|pdf|docx?"
    rb"|xlsx?|eml|mbox|msg|vcf|ics|pem|parquet|avro|orc|sql|bak|tmp|tar|tgz|gz|bz2|xz|zst|min|bundle|module))+\Z"
)
_DENSE = re.compile(rb"[0-9]x(?![a-z])")
# What names the identifiers of messages, which look like addresses (RFC 5322, 3.6.4); those before in a list.
_MESSAGE_ID = re.compile(
    rb"(?i)(?:(?<![a-z])msg-?_?id|message-?_?id|references|in-?_?reply-?_?to|content-?_?id|cid)\\*[\"']? ?[:=]"
    rb"(?:[ \\\"'\x1d]|<[^<>\n]{1,200}>)*<\Z"
)
_HEADER_REACH: Final = 300
_LONGEST_ENDINGS: Final = 48
# An opening quotation mark after `":` is JSON's, and what it opens no local part.
_QUOTED = re.compile(rb'[^A-Za-z0-9\\\n](?<!":)(?<!": )(\\*"[^"\\:,@\n]*[A-Za-z0-9?][^"\\:,@\n]*\\*")$')
_MAX_QUOTED = 80
_DIGIT = re.compile(rb"[0-9]")


class _Email:
    name = "email"
    # Of `a@b.c@d.com` too, all is one candidate.
    candidate = rb"""[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.\x1c"](?:(?:@|%40)""" + _NAME + rb")+"

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        spans: list[Span] = []
        for at in _AT.finditer(view, start, end):
            first = _local(view, at.start())
            last = _domain(view, at.end(), end)
            if first is not None and last is not None and not _is_message_id(view, first, last):
                spans.append((max(first, spans[-1][1] if spans else 0), last))
        return spans

    def mask(self, text: str) -> str:  # noqa: ARG002 - nothing of an address may stay
        return "****@****"

    def normalise(self, text: str) -> str:
        """Case-folded NFKC without invisible characters; mailboxes that differ in case only are one in practice."""
        shown = "".join(char for char, seen in zip(text, view(text), strict=True) if seen != _INVISIBLE)
        return unicodedata.normalize("NFKC", shown.replace("%40", "@")).casefold()


def _local(view: bytes, at: int) -> int | None:
    """Where the local part begins that ends at the at sign; None: there is none."""
    before = view[max(0, at - _MAX_LOCAL) : at]
    if before.endswith(b'"'):
        quoted = _QUOTED.search(before[-_MAX_QUOTED:])
        return at - len(quoted[1]) if quoted else None
    local = before[len(before.rstrip(_ATOM)) :]
    local = local[local.rfind(b"/") + 1 :]  # a path, with port or without, or what a resource's name is parted by
    around = _AROUND.match(local)
    # A local part of nothing but signs, as after masking, is none.
    first = around.end() if around else 0
    return at - len(local) + first if local[first:].strip(b"*.\x1c") else None


def _is_message_id(view: bytes, first: int, last: int) -> bool:
    """Whether it is a message's identifier: between angle brackets, with a digit in it, after a name that says so."""
    if view[last : last + 1] != b">":
        return False
    # What looks like a parameter's name before an address is part of an identifier.
    opening = max(first - _MAX_LOCAL, 0) + len(view[max(first - _MAX_LOCAL, 0) : first].rstrip(_ATOM))
    if view[opening - 1 : opening] != b"<" or not _DIGIT.search(view, opening, last):
        return False
    return bool(_MESSAGE_ID.search(view, line_start(view, opening, _HEADER_REACH), opening))


def _domain(view: bytes, start: int, end: int) -> int | None:
    """Where the domain ends; None: it is no domain."""
    found = _DOMAIN.match(view, start, end)
    if not found or _VERSION.match(found[0]) or _DENSE.match(found[0]):
        return None
    last = found.end()
    ending = _ENDING.search(view, max(start, last - _LONGEST_ENDINGS), last)
    last = ending.start() if ending else last
    while (dot := view.rfind(b".", start, last)) > 0:
        top = _TOP.match(view, dot + 1, last)
        if top:
            return top.end()
        last = dot
    return None


EMAIL: Final[Detector] = _Email()
