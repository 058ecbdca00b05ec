"""What became of every record, found by looking: each identity ends in exactly one place, or is lost.

Also finds leaks: raw values that the policy removed, searched for in every channel outside the stream.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

import ahocorasick

from consumer.dynamodb.item import ItemEncoder, decode_item, item_encoder
from consumer.errors import EncodeError
from consumer.kinesis.producer import Placed
from consumer.record import Record
from consumer.settings import Settings
from redaction.comparison import same
from redaction.guard import redact_guarded
from redaction.plugin import Dropped, Redactor, Released

MIN_SECRET: Final = 9
"""Shorter raw values are not searched for: they turn up by chance (in sequence numbers, in times)."""

_AT_ONCE: Final = 500

_DIGIT_RUN: Final = re.compile(r"\d(?:[\s.-]?\d){8,}", re.ASCII)
_SSN: Final = re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)", re.ASCII)
_WORD: Final = re.compile(r"\w")

Identity = tuple[str, str, int]
"""(shard, sequence number, sub-sequence number)."""


class Entry(NamedTuple):
    """A record on the stream, and what must become of it."""

    placed: Placed
    expected: str  # stored, quarantined or dropped
    document: dict[str, Any] | None
    key: tuple[str, str] | None
    age: tuple[str, str, int, int]  # of two records with one key, the greater one's document is the newer


@dataclass
class Findings:
    """What was found, by identity.

    :ivar codes: which records are in quarantine, by code; counted from 1 in the order in which they were put.
    """

    stored: int = 0
    quarantined: int = 0
    codes: dict[str, list[int]] = field(default_factory=dict)
    dropped: int = 0
    duplicates: int = 0
    lost: list[Identity] = field(default_factory=list)
    wrong: list[Identity] = field(default_factory=list)  # stored with another content than expected; counted as lost


class Ledger:
    """Every record that was put, with what the policy makes of it."""

    def __init__(self, settings: Settings, redactor: Redactor) -> None:
        self._settings = settings
        self._redactor = redactor
        self._entries: list[Entry] = []
        self._unresolved: list[tuple[bytes, Placed, str]] = []
        self._secrets: set[str] = set()
        self._released: set[str] = set()

    def __len__(self) -> int:
        return len(self._entries) + len(self._unresolved)

    def places(self) -> Iterable[Placed]:
        """Where each record went."""
        self._resolve()
        return (entry.placed for entry in self._entries)

    def enter(
        self, payloads: Sequence[bytes], places: Sequence[Placed], partition_keys: Sequence[str] | None = None
    ) -> None:
        """Enter records that are on the stream now. What must become of them is worked out later, not while feeding.

        :param partition_keys: the producer's; needed with `stream.partition_key_field`.
        """
        self._unresolved += zip(payloads, places, partition_keys or [""] * len(payloads), strict=True)

    def _resolve(self) -> None:
        unresolved, self._unresolved = self._unresolved, []
        for first in range(0, len(unresolved), _AT_ONCE):
            self._resolve_some(unresolved[first : first + _AT_ONCE])

    def _resolve_some(self, unresolved: Sequence[tuple[bytes, Placed, str]]) -> None:
        verdicts = redact_guarded(self._redactor, [payload for payload, _, _ in unresolved])
        for (payload, place, partition_key), verdict in zip(unresolved, verdicts, strict=True):
            document: dict[str, Any] | None = None
            key, version = None, ""
            expected = "dropped" if isinstance(verdict, Dropped) else "quarantined"
            if isinstance(verdict, Released):
                try:
                    record = Record(place.sequence, place.sub, 0, payload, partition_key)
                    key, _, version = self._encoder(place.shard).encode(verdict.document, record)
                    expected, document = "stored", dict(verdict.document)
                except EncodeError:
                    pass
            self._remember_secrets(payload, document)
            age = version, place.shard, int(place.sequence), place.sub
            self._entries.append(Entry(place, expected, document, key, age))

    def find(self, items: Iterable[Mapping[str, Any]], quarantine: Iterable[Mapping[str, Any]]) -> Findings:
        """Look for every record.

        :param items: all items of the output table, in DynamoDB's wire form.
        :param quarantine: all entries of the quarantine, decoded.
        """
        self._resolve()
        by_key: dict[tuple[str, str], tuple[Identity, dict[str, Any]]] = {}
        output = self._settings.output
        for item in items:
            document, added = decode_item(item, output)
            key = (item[f"{output.reserved_attribute}_pk"]["S"], item[f"{output.reserved_attribute}_sk"]["S"])
            by_key[key] = ((added["shard"], added["sequence"], int(added["sub"])), document)
        held = {(entry["shard"], entry["sequence"], int(entry["sub"])): str(entry["code"]) for entry in quarantine}
        ages = {_identity(entry.placed): entry.age for entry in self._entries}
        findings = Findings()
        for number, entry in enumerate(self._entries, start=1):
            identity = _identity(entry.placed)
            found = by_key.get(entry.key) if entry.key else None
            own = found is not None and found[0] == identity
            if (identity in held) + own > 1 or (entry.expected != "quarantined" and identity in held):
                findings.wrong.append(identity)
            elif own and found is not None:
                good = entry.document is not None and same(entry.document, found[1])
                findings.stored += good
                if not good:
                    findings.wrong.append(identity)
            elif found is not None and ages.get(found[0], ("", "", 0, 0)) > entry.age:
                findings.duplicates += 1
            elif identity in held:
                findings.quarantined += 1
                findings.codes.setdefault(held[identity], []).append(number)
            elif entry.expected == "dropped":
                findings.dropped += 1
            else:
                findings.lost.append(identity)
        return findings

    def leaks(self, channels: Mapping[str, Iterable[str]]) -> dict[str, int]:
        """Count the raw values that the policy removed and that are found again, by channel.

        What it removes in one record and releases in a text of another, such as a word, is none.
        """
        self._resolve()
        automaton = ahocorasick.Automaton()
        for secret in self._secrets - self._released:
            if len(secret) >= MIN_SECRET:
                automaton.add_word(secret, secret)
        if not len(automaton):
            return dict.fromkeys(channels, 0)
        automaton.make_automaton()
        documents = (json.dumps(entry.document, default=str, ensure_ascii=False) for entry in self._entries)
        released = {word for text in documents for word in _whole_words(automaton, text)}
        return {
            name: len({word for text in texts for word in _whole_words(automaton, text)} - released)
            for name, texts in channels.items()
        }

    def _encoder(self, shard: str) -> ItemEncoder:
        return item_encoder(self._settings, shard, "", "")

    def _remember_secrets(self, payload: bytes, released: dict[str, Any] | None) -> None:
        # KCL writes raw data in base64 into some of its errors; a piece from the middle tells records apart.
        self._secrets.add(base64.b64encode(payload)[64:124].decode())
        text = payload.decode("utf-8", "replace")
        if released is None:
            # Nothing of a refused record may be anywhere; what could stand in another one rightly is not looked for.
            self._secrets.update(run for run in _DIGIT_RUN.findall(text) if _looks_like_card(run))
            self._secrets.update(_SSN.findall(text))
            return
        kept = set(_scalars(released))
        self._released |= kept
        kept_text = json.dumps(released, default=str, ensure_ascii=False)
        for value in _scalars(json.loads(text, parse_float=Decimal)):
            if value not in kept:
                self._secrets.update(
                    secret for secret in (value, *_DIGIT_RUN.findall(value)) if secret not in kept_text
                )


def _identity(placed: Placed) -> Identity:
    return placed.shard, placed.sequence, placed.sub


def _looks_like_card(run: str) -> bool:
    """Luhn's check (ISO/IEC 7812-1) over 13 to 19 digits."""
    digits = [int(character) for character in run if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0  # noqa: PLR2004


def _scalars(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _scalars(member)
    elif isinstance(value, list):
        for element in value:
            yield from _scalars(element)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _whole_words(automaton: Any, text: str) -> Iterable[str]:
    for end, secret in automaton.iter(text):
        before, after = text[end - len(secret) : end - len(secret) + 1], text[end + 1 : end + 2]
        if not (_WORD.match(before) and _WORD.match(secret[0])) and not (
            _WORD.match(after) and _WORD.match(secret[-1])
        ):
            yield secret
