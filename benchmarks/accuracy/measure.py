"""Recall, precision and false alarms of the engine, as tables."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.accuracy.clean import IDS, ROWS, clean_texts
from benchmarks.accuracy.data import SPAN_SETS, VALUE_SETS, Text, Value, texts, values
from benchmarks.accuracy.embeddings import EMBEDDINGS, made_cards, made_itins, sentence
from benchmarks.accuracy.engine import Engine, is_hidden, told, transaction
from redaction.detectors.card_ranges import is_in_use

_PER_KIND = 60  # values of a kind that are embedded
_SHAPES = 8  # kinds of misses told


class Score(NamedTuple):
    hits: int
    total: int
    misses: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        return self.hits / self.total if self.total else 1.0


class SpanResult(NamedTuple):
    """Of one set: recall by (kind, group), precision by detector, texts without label that were changed."""

    recall: dict[tuple[str, str], Score]
    precision: dict[str, Score]
    unlabelled: Score
    rejected: int


def of_spans(engine: Engine, folder: Path, name: str) -> SpanResult:
    rows = texts(folder, name)
    notes = engine.notes([row.text for row in rows])
    found: dict[tuple[str, str], list[tuple[bool, str]]] = defaultdict(list)
    changed: list[tuple[bool, str]] = []
    for row, note in zip(rows, notes, strict=True):
        for label in row.labels:
            hidden = note is None or is_hidden(label.kind, label.value, [note])
            found[label.kind, label.group].append((hidden, label.value))
        if row.negative:
            changed.append((note != row.text, row.text))
    return SpanResult(
        {key: _score(of_key) for key, of_key in sorted(found.items())},
        _precision(engine, rows),
        # Counted the other way round: what is listed as missed is what was changed.
        Score(sum(hit for hit, _ in changed), len(changed), tuple(text for hit, text in changed if hit)),
        notes.count(None),
    )


def _precision(engine: Engine, rows: Sequence[Text]) -> dict[str, Score]:
    right: dict[str, list[tuple[bool, str]]] = defaultdict(list)
    for row in rows:
        if row.labels or row.negative:
            for start, end, detector in engine.findings(row.text):
                is_labelled = any(start < label.end and label.start < end for label in row.labels)
                right[detector].append((is_labelled, row.text[start:end]))
    return {detector: _score(of_detector) for detector, of_detector in sorted(right.items())}


class ValueResult(NamedTuple):
    """Hidden of those valid, by where they stand, and changed of those invalid; by (kind, group, source)."""

    hidden: dict[str, dict[tuple[str, str, str], Score]]
    invalid_changed: dict[str, Score]


def of_values(engine: Engine, folder: Path, name: str) -> ValueResult:
    ours = values(folder, name)
    valid = [one for one in ours if one.valid]
    placed: dict[str, Callable[[Value], dict[str, Any] | None]] = {
        "alone": lambda one: transaction(note=one.value),
        "sentence": lambda one: transaction(
            note=sentence(one.kind, one.value) if one.kind != "jwt" else f"see {one.value} ."
        ),
        "named": lambda one: transaction(**{_NAMED[one.kind]: one.value}) if one.kind in _NAMED else None,
    }
    hidden: dict[str, dict[tuple[str, str, str], Score]] = {}
    for place, embed in placed.items():
        documents = [(one, document) for one in valid if (document := embed(one))]
        scores: dict[tuple[str, str, str], list[tuple[bool, str]]] = defaultdict(list)
        for one, outcome in zip(
            [one for one, _ in documents],
            engine.redact([json.dumps(each).encode() for _, each in documents]),
            strict=True,
        ):
            is_gone = is_hidden(one.kind, one.value, told(outcome.document))
            scores[one.kind, one.group, one.source].append((is_gone, one.value))
        hidden[place] = {key: _score(of_key) for key, of_key in sorted(scores.items())}
    return ValueResult(hidden, _invalid_changed(engine, [one for one in ours if not one.valid]))


_NAMED = {"card": "card_number", "iban": "iban", "email": "email", "phone": "phone", "ip": "ip_address"}


def _invalid_changed(engine: Engine, invalid: Sequence[Value]) -> dict[str, Score]:
    changed: dict[str, list[tuple[bool, str]]] = defaultdict(list)
    for one, note in zip(invalid, engine.notes([one.value for one in invalid]), strict=True):
        changed[one.kind].append((note != one.value, one.value))
    return {
        kind: Score(sum(hit for hit, _ in of_kind), len(of_kind), tuple(value for hit, value in of_kind if hit))
        for kind, of_kind in sorted(changed.items())
    }


def sample(folder: Path) -> dict[str, list[str]]:
    """Values to embed, by kind: of the sets, without what is scored apart; cards and ITINs are made up, too.

    Of cards only those of ranges in use: others, as generators make them, count after a word, and not by themselves.
    """
    pool: dict[str, dict[str, None]] = defaultdict(dict)
    for name in SPAN_SETS[:2]:
        for row in texts(folder, name):
            for label in row.labels:
                if not label.group and label.kind != "phone" and (label.kind != "card" or _is_in_use(label.value)):
                    pool[label.kind][label.value] = None
    for name in VALUE_SETS:
        for one in values(folder, name):
            if one.valid and not one.group and one.kind in {"card", "iban", "phone"}:
                # A national number is tried in its sentence, with a word before it.
                pool[one.kind][one.value] = None
    pool["itin"] = dict.fromkeys(made_itins(_PER_KIND))
    rng = random.Random(5)  # noqa: S311 - repeatable by design
    chosen = {kind: rng.sample(list(of_kind), min(_PER_KIND, len(of_kind))) for kind, of_kind in sorted(pool.items())}
    chosen.pop("jwt", None)
    chosen["card"] = [*chosen["card"], *made_cards(_PER_KIND)]
    return chosen


def _is_in_use(number: str) -> bool:
    return is_in_use("".join(filter(str.isdecimal, number)).encode())


def of_embeddings(engine: Engine, folder: Path) -> dict[str, dict[str, Score]]:
    """Recall by embedding and kind."""
    chosen = sample(folder)
    results: dict[str, dict[str, Score]] = {}
    for name, embed in EMBEDDINGS.items():
        results[name] = {}
        for kind, of_kind in chosen.items():
            payloads = [(value, payload) for value in of_kind if (payload := embed(kind, value))]
            outcomes = engine.redact([payload for _, payload in payloads])
            hits = [
                (is_hidden(kind, value, told(outcome.document)), value)
                for (value, _), outcome in zip(payloads, outcomes, strict=True)
            ]
            if hits:
                results[name][kind] = _score(hits)
    return results


def of_clean_texts(engine: Engine, count: int) -> dict[str, Score]:
    """How many of the made-up texts were changed, by kind."""
    made = clean_texts(count)
    outcomes = engine.redact([json.dumps(transaction(note=each.value)).encode() for each in made])
    changed: dict[str, list[tuple[bool, str]]] = defaultdict(list)
    for each, outcome in zip(made, outcomes, strict=True):
        is_changed = outcome.document is None or outcome.document["note"] != each.value
        changed[each.kind].append((is_changed, str(each.value)))
    return {
        kind: Score(sum(hit for hit, _ in of_kind), len(of_kind), tuple(text for hit, text in of_kind if hit))
        for kind, of_kind in changed.items()
    }


def without_chance(changed: dict[str, Score]) -> Score:
    """All kinds together, without random digits in the lengths of card numbers, alone or in a row."""
    kept = [score for kind, score in changed.items() if kind not in IDS | ROWS]
    return Score(sum(score.hits for score in kept), sum(score.total for score in kept))


def shapes(misses: Iterable[str]) -> str:
    """Describe values without telling them: digits as 9, letters as a, the most frequent first."""
    counted = Counter(_shape(miss) for miss in misses)
    told = [f"`{shape}`" + (f" ({count})" if count > 1 else "") for shape, count in counted.most_common(_SHAPES)]
    more = len(counted) - len(told)
    return ", ".join(told) + (f", {more} more shapes" if more > 0 else "")


def _shape(text: str) -> str:
    shown = "".join("9" if char.isdecimal() else "a" if char.isalpha() else char for char in text[:48])
    return shown.replace("|", "/").replace("`", "'").replace("\n", " ") + ("…" if len(text) > 48 else "")


def _score(hits: Iterable[tuple[bool, str]]) -> Score:
    listed = list(hits)
    return Score(sum(hit for hit, _ in listed), len(listed), tuple(value for hit, value in listed if not hit))
