"""Key templates: ``{timestamp}#{shard}#{sequence}#{sub}`` over sanitised fields and record metadata.

Two records with different values must not get one key, as ``a#b`` and ``c`` would that of ``a`` and ``b#c`` under
``{tenant}#{account}``. The values can be told apart where at most one of them may be any text: what stands before it is
read from the left, what stands after it from the right. With more of them it takes the escaped form.
"""

import re
import string
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from consumer.errors import EncodeError

METADATA: Final = frozenset({"stream", "shard", "sequence", "sub", "part", "arrival"})
"""Names that mean the record's metadata; a document's field of the same name cannot be reached by a template."""

MAX_PARTITION_KEY_BYTES: Final = 2048
MAX_SORT_KEY_BYTES: Final = 1024
"""Limits of DynamoDB's key attributes (AWS: "Quotas in Amazon DynamoDB", partition and sort keys)."""

_DIGITS: Final = frozenset(string.digits)
# AWS: names of streams and ids of shards are of [a-zA-Z0-9_.-].
_AWS_NAME: Final = frozenset(string.ascii_letters + string.digits + "_.-")
_ALPHABETS: Final = {
    **dict.fromkeys(("stream", "shard"), _AWS_NAME),
    **dict.fromkeys(("sequence", "part", "arrival"), _DIGITS),
    "sub": _DIGITS | {"+"},  # see consumer.record.place_of
}
_ESCAPE: Final = "%"
# What may part the values of the escaped form: no letter or digit, which the escapes themselves are made of.
_SEPARATORS: Final = frozenset(string.punctuation + " ") - {_ESCAPE}

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[^.{}]+(\.[^.{}]+)*")


class KeyTemplate:
    """A compiled template.

    :param template: literal text with ``{name}`` placeholders; ``{a.b}`` reaches into nested objects.
    :param limit: the longest key in bytes of UTF-8.
    :param constants: metadata that is the same for all records.
    :param escaped: whether the characters that part the values are escaped in fields (``#`` as ``%23``), in a template
        whose values could not be told apart otherwise. Keys whose values hold none of them are the same in both forms.
    :ivar meeting: two placeholders whose values cannot be told apart; None: different values give different keys.
    :raises ValueError: the template holds no placeholder, an empty one, or a stray brace.
    """

    def __init__(
        self,
        template: str,
        limit: int,
        constants: Mapping[str, str] = MappingProxyType({}),
        *,
        escaped: bool = False,
    ) -> None:
        pieces = _PLACEHOLDER.split(template)
        literals, names = pieces[0::2], pieces[1::2]
        self.names = tuple(names)
        self._limit = limit
        if not names:
            msg = f"the key template {template!r} holds no placeholder such as {{user_id}}"
            raise ValueError(msg)
        if any(not _NAME.fullmatch(name) for name in names) or re.search(r"[{}]", "".join(literals)):
            msg = f"the key template {template!r} is malformed; write placeholders as {{name}} or {{outer.inner}}"
            raise ValueError(msg)
        self.meeting = _meeting(names, literals[1:-1], frozenset())
        self._escape: Callable[[str], str] | None = None
        if escaped and self.meeting:
            separators = _SEPARATORS.intersection("".join(literals[1:-1]))
            self.meeting = _meeting(names, literals[1:-1], separators)
            self._escape = _escaping(separators) if separators else None
        self._first = literals[0]
        self._parts: list[tuple[str, list[str] | None, str]] = []
        """In order: a name, its path unless it is metadata, the literal that follows."""
        for name, literal in zip(names, literals[1:], strict=True):
            path = name.split(".")
            if path[0] not in METADATA:
                self._parts.append((path[0], path, literal))
            elif path[0] not in constants:
                self._parts.append((path[0], None, literal))
            elif self._parts:
                before, its_path, text = self._parts[-1]
                self._parts[-1] = (before, its_path, text + constants[path[0]] + literal)
            else:
                self._first += constants[path[0]] + literal

    @property
    def is_unique_per_record(self) -> bool:
        """Whether no two records can share a key: it holds the whole identity, and that can be read from it."""
        return {"shard", "sequence", "sub"} <= set(self.names) and not self.meeting

    def render(self, document: Mapping[str, object], metadata: Mapping[str, str]) -> str:
        """Return the key.

        :raises EncodeError: ``key_missing``, ``key_empty``, ``key_not_scalar`` or ``key_too_long``.
        """
        out = [self._first]
        for name, path, literal in self._parts:
            if path is None:
                out += (metadata[name], literal)
                continue
            value = document.get(name)
            text = value if type(value) is str and value and len(path) == 1 else field_text(document, path)
            out += (self._escape(text) if self._escape else text, literal)
        key = "".join(out)
        # A character takes four bytes at most.
        if 4 * len(key) > self._limit and len(key.encode(errors="surrogatepass")) > self._limit:
            raise EncodeError("key_too_long")
        return key


def _meeting(names: Sequence[str], between: Sequence[str], escaped: frozenset[str]) -> tuple[str, str] | None:
    """Return two neighbours whose values cannot be told apart, if there are such.

    :param between: the literals that stand between them.
    :param escaped: characters that no field's value holds.
    """

    def holds(name: str, character: str) -> bool:
        alphabet = _ALPHABETS.get(name.partition(".")[0])
        return character not in escaped if alphabet is None else character in alphabet

    pairs = list(zip(names, between, names[1:], strict=False))
    # Where reading from the left stops, and where reading from the right does.
    left = next((i for i, (name, literal, _) in enumerate(pairs) if not literal or holds(name, literal[0])), len(pairs))
    right = next(
        (i for i in range(len(pairs), 0, -1) if not pairs[i - 1][1] or holds(pairs[i - 1][2], pairs[i - 1][1][-1])), 0
    )
    return None if right <= left else (pairs[left][0], pairs[left][2])


def _escaping(separators: frozenset[str]) -> Callable[[str], str]:
    """Return what escapes these characters, and what would be read as an escape of them."""
    codes = "|".join(f"{ord(character):02X}" for character in sorted({_ESCAPE, *separators}))
    pattern = re.compile(f"[{re.escape(''.join(sorted(separators)))}]|{_ESCAPE}(?={codes})")
    return lambda text: pattern.sub(lambda found: f"{_ESCAPE}{ord(found[0]):02X}", text)


def field_text(document: Mapping[str, object], path: list[str]) -> str:
    """Return a field's value as it stands in a key.

    :raises EncodeError: ``key_missing``, ``key_empty`` or ``key_not_scalar``.
    """
    value: object = document
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            raise EncodeError("key_missing")
        value = value[name]
    if isinstance(value, str):
        if not value:
            raise EncodeError("key_empty")
        return value
    if value is None:
        raise EncodeError("key_missing")
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise EncodeError("key_not_scalar")
    return format(value, "f") if isinstance(value, Decimal) and abs(value.adjusted()) < 40 else str(value)  # noqa: PLR2004
