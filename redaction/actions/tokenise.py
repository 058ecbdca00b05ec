"""Tokenise and hash: a keyed one-way name for a value, equal for equal values, so that documents still join.

    tok_<type>_<key id>_<mac: 32 letters><check: 16 letters>      128 of the 256 bits of an HMAC
    mac_<type>_<key id>_<mac: 64 letters><check: 16 letters>      all of them

HMAC-SHA256 over the whole normalised value, as PCI DSS 4.0, 3.5.1.1 asks of hashes of card numbers. `check` is a MAC
over `mac` under a key of its own: with it an action knows its own results again, and a look-alike that somebody sent
is a text like any other.
"""

import hmac
import re
import unicodedata
from typing import ClassVar, Final

from redaction.actions.base import Scalar, scalar_text
from redaction.actions.letters import LABEL_AND_ID, LETTER, find_own, from_letters, label, to_letters
from redaction.detectors.base import Detector, Span
from redaction.keys import Keyring

__all__ = ["Hash", "Tokenise"]

_CHECK_BYTES: Final = 8


class _Mac:
    name: ClassVar[str]
    _prefix: ClassVar[str]
    _bytes: ClassVar[int]

    def __init__(self, ring: Keyring, default_type: str, fixed_type: str | None = None) -> None:
        self._ring = ring
        self._default_type = default_type
        self._fixed_type = fixed_type
        self._check_keys = {key_id: ring.subkey(key_id, f"{self.name} check") for key_id in ring.ids}
        # One for each type: the policy's detectors and its rules, never anything that a sender chooses.
        self._makers: dict[str, tuple[bytes, bytes, str]] = {}
        letters = 2 * (self._bytes + _CHECK_BYTES)
        self._shape = re.compile(f"{self._prefix}{LABEL_AND_ID}({LETTER}{{{letters}}})")

    def __call__(self, value: Scalar, kind: Detector | None) -> str:
        text = scalar_text(value)
        if text.startswith(self._prefix) and self.own(text):
            return text
        type_ = self._fixed_type or (self._default_type if kind is None else kind.name)
        key, labelled, start = self._makers.get(type_) or self._maker(type_)
        # A field's text may be nothing that its type's spelling rules leave anything of.
        normal = (kind.normalise(text) if kind is not None else "") or unicodedata.normalize("NFC", text)
        mac = hmac.digest(key, normal.encode("utf-8", "surrogatepass"), "sha256")[: self._bytes]
        return start + to_letters(mac + self._check(self._ring.active, labelled, mac))

    def own(self, text: str) -> bool:
        """Whether the whole text is a result under any live key, of any type."""
        return self._end_at(text, 0) == len(text)

    def find_own(self, text: str) -> list[Span]:
        """Where results under any live key, of any type, stand in a text."""
        return find_own(text, self._prefix, self._end_at)

    def _end_at(self, text: str, start: int) -> int | None:
        found = self._shape.match(text, start)
        if not found or found[2] not in self._check_keys:
            return None
        mac = from_letters(found[3][: 2 * self._bytes]) or b""
        wanted = to_letters(self._check(found[2], found[1].encode(), mac))
        return found.end() if hmac.compare_digest(wanted, found[3][2 * self._bytes :]) else None

    def _check(self, key_id: str, labelled: bytes, mac: bytes) -> bytes:
        return hmac.digest(self._check_keys[key_id], labelled + b"\0" + mac, "sha256")[:_CHECK_BYTES]

    def _maker(self, type_: str) -> tuple[bytes, bytes, str]:
        shown = label(type_)
        key_id = self._ring.active
        maker = (self._ring.subkey(key_id, self.name, type_), shown.encode(), f"{self._prefix}{shown}_{key_id}_")
        return self._makers.setdefault(type_, maker)


class Tokenise(_Mac):
    """A short name for a value. `fixed_type`, else the kind's name, else `default_type` separates equal texts."""

    name = "tokenise"
    _prefix = "tok_"
    _bytes = 16


class Hash(_Mac):
    """As `Tokenise`, with all bits of the HMAC."""

    name = "hash"
    _prefix = "mac_"
    _bytes = 32
