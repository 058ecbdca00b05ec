"""E-mail addresses (RFC 5321, 5322, 6531): dot-atoms, letters of any script, and a domain that has a top level.

`user@host` is none, neither are `logo@2x.png` and `package@1.2.3`. `%40`, the at sign in a URL, counts as one.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from redaction.detectors.base import Detector, Span, view

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
_AROUND = re.compile(
    rb"(?:[?&/#]?" + _PARAMETER + rb"(?:[^&=]*&" + _PARAMETER + rb")*(?=[^=])"
    rb"|/(?:[^/]*/)*(?:[^/?=&]*\?(?=[A-Za-z_]))?|[!#$&'*=^`{|}~.\-\x1c])+"
)
_VERSION = re.compile(rb"v?[0-9]+\.[0-9]")
# Names of files: `@2x` (images for dense screens), and endings that are no top-level domain.
_FILE = re.compile(
    rb"(?i)(?:.*\.)?(?:png|jpe?g|gif|webp|svg|ico|bmp|avif|heic|css|js|jsx|tsx|json|html?|xml|ya?ml|tgz|gz)"
)
# An opening quotation mark after `":` is JSON's, and what it opens no local part.
_QUOTED = re.compile(rb'[^A-Za-z0-9\\\n](?<!":)(?<!": )(\\*"[^"\\:,@\n]*[A-Za-z0-9?][^"\\:,@\n]*\\*")$')
_MAX_QUOTED = 80


class _Email:
    name = "email"
    # Of `a@b.c@d.com` too, all is one candidate.
    candidate = rb"""[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.\x1c"](?:(?:@|%40)""" + _NAME + rb")+"

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        spans: list[Span] = []
        for at in _AT.finditer(view, start, end):
            first = _local(view, at.start())
            last = _domain(view, at.end(), end)
            if first is not None and last is not None:
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
    around = _AROUND.match(local)
    # A local part of nothing but signs, as after masking, is none.
    first = around.end() if around else 0
    return at - len(local) + first if local[first:].strip(b"*.\x1c") else None


def _domain(view: bytes, start: int, end: int) -> int | None:
    """Where the domain ends; None: it is no domain."""
    found = _DOMAIN.match(view, start, end)
    if not found or _VERSION.match(found[0]) or _FILE.fullmatch(found[0]):
        return None
    last = found.end()
    while (dot := view.rfind(b".", start, last)) > 0:
        top = _TOP.match(view, dot + 1, last)
        if top:
            return top.end()
        last = dot
    return None


EMAIL: Final[Detector] = _Email()
