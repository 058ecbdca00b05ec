"""Keys of the keyed actions: what one is, where a policy gets it from, the key file, and what is derived from it.

No message here ever holds key material, nor a part of a key file that might be some.
"""

import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, Self, TypeAlias

import yaml
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from redaction.nearest import nearest
from redaction.plugin import RedactionError
from redaction.strict_yaml import NotYAML, compose

__all__ = [
    "ID_PATTERN",
    "NAME_PATTERN",
    "SECRET_BYTES",
    "Key",
    "KeyProvider",
    "KeyUnavailable",
    "Keyring",
    "KnownKeys",
    "Unwrap",
    "parse_keys",
]

SECRET_BYTES: Final = 32
"""Of each key, random."""

ID_PATTERN: Final = r"^[a-z]{1,16}$"
"""No digits: the id stands in every token, and a token must not look like a number."""

NAME_PATTERN: Final = r"^[a-z][a-z0-9_-]{0,63}$"
"""Of the name under which a policy asks for keys."""

_ID = re.compile(ID_PATTERN)
_NAME = re.compile(NAME_PATTERN)
_CONTEXT: Final = b"kinesis-sanitizer/1"

Unwrap: TypeAlias = Callable[[str, str, bytes], bytes]
"""Makes a secret of a key's name, its id and what the key service has encrypted; raises `KeyUnavailable`."""


class KeyUnavailable(RedactionError):
    """A key is not where it should be, or not what it should be; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    """One secret.

    :param id: 1 to 16 letters a-z; public, and in every token made with it.
    :param secret: 32 random bytes.
    :raises KeyUnavailable: one of them is not so.
    """

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise KeyUnavailable(f"a key id must match {ID_PATTERN}, for example 'a'")
        if len(self.secret) != SECRET_BYTES:
            raise KeyUnavailable(
                f"the secret of key id {self.id!r} has {len(self.secret)} bytes; it must have exactly {SECRET_BYTES}"
            )


class KeyProvider(Protocol):
    """Where a policy's keys come from. Asked while a policy is compiled, never for a record."""

    def keys(self, name: str) -> Sequence[Key]:
        """Return the live keys of that name: the first makes new values, all are recognised.

        :raises KeyUnavailable: there is none, or it cannot be had.
        """


class KnownKeys:
    """A `KeyProvider` of keys that have been read already.

    :param keys: by name; the first of each makes new values.
    :param source: where they were read, for errors.
    """

    def __init__(self, keys: Mapping[str, Sequence[Key]], source: str) -> None:
        self._keys = keys
        self._source = source

    def keys(self, name: str) -> Sequence[Key]:
        """Return the live keys of that name.

        :raises KeyUnavailable: there is none.
        """
        if name not in self._keys:
            near = nearest(name, self._keys)
            hint = f"did you mean {near!r}?" if near else f"known: {', '.join(sorted(self._keys)) or 'none'}"
            raise KeyUnavailable(f"{self._source}: there is no key {name!r}; add it, or correct the policy ({hint})")
        return self._keys[name]


class Keyring:
    """The live keys of one name, the one that new values are made with, and the subkeys derived from them.

    :param key_id: pins the key for new values, so that adding a key in front changes none of them.
    :ivar active: id of the key that new values are made with.
    :raises KeyUnavailable: there is no live key, two have one id, or the pinned one is not there.
    """

    def __init__(self, name: str, keys: Sequence[Key], key_id: str | None = None) -> None:
        self.name = name
        self._secrets = {key.id: key.secret for key in keys}
        if not keys or len(self._secrets) < len(keys):
            raise KeyUnavailable(f"key {name!r} needs at least one live key, and each an id of its own")
        if key_id is not None and key_id not in self._secrets:
            live = ", ".join(self._secrets)
            raise KeyUnavailable(f"key {name!r} has no live key id {key_id!r} (live: {live}); add it, or pin another")
        self.active = keys[0].id if key_id is None else key_id

    @classmethod
    def of(cls, provider: KeyProvider, name: str, key_id: str | None = None) -> Self:
        """Ask `provider` for the keys of that name.

        :raises KeyUnavailable: see `KeyProvider.keys`.
        """
        return cls(name, provider.keys(name), key_id)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all live keys."""
        return tuple(self._secrets)

    def subkey(self, key_id: str, purpose: str, type_: str = "", length: int = SECRET_BYTES) -> bytes:
        """Derive the key of a live key id for one purpose and type, so that no subkey serves two ends.

        HKDF-Expand with SHA-256 (RFC 5869; the secret is uniformly random, so there is nothing to extract). The
        key's name is no part of it: it may be renamed without changing a token.

        :param length: in bytes.
        """
        info = b"\0".join((_CONTEXT, purpose.encode(), type_.encode()))
        return HKDFExpand(SHA256(), length, info).derive(self._secrets[key_id])


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    material: bytes = field(repr=False)
    encrypted: bool
    place: str


def parse_keys(text: str, source: str, unwrap: Unwrap) -> Mapping[str, Sequence[Key]]:
    """Parse a key file: YAML or JSON that maps a name to a list of live keys, the one for new values first.

        customer:
          - {id: b, secret: <base64 of 32 bytes>}
          - {id: a, encrypted: <base64 of what a key service encrypted 32 bytes to>}

    What is encrypted is unwrapped when its name is first looked up, so that nobody needs permission for keys that no
    rule names.

    :param source: names the file in errors.
    :param unwrap: asks the key service.
    :raises KeyUnavailable: it is not valid; look-ups raise it too.
    """
    node = _composed(text, source)
    if not isinstance(node, yaml.MappingNode):
        raise KeyUnavailable(f"{source}: must map names to lists of keys, each {{id: ..., secret: ...}}")
    entries: dict[str, list[_Entry]] = {}
    for name_node, list_node in node.value:
        place = f"{source}:{name_node.start_mark.line + 1}"
        name = str(name_node.value)
        if not _NAME.fullmatch(name):
            raise KeyUnavailable(f"{place}: a key's name must match {NAME_PATTERN}")
        if not isinstance(list_node, yaml.SequenceNode) or not list_node.value:
            raise KeyUnavailable(f"{place}: key {name!r} must be a list of one or more {{id: ..., secret: ...}}")
        entries[name] = [_entry(item, name, source) for item in list_node.value]
        ids = [entry.id for entry in entries[name]]
        twice = next((entry for place, entry in enumerate(entries[name]) if entry.id in ids[:place]), None)
        if twice:
            raise KeyUnavailable(f"{twice.place}: id {twice.id!r} stands twice under {name!r}; give each key its own")
    return _Unwrapping(entries, unwrap)


def _composed(text: str, source: str) -> yaml.Node | None:
    # Raised outside of `except`, so that what is wrong, which may quote the file, is not even the error's context.
    try:
        # JSON may be indented by tabs, which YAML refuses and which no value here holds.
        return compose(text.replace("\t", " "))
    except NotYAML as error:
        line, twice = error.line or 1, error.twice
    if twice is not None and _NAME.fullmatch(twice):
        advice = "a name has one list of all its live keys, and each of these one id"
        raise KeyUnavailable(f"{source}:{line}: key {twice!r} stands twice; {advice}")
    raise KeyUnavailable(f"{source}:{line}: is not YAML or JSON")


def _entry(node: yaml.Node, name: str, source: str) -> _Entry:
    """Read one key. Texts are taken as written: for YAML `no` and `1e5` are no strings, here they may be."""
    place = f"{source}:{node.start_mark.line + 1}"
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    values = {str(key.value): str(value.value) for key, value in pairs if isinstance(value, yaml.ScalarNode)}
    if set(values) not in ({"id", "secret"}, {"id", "encrypted"}) or len(pairs) != len(values):
        raise KeyUnavailable(f"{place}: key {name!r}: must be {{id: ..., secret: ...}} or {{id: ..., encrypted: ...}}")
    if not _ID.fullmatch(values["id"]):
        raise KeyUnavailable(f"{place}: key {name!r}: its id must match {ID_PATTERN}")
    material = _base64(values.get("secret") or values.get("encrypted") or "")
    if not material:
        raise KeyUnavailable(f"{place}: key {name!r}, id {values['id']!r}: is not base64")
    if "secret" in values and len(material) != SECRET_BYTES:
        raise KeyUnavailable(
            f"{place}: key {name!r}, id {values['id']!r}: has {len(material)} bytes; it must be base64 of exactly "
            f"{SECRET_BYTES}, as from `openssl rand -base64 {SECRET_BYTES}`"
        )
    return _Entry(values["id"], material, "encrypted" in values, place)


def _base64(text: str) -> bytes | None:
    try:
        return binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError:
        return None


class _Unwrapping(Mapping[str, Sequence[Key]]):
    def __init__(self, entries: Mapping[str, list[_Entry]], unwrap: Unwrap) -> None:
        self._entries = entries
        self._unwrap = unwrap
        self._keys: dict[str, tuple[Key, ...]] = {}

    def __getitem__(self, name: str) -> Sequence[Key]:
        if name not in self._keys:
            self._keys[name] = tuple(self._key(name, entry) for entry in self._entries[name])
        return self._keys[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries  # without unwrapping

    def _key(self, name: str, entry: _Entry) -> Key:
        secret = self._unwrap(name, entry.id, entry.material) if entry.encrypted else entry.material
        if len(secret) != SECRET_BYTES:
            raise KeyUnavailable(
                f"{entry.place}: key {name!r}, id {entry.id!r}: decrypts to {len(secret)} bytes, not {SECRET_BYTES}"
            )
        return Key(entry.id, secret)
