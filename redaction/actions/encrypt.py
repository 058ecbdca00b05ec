"""Encrypt: what a value was, readable for whoever has the key, equal for equal values.

    enc_<type>_<key id>_<length: 8 letters><AES-SIV of the value>

AES-SIV (RFC 5297) and not AES-GCM, because it has to be deterministic: a record delivered twice must give the same
item. Deterministic GCM means a repeated nonce, which gives away the difference of two values and the key of its MAC;
SIV needs no nonce, and shows of two values no more than whether they are equal, and how long they are.
"""

import re
from decimal import Decimal
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from redaction.actions.base import Scalar, exact
from redaction.actions.letters import LABEL_AND_ID, LETTER, MIN_LETTERS, find_own, from_letters, label, to_letters
from redaction.detectors.base import Detector, Span
from redaction.keys import Keyring
from redaction.plugin import JSONValue

__all__ = ["CannotDecrypt", "Encrypt", "decrypt"]

_PREFIX: Final = "enc_"
_LENGTH_BYTES: Final = 4
_KEY_BYTES: Final = 64  # AES-256 for the SIV, and for the CTR mode
_LENGTH = 2 * _LENGTH_BYTES
_SHAPE = re.compile(f"{_PREFIX}{LABEL_AND_ID}({LETTER}{{{MIN_LETTERS},}})")
# The first byte of what is encrypted: how the rest is to be read.
_STRING, _NUMBER, _BOOLEAN = b"s", b"n", b"b"


class CannotDecrypt(ValueError):
    """A text is no ciphertext, was changed, or needs a key that is not there; the message holds nothing of it."""


class Encrypt:
    """AES-SIV. `fixed_type`, else the kind's name, else `default_type` separates equal values."""

    name = "encrypt"

    def __init__(self, ring: Keyring, default_type: str, fixed_type: str | None = None) -> None:
        self._active = ring.active
        self._default_type = default_type
        self._fixed_type = fixed_type
        self._ciphers = {key_id: _cipher(ring, key_id) for key_id in ring.ids}

    def __call__(self, value: Scalar, kind: Detector | None) -> str:
        if isinstance(value, str) and value.startswith(_PREFIX) and self.own(value):
            return value
        shown = label(self._fixed_type or (self._default_type if kind is None else kind.name))
        sealed = self._ciphers[self._active].encrypt(_plaintext(value), _associated(shown, self._active))
        head = f"{_PREFIX}{shown}_{self._active}_"
        return head + to_letters(len(sealed).to_bytes(_LENGTH_BYTES, "big") + sealed)

    def own(self, text: str) -> bool:
        """Whether the whole text is a result under any live key, of any type: whether it decrypts."""
        return self._end_at(text, 0) == len(text)

    def find_own(self, text: str) -> list[Span]:
        """Where results under any live key, of any type, stand in a text."""
        return find_own(text, _PREFIX, self._end_at)

    def _end_at(self, text: str, start: int) -> int | None:
        found = _split(text, start)
        if not found:
            return None
        shown, key_id, sealed, end = found
        cipher = self._ciphers.get(key_id)
        return end if cipher and _open(cipher, shown, key_id, sealed) is not None else None


def decrypt(text: str, ring: Keyring) -> JSONValue:
    """Return the value that `Encrypt` was given: a string, a number as int or Decimal, or a boolean.

    :raises CannotDecrypt: it is no such text, or its key is not there.
    """
    found = _split(text, 0)
    if not found or found[3] != len(text):
        raise CannotDecrypt(f"this is no text that the action encrypt made: {_PREFIX}<type>_<key id>_<letters>, whole")
    shown, key_id, sealed, _ = found
    if key_id not in ring.ids:
        live = ", ".join(ring.ids)
        raise CannotDecrypt(f"this was encrypted with id {key_id!r} of a key; key {ring.name!r} has {live}; add it")
    plain = _open(_cipher(ring, key_id), shown, key_id, sealed)
    if plain is None:
        raise CannotDecrypt(f"this does not decrypt with key {ring.name!r}, id {key_id!r}: another key, or changed")
    return _value(plain)


def _cipher(ring: Keyring, key_id: str) -> AESSIV:
    return AESSIV(ring.subkey(key_id, "encrypt", length=_KEY_BYTES))


def _associated(shown: str, key_id: str) -> list[bytes]:
    return [shown.encode(), key_id.encode()]


def _split(text: str, start: int) -> tuple[str, str, bytes, int] | None:
    """Return type, key id, ciphertext and end of what has the right shape."""
    found = _SHAPE.match(text, start)
    if not found:
        return None
    shown, key_id, letters = found.groups()
    length = _LENGTH + 2 * int.from_bytes(from_letters(letters[:_LENGTH]) or b"", "big")
    # Only what is there is decoded, whatever length a text claims.
    sealed = from_letters(letters[_LENGTH:length]) if length <= len(letters) else None
    return (shown, key_id, sealed, found.start(3) + length) if sealed else None


def _open(cipher: AESSIV, shown: str, key_id: str, sealed: bytes) -> bytes | None:
    try:
        return cipher.decrypt(sealed, _associated(shown, key_id))
    except (InvalidTag, ValueError):  # ValueError: shorter than any ciphertext
        return None


def _plaintext(value: Scalar) -> bytes:
    if isinstance(value, str):
        return _STRING + value.encode("utf-8", "surrogatepass")
    if isinstance(value, bool):
        return _BOOLEAN + (b"1" if value else b"0")
    return _NUMBER + str(value if isinstance(value, int) else exact(value)).encode()


def _value(plain: bytes) -> JSONValue:
    tag, text = plain[:1], plain[1:].decode("utf-8", "surrogatepass")
    if tag == _STRING:
        return text
    if tag == _BOOLEAN:
        return text == "1"
    return int(text) if text.lstrip("-").isdecimal() else Decimal(text)
