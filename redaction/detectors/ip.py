"""IP addresses: dotted quads (RFC 791), and IPv6 in every form of RFC 4291, 5952 and 4007 (zones).

Left alone are what identifies nobody: unspecified and loopback addresses, `n.0.0.0` (browsers write their versions so),
and networks, that is an address whose host bits are zero, followed by /8 to /24 (IPv4) or /16 to /48 (IPv6).
Private addresses are found. A version is left alone where a word or the grammar of `User-Agent` says so; `name/1.2.3.4`
by itself is hidden, since Java writes hosts and their addresses like that.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network
from typing import Final

from redaction.detectors.base import Detector, Span
from redaction.patterns import compile_bytes

__all__ = ["IP", "network"]

_V4, _V6 = 4, 6
_NETWORKS: Final = {_V4: range(8, 25), _V6: range(16, 49)}  # prefix lengths that identify nobody
_V4_BITS, _LAST_OCTET, _LOOPBACK, _ZERO = 32, 255, 127, ord("0")
_LONGEST = 45  # characters of an IPv6 address with a dotted quad in it
_HEX: Final = b"0123456789abcdefABCDEF:."
_WORD: Final = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_ESCAPES: Final = frozenset(b"bfnrt")
_QUAD = re.compile(rb"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9]|\.[0-9])")
_ZONE = re.compile(rb"%[0-9A-Za-z][0-9A-Za-z._\-]{0,31}")
_PREFIX = re.compile(rb"/([0-9]{1,3})(?![0-9])")
_VERSION = compile_bytes(
    rb"(?:(?:(?:^|[^A-Za-z])(?i:version|ver|release|rev|revision|build|firmware|section|chapter|clause|oid)"
    rb"|[a-z](?:Version|Ver|Release|Build|Firmware))(?i:s|no|number|[_\-]?(?:code|name|number|string))?"
    rb"[0-9]{0,2}[^0-9A-Za-z]{1,6}"
    # short ones only as names of fields
    rb"|(?:(?:^|[^A-Za-z])(?i:fw|sw|hw|os|bios)|[a-z](?:Fw|Sw|Hw|Os|Bios))"
    rb"(?i:_?(?:rev|ver|version))?(?:\\*[\"'] ?:|=) ?\\*[\"']?)\z"
)
# X.500's attributes and the extensions of certificates (ITU-T X.520, X.509).
_OID = re.compile(rb"2\.5\.(?:4|29)\.[0-9]{1,2}(?![0-9])")
_REACH = 32
# RFC 9110, 10.1.5 and 5.6.2: products with versions, comments between them; quotes aside, which end what holds them.
_NAME = rb"[A-Za-z][A-Za-z0-9!#$%&*+.^_`|~\-]{0,31}"
_PRODUCT = _NAME + rb"/[0-9][A-Za-z0-9!#$%&*+.^_`|~\-]{0,31} "
_COMMENT = rb"\([^()\"\n]*\) "
# The field's name, or a product whose version is no dotted quad, and then nothing but products up to this one's name.
_PRODUCTS = re.compile(
    rb"(?:(?<![A-Za-z])(?i:user[_\- ]?agent)\\*[\"']? ?[:=] ?\\*[\"']?"
    rb"|(?<![A-Za-z0-9!#$%&*+.^_`|~/\-])(?!HTTP/)(?=" + _NAME + rb"/[0-9]+\.[0-9])"
    rb"(?!" + _NAME + rb"/[0-9]+(?:\.[0-9]+){3} )" + _PRODUCT + rb")"
    rb"(?:" + _PRODUCT + rb"|" + _COMMENT + rb")*" + _NAME + rb"/\Z"
)
_LONGEST_AGENT = 256
_FEWEST_GROUPS = 3
_FEWEST_COLONS = 6  # without `::`, and a dotted quad at the end
# Groups of two digits only, eight of them: a hardware address (EUI-64), no IPv6 one.
_EUI64 = re.compile(rb"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){7}")
# Small decimal numbers in a row. As an address it would begin with 0000 to 0099: 0000::/8, where IANA's registry of the
# IPv6 address space has nobody, save for `::1`, what is mapped from IPv4 (`ffff`), and 64:ff9b::/96.
_ROW = re.compile(rb"[0-9]{1,2}(?::[0-9]{1,2}){7}")
# Where IANA has assigned IPv6 addresses, or RFC 4193 and 4291 have: 2000::/3, fc00::/7, fe80::/10, ff00::/8.
_CENTS = re.compile(rb",[0-9]{2}(?![0-9.])")  # `4.111.111.111,11`
_ASSIGNED = re.compile(rb"(?i)(?:[23][0-9a-f]{3}|f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]|ff[0-9a-f]{2}|64:ff9b):")


class _Ip:
    name = "ip"
    candidate = (
        rb"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9][0-9.]*"
        rb"|(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f][0-9A-Fa-f:.]*"
        rb"|(?:[0-9A-Fa-f]::|::[0-9A-Fa-f])[0-9A-Fa-f:.]*"
    )

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        before = view[max(0, start - _LONGEST - 1) : start]
        first = start - (len(before) - len(before.rstrip(_HEX)))
        if b":" in view[first:end] and (found := _ipv6(view, first, end)):
            span, address = found
            return [span] if _identifies(address, view, span[1]) else []
        spans: list[Span] = []
        for quad in _QUAD.finditer(view, start, min(end + 2, len(view))):
            if quad.start() >= end:
                break
            if not _is_bounded(view, quad.start(), quad.end()):
                continue
            if not _is_somebodys(view, quad) or _OID.fullmatch(quad[0]) or _CENTS.match(view, quad.end()):
                continue
            before = view[max(0, quad.start() - _REACH) : quad.start()]
            if not _VERSION.search(before) and not _is_product(view, quad.start(), quad.end()):
                spans.append(quad.span())
        return spans

    def mask(self, text: str) -> str:  # noqa: ARG002 - nothing of an address may stay
        return "***.***.***.***"

    def normalise(self, text: str) -> str:
        """Compressed form, without a zone, and IPv4 written as such; what is no address stays as it is."""
        try:
            return _plain(text).compressed
        except ValueError:
            return text


def network(text: str) -> str | None:
    """Generalise an address, with or without a prefix length, to its network: /24 for IPv4, /48 for IPv6.

    What is a network of that size or larger comes back as it is, compressed. None: `text` is no address.
    """
    written, slash, length = text.strip().strip("[]").partition("/")
    try:
        address = _plain(written)
        size = _NETWORKS[address.version][-1]
        if slash and ip_interface(f"{address}/{length}").network.network_address == address:
            size = min(size, int(length))
        return ip_network(f"{address}/{size}", strict=False).compressed
    except ValueError:
        return None


def _plain(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text.partition("%")[0])
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _ipv6(view: bytes, first: int, end: int) -> tuple[Span, IPv6Address] | None:
    """The one IPv6 address in a run of hexadecimal digits, colons and dots, with its zone."""
    if first and view[first - 1] in _WORD and not _is_escape(view, first):
        # The end of a word, and a colon: `source:2001:db8::1`.
        colon = view.find(b":", first, end)
        if colon < 0 or view[colon : colon + 2] == b"::":
            return None
        first = colon + 1
    if view[first : first + 1] == b":" and view[first : first + 2] != b"::":
        first += 1
    run = view[first:end].rstrip(b".")
    if run.endswith(b":") and not run.endswith(b"::"):
        run = run[:-1]
    last = first + len(run)
    if (
        not 0 < len(run) <= _LONGEST
        or (b"::" not in run and run.count(b":") < _FEWEST_COLONS)
        or not _is_bounded(view, first, last)
    ):
        return None
    try:
        address = IPv6Address(run.decode())
    except ValueError:
        return None
    if _EUI64.fullmatch(run) or _ROW.fullmatch(run) or (b"::" in run and not _is_likely(run)):
        return None
    zone = _ZONE.match(view, last)
    return (first, zone.end() if zone else last), address


def _is_likely(run: bytes) -> bool:
    """Tell `fd00::1` from names and slices in programs, such as `add::b` and `[::2]`."""
    groups = sum(1 for group in run.split(b":") if group)
    return groups >= _FEWEST_GROUPS or b"." in run or bool(_ASSIGNED.match(run))


def _is_product(view: bytes, first: int, last: int) -> bool:
    """Whether the quad is a product's version. Private addresses, which names of hosts come with, never are."""
    if view[first - 1 : first] != b"/" or IPv4Address(view[first:last].decode()).is_private:
        return False
    return bool(_PRODUCTS.search(view, max(0, first - _LONGEST_AGENT), first))


def _is_somebodys(view: bytes, quad: re.Match[bytes]) -> bool:
    """Whether a dotted quad is an address, and identifies somebody: in a list there are thousands."""
    octets = quad[0].split(b".")
    numbers = [int(octet) for octet in octets]
    if max(numbers) > _LAST_OCTET or any(octet[0] == _ZERO and len(octet) > 1 for octet in octets):
        return False
    if numbers[0] == _LOOPBACK or not any(numbers[1:]):
        return False
    prefix = _PREFIX.match(view, quad.end())
    if prefix and int(prefix[1]) in _NETWORKS[_V4]:
        return bool(int.from_bytes(numbers) & ((1 << (_V4_BITS - int(prefix[1]))) - 1))
    return True


def _identifies(written: IPv6Address, view: bytes, last: int) -> bool:
    """Whether an IPv6 address, which ends at `last`, identifies somebody."""
    address = written.ipv4_mapped or written
    if address.is_unspecified or address.is_loopback or (address.version == _V4 and not int(address) & 0xFFFFFF):
        return False
    prefix = _PREFIX.match(view, last)
    if prefix and int(prefix[1]) in _NETWORKS[written.version]:
        return bool(int(written) & ((1 << (written.max_prefixlen - int(prefix[1]))) - 1))
    return True


def _is_bounded(view: bytes, first: int, last: int) -> bool:
    if last < len(view) and view[last] in _WORD:
        return False
    return not first or view[first - 1] not in _WORD or _is_escape(view, first)


def _is_escape(view: bytes, place: int) -> bool:
    r"""Whether what stands before is the letter of an escape in JSON within JSON, such as `\n`."""
    return place > 1 and view[place - 2 : place - 1] == b"\\" and view[place - 1] in _ESCAPES


IP: Final[Detector] = _Ip()
