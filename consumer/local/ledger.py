"""What became of every document, found by looking: each identity ends in exactly one place, or is lost.

A record is lost if one of its documents is; else quarantined if one is, else stored, dropped, a duplicate.

Also finds leaks: raw values that the policy removed, searched for in every channel outside the stream.
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NamedTuple

import ahocorasick

from consumer.decoding.chain import Chain
from consumer.decoding.documents import judged
from consumer.decoding.loading import Unread, open_chain
from consumer.dynamodb.item import ItemEncoder, decode_item, item_encoder
from consumer.errors import EncodeError
from consumer.kinesis.producer import Placed
from consumer.logs import get_logger
from consumer.record import Record, place_of
from consumer.settings import Settings
from redaction.comparison import same
from redaction.guard import redact_guarded
from redaction.plugin import Dropped, Redactor, Released, Verdict

MIN_SECRET: Final = 9
"""Shorter raw values are not searched for: they turn up by chance (in sequence numbers, in times)."""

_DIGIT_RUN: Final = re.compile(r"\d(?:[\s.-]?\d){8,}", re.ASCII)
_SSN: Final = re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)", re.ASCII)
_WORD: Final = re.compile(r"\w")

Identity = tuple[str, str, int]
"""(shard, sequence number, sub-sequence number)."""

_Document = tuple[str, str, int, int]
"""The same, and the number of a document in its record."""

_LOST, _WRONG, _QUARANTINED, _STORED, _DROPPED, _DUPLICATE = _BY_WEIGHT = (
    "lost", "wrong", "quarantined", "stored", "dropped", "duplicate"
)  # fmt: skip


class Entry(NamedTuple):
    """A document on the stream, and what must become of it.

    :ivar record: number of the record that holds it.
    :ivar is_whole: whether it was decoded to what was put.
    """

    record: int
    identity: _Document
    expected: str
    document: dict[str, Any] | None
    key: tuple[str, str] | None
    age: tuple[str, str, int, int, int]  # of two documents with one key, the greater one's is the newer
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Documents:
    """What became of the documents: the others together are those that were produced."""

    produced: int = 0
    stored: int = 0
    quarantined: int = 0
    dropped: int = 0
    duplicates: int = 0
    lost: int = 0


@dataclass
class Findings:
    """What was found, of records by identity.

    :ivar codes: which documents are in quarantine, by code; counted from 1 in the order in which they were put.
    """

    stored: int = 0
    quarantined: int = 0
    codes: dict[str, list[int]] = field(default_factory=dict)
    dropped: int = 0
    duplicates: int = 0
    lost: list[Identity] = field(default_factory=list)
    wrong: list[Identity] = field(default_factory=list)  # stored with another content than expected; counted as lost
    documents: Documents = field(default_factory=Documents)


class _Put(NamedTuple):
    """A record that was put; see `Ledger.enter`."""

    data: bytes
    place: Placed
    partition_key: str
    documents: tuple[bytes, ...] | None


class Ledger:
    """Every record that was put, with what decoders and policy make of it."""

    def __init__(self, settings: Settings, redactor: Redactor) -> None:
        self._settings = settings
        self._redactor = redactor
        self._places: list[Placed] = []
        self._entries: list[Entry] = []
        self._unresolved: list[_Put] = []
        self._encoders: dict[str, ItemEncoder] = {}
        self._secrets: set[str] = set()
        self._released: set[str] = set()

    def __len__(self) -> int:
        """Return how many records were put."""
        return len(self._places)

    def places(self) -> Iterable[Placed]:
        """Where each record went."""
        return iter(self._places)

    def documents(self) -> Iterable[tuple[str, float]]:
        """Name each document by its place, as `DurableTimes` does, with when it was put (epoch seconds)."""
        self._resolve()
        for entry in self._entries:
            shard, sequence, sub, part = entry.identity
            yield f"{shard}/{sequence}/{place_of(sub, part)}", self._places[entry.record].put_at

    def enter(
        self,
        payloads: Sequence[bytes],
        places: Sequence[Placed],
        partition_keys: Sequence[str] | None = None,
        documents: Sequence[tuple[bytes, ...] | None] | None = None,
    ) -> None:
        """Enter records that are on the stream now. What must become of them is worked out later, not while feeding.

        :param partition_keys: the producer's; needed with `stream.partition_key_field`.
        :param documents: what was written into each record, where that is known: then nothing of it may be missing in
            what is decoded.
        """
        keys = partition_keys or [""] * len(payloads)
        self._unresolved += map(_Put, payloads, places, keys, documents or [None] * len(payloads))
        self._places += places

    @cached_property
    def _chain(self) -> Chain:
        return open_chain(self._settings, Unread(), get_logger("ledger"))

    def _resolve(self) -> None:
        unresolved, self._unresolved = self._unresolved, []
        first = len(self._places) - len(unresolved)
        records = [Record(put.place.sequence, put.place.sub, 0, put.data, put.partition_key) for put in unresolved]
        for number, (put, held) in enumerate(
            zip(unresolved, judged(self._chain, self._redactor, records), strict=True), first
        ):
            # KCL writes raw data in base64 into some of its errors; a piece from the middle tells records apart.
            self._secrets.add(base64.b64encode(put.data)[64:124].decode())
            is_whole = self._is_whole(put.documents, held)
            self._entries += [self._entry(number, put.place, record, verdict, is_whole) for record, verdict in held]

    def _is_whole(self, put: tuple[bytes, ...] | None, held: Sequence[tuple[Record, Verdict]]) -> bool:
        """Tell whether each document that was put, and that the policy takes, is one of those that were decoded."""
        if not put:
            return True
        if len(put) != len(held):
            return False
        released = [isinstance(verdict, Released) for verdict in redact_guarded(self._redactor, put)]
        for document, is_taken in zip(put, released, strict=True):
            if not is_taken:
                self._remember_secrets(document, None)
        return all(
            _is_within(_loads(document), _loads(record.data) if record.data else None)
            for document, (record, _), is_taken in zip(put, held, released, strict=True)
            if is_taken
        )

    def _entry(self, number: int, place: Placed, record: Record, verdict: Verdict, is_whole: bool) -> Entry:  # noqa: FBT001
        document: dict[str, Any] | None = None
        key, version = None, ""
        expected = _DROPPED if isinstance(verdict, Dropped) else _QUARANTINED
        if isinstance(verdict, Released):
            try:
                key, _, version = self._encoder(place.shard).encode(verdict.document, record)
                expected, document = _STORED, dict(verdict.document)
            except EncodeError:
                pass
        self._remember_secrets(record.data, document)
        sequence, sub, part = record.position
        age = version, place.shard, sequence, sub, part
        identity = place.shard, place.sequence, sub, part
        return Entry(number, identity, expected, document, key, age, is_whole)

    def find(self, items: Iterable[Mapping[str, Any]], quarantine: Iterable[Mapping[str, Any]]) -> Findings:
        """Look for every document.

        :param items: all items of the output table, in DynamoDB's wire form.
        :param quarantine: all entries of the quarantine, decoded.
        """
        self._resolve()
        by_key: dict[tuple[str, str], tuple[_Document, dict[str, Any]]] = {}
        output = self._settings.output
        for item in items:
            document, added = decode_item(item, output)
            key = (item[f"{output.reserved_attribute}_pk"]["S"], item[f"{output.reserved_attribute}_sk"]["S"])
            by_key[key] = (_identity(added), document)
        held = {_identity(entry): str(entry["code"]) for entry in quarantine}
        ages = {entry.identity: entry.age for entry in self._entries}
        codes: dict[str, list[int]] = {}
        documents: Counter[str] = Counter()
        records: dict[int, str] = {}
        for number, entry in enumerate(self._entries, start=1):
            found = by_key.get(entry.key) if entry.key else None
            outcome = _outcome(entry, found, entry.identity in held, ages)
            if outcome == _QUARANTINED:
                codes.setdefault(held[entry.identity], []).append(number)
            documents[outcome] += 1
            records[entry.record] = min(records.get(entry.record, outcome), outcome, key=_BY_WEIGHT.index)
        counts = Counter(records.values())
        return Findings(
            stored=counts[_STORED],
            quarantined=counts[_QUARANTINED],
            codes=codes,
            dropped=counts[_DROPPED],
            duplicates=counts[_DUPLICATE],
            lost=[self._identity(number) for number, outcome in records.items() if outcome == _LOST],
            wrong=[self._identity(number) for number, outcome in records.items() if outcome == _WRONG],
            documents=Documents(
                produced=len(self._entries),
                stored=documents[_STORED],
                quarantined=documents[_QUARANTINED],
                dropped=documents[_DROPPED],
                duplicates=documents[_DUPLICATE],
                lost=documents[_LOST] + documents[_WRONG],
            ),
        )

    def _identity(self, record: int) -> Identity:
        place = self._places[record]
        return place.shard, place.sequence, place.sub

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
        if shard not in self._encoders:
            self._encoders[shard] = item_encoder(self._settings, shard, "", "")
        return self._encoders[shard]

    def _remember_secrets(self, payload: bytes, released: dict[str, Any] | None) -> None:
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


def _identity(added: Mapping[str, Any]) -> _Document:
    return added["shard"], added["sequence"], int(added["sub"]), int(added.get("part", 0))


def _outcome(
    entry: Entry,
    found: tuple[_Document, dict[str, Any]] | None,
    is_held: bool,  # noqa: FBT001
    ages: Mapping[_Document, tuple[str, str, int, int, int]],
) -> str:
    """Return what became of a document.

    :param found: what is stored under its key, and whose it is.
    :param is_held: whether it is in quarantine.
    """
    own = found is not None and found[0] == entry.identity
    outcome = _LOST
    if not entry.is_whole or is_held + own > 1 or (entry.expected != _QUARANTINED and is_held):
        outcome = _WRONG
    elif own and found is not None:
        good = entry.document is not None and same(entry.document, found[1])
        outcome = _STORED if good else _WRONG
    elif found is not None and ages.get(found[0], ("", "", 0, 0, 0)) > entry.age:
        outcome = _DUPLICATE
    elif is_held:
        outcome = _QUARANTINED
    elif entry.expected == _DROPPED:
        outcome = _DROPPED
    return outcome


def _loads(document: bytes) -> Any:
    return json.loads(document, parse_float=Decimal)


def _is_within(put: Any, decoded: Any) -> bool:
    """Tell whether a value has all that was put; there may be more fields: of an envelope, or those of a schema."""
    if isinstance(put, dict) and isinstance(decoded, dict):
        return all(name in decoded and _is_within(value, decoded[name]) for name, value in put.items())
    if isinstance(put, list) and isinstance(decoded, list):
        return len(put) == len(decoded) and all(map(_is_within, put, decoded))
    return same(put, decoded)


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
