"""What was measured, as Markdown: for the terminal and for RESULTS.md."""

import importlib.metadata
import os
import platform
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.accuracy.baselines import Compared
from benchmarks.accuracy.clean import IDS, ROWS
from benchmarks.accuracy.measure import Score, SpanResult, ValueResult, shapes, without_chance
from benchmarks.accuracy.payload_set import Judged
from benchmarks.accuracy.random_numbers import Harmed

_KIND_ORDER = ("card", "ssn", "itin", "iban", "email", "phone", "ip", "jwt")
_LIBRARIES = ("google-re2", "orjson")

_CAVEATS = """\
What to keep in mind:

- The labelled sets were at hand while the detectors were written. The figures show what the detectors do with them;
  on other texts expect less, above all of telephone numbers, whose spellings are without number.
- The payloads were written by somebody who did not know the rules, and scored once before what they showed was mended:
  `default` then hid 290 of 312 and kept 566 of 584.
- Some labels are scored apart, and each such group has its row: card numbers that fail Luhn and IBANs that fail their
  check digits (found in fields named for them only), values partly masked before, SSNs in layouts other than 3-2-4,
  addresses without a top-level domain (`name@bank`, as payment handles are written), and IP addresses that identify
  nobody (loopback, unspecified, networks, `n.0.0.0`). The addresses without a top level, and of the IP addresses
  `n.0.0.0` and those mapped from IPv4, were set apart only after they had been missed: with the rest, recall is lower
  by these rows.
- Misses and false alarms are told by shape: `9` stands for a digit, `a` for a letter."""


PAYLOADS: Final = "Payloads of other systems"
PICTURE: Final = "![What policies and other tools hide and keep of the payloads](../../docs/img/accuracy.svg)"
"""Made of that section's table by `python -m docs.generate`."""


class Table(NamedTuple):
    """A section of the report. `told`: what the figures mean, `picture` shows them; `notes`: what stands below."""

    title: str
    told: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: tuple[str, ...] = ()
    picture: str = ""


def of_spans(results: dict[str, SpanResult]) -> list[Table]:
    rows: list[tuple[str, ...]] = []
    alarms: list[tuple[str, ...]] = []
    missed: list[str] = []
    for name, result in results.items():
        for (kind, group), score in sorted(result.recall.items(), key=lambda item: _KIND_ORDER.index(item[0][0])):
            precision = "" if group else _share(result.precision.get(kind, Score(0, 0)))
            rows.append((name, kind + (f": {group}" if group else ""), _share(score), precision))
            if score.misses:
                missed.append(f"{name}, {kind}{f' ({group})' if group else ''}: {shapes(score.misses)}")
        alarms.append((name, f"{result.unlabelled.hits} of {result.unlabelled.total}", str(result.rejected)))
        for kind, score in result.precision.items():
            if score.misses:
                missed.append(f"{name}, found as {kind} without a label: {shapes(score.misses)}")
    return [
        Table(
            "Texts with labelled spans",
            "Each text was the value of the field `note` of a transaction. Recall: of the labelled values, those that "
            "the redacted document no longer tells (not whole, and of their digits no more than four in a row). "
            "Precision: of what the detectors find in the same texts, what overlaps a label. Groups after a colon are "
            "scored apart.",
            ("set", "kind", "recall", "precision"),
            rows,
            tuple(missed),
        ),
        Table(
            "Texts without a label of our kinds",
            "Of `presidio_recognizer_tests` only the rows of recognisers of these kinds; what presidio holds for an "
            "invalid value may be hidden all the same.",
            ("set", "changed", "rejected, of all texts"),
            alarms,
        ),
    ]


def of_values(results: dict[str, ValueResult]) -> list[Table]:
    rows: list[tuple[str, ...]] = []
    invalid: list[tuple[str, ...]] = []
    missed: list[str] = []
    for name, result in results.items():
        for key in sorted(result.hidden["alone"], key=lambda each: (_KIND_ORDER.index(each[0]), each[1:])):
            kind, group, source = key
            title = kind + (f", {source}" if source else "") + (f": {group}" if group else "")
            scores = [result.hidden[place].get(key) for place in ("alone", "sentence", "named")]
            rows.append((name, title, *(_share(score) if score else "" for score in scores)))
            missed += [
                f"{name}, {title}, {place}: {shapes(score.misses)}"
                for place, score in zip(("alone", "in a sentence", "in a field named for it"), scores, strict=True)
                if score and score.misses
            ]
        for kind, score in result.invalid_changed.items():
            invalid.append((name, kind, f"{score.hits} of {score.total}", shapes(score.misses)))
    return [
        Table(
            "Single valid values",
            "Alone in a neutral field; in a sentence (phones: after the word `phone`); in a field named for the kind.",
            ("set", "kind", "alone", "in a sentence", "named field"),
            rows,
            tuple(missed),
        ),
        Table(
            "Invalid values, alone in a neutral field",
            "Changed is no error as such: much of what a validator refuses still holds a valid value.",
            ("set", "kind", "changed", "shapes"),
            invalid,
        ),
    ]


def of_embeddings(results: dict[str, dict[str, Score]]) -> Table:
    kinds = [kind for kind in _KIND_ORDER if any(kind in scores for scores in results.values())]
    missed = [
        f"{name}, {kind}: {shapes(score.misses)}"
        for name, scores in results.items()
        for kind, score in scores.items()
        if score.misses
    ]
    return Table(
        "Values embedded in transactions: recall",
        "Judged by a reader of its own, that unwraps JSON, URLs, base64 and HTML entities and folds Unicode (NFKC).",
        ("embedding", *kinds),
        [
            (name, *(_share(scores[kind]) if kind in scores else "" for kind in kinds))
            for name, scores in results.items()
        ],
        tuple(missed),
    )


def of_clean_texts(changed: dict[str, Score]) -> Table:
    all_of_them = without_chance(changed)
    rows = [
        (
            kind + (" (*)" if kind in IDS | ROWS else ""),
            f"{score.total:,}",
            str(score.hits),
            f"{score.hits / score.total:.2%}",
        )
        for kind, score in changed.items()
    ]
    rows.append(
        ("all but (*)", f"{all_of_them.total:,}", str(all_of_them.hits), f"{all_of_them.hits / all_of_them.total:.3%}")
    )
    return Table(
        "Made-up clean texts: false alarms",
        "Alone and in sentences, what is all digits also as a JSON number; the same texts each time. (*): random "
        "digits in the lengths of card numbers, which are such by range, length and check digit once in so many; of "
        "ids nothing in the text tells them apart, of rows (by spaces or hyphens) only that they go on.",
        ("kind", "texts", "changed", "share"),
        rows,
        tuple(f"{kind}: {shapes(score.misses)}" for kind, score in changed.items() if score.misses and kind not in IDS),
    )


def of_random_numbers(harmed: dict[str, Harmed]) -> Table:
    return Table(
        "Random numbers of trade and machines: false alarms",
        "Each alone in a field, half of them as JSON numbers: where the field's name says what it is (`order_id`, "
        "`gtin`), and where it says nothing (`value`).",
        ("form", "numbers", "named", "neutral name"),
        [
            (form, f"{of_form.named.total:,}", f"{of_form.named.share:.2%}", f"{of_form.neutral.share:.2%}")
            for form, of_form in harmed.items()
        ],
    )


def of_baselines(compared: Sequence[Compared], skipped: Sequence[str]) -> Table:
    rows: list[tuple[str, ...]] = [
        (row, *(_share(tool.scores[row]) if "changed" not in row else _count(tool.scores[row]) for tool in compared))
        for row in compared[0].scores
    ]
    rows.append(("records/s, one core", *(f"{tool.rate:,.0f}" for tool in compared)))
    return Table(
        "Beside other tools",
        "The same texts; single values alone, and in a sentence (phones: after the word `phone`, which ours needs for "
        "most national numbers). A labelled value counts as found where any span overlaps it, whatever it was taken "
        "for. Presidio: the six pattern recognisers of these kinds, no language model, any score; scrubadub: its "
        "default detectors; DataFog: the regex engine. Speed: 237-byte transactions; ours parses, applies the rules by "
        "field and writes them as well, in batches; the others only search the text.",
        ("", *(tool.name for tool in compared)),
        rows,
        tuple(skipped),
    )


def of_payloads(judged: Mapping[str, Sequence[Judged]], skipped: Sequence[str]) -> list[Table]:
    """Tell of the payloads; the first of those who were judged is `default`, of which more is told."""
    default = next(iter(judged.values()))
    rows = [
        (
            name,
            _share(_of_labels([(each.survives, each.payload.hidden) for each in listed])),
            _share(_of_labels([(each.limits, each.payload.limit) for each in listed])),
            _share(_of_labels([(each.destroyed, each.payload.useful) for each in listed])),
        )
        for name, listed in judged.items()
    ]
    wrong = [
        (each.payload.kind, title, _code(piece), labels[piece])
        for each in default
        for title, pieces, labels in (
            ("survives", each.survives, each.payload.hidden),
            ("destroyed", each.destroyed, each.payload.useful),
        )
        for piece in pieces
    ]
    limits = [(each.payload.limit[piece], each.payload.name) for each in default for piece in each.limits]
    total = Counter(why for each in default for why in each.payload.limit.values())
    return [
        Table(
            PAYLOADS,
            f"{len(default)} kinds of payload, made up after the public forms of payment and event systems by somebody "
            "who did not look at the rules: `payloads/`, a file for each. Hidden: of what must not be released, that "
            "which is not; limits: of what is sensitive and may be left, for the reasons below, that which is not; "
            "useful: of what must stay, that which stays whole. Policies are judged by what they release of the whole "
            "document, tools by whether any of their spans overlaps the value in the document's text.",
            ("", "hidden", "limits hidden", "useful kept"),
            rows,
            tuple(skipped),
            PICTURE,
        ),
        Table(
            "Payloads: what `default` gets wrong",
            "By kind, with what the label says.",
            ("kind", "", "piece", "is"),
            wrong,
        ),
        Table(
            "Payloads: the limits of `default`",
            "What it leaves, by reason, and in which files.",
            ("reason", "left", "where"),
            [
                (why, f"{count} of {total[why]}", ", ".join(sorted({name for reason, name in limits if reason == why})))
                for why, count in Counter(why for why, _ in limits).most_common()
            ],
        ),
    ]


def _of_labels(listed: Iterable[tuple[Sequence[str], Mapping[str, str]]]) -> Score:
    wrong, total = (sum(counts) for counts in zip(*((len(bad), len(labels)) for bad, labels in listed), strict=True))
    return Score(total - wrong, total)


def _code(piece: str) -> str:
    shown = piece if len(piece) <= 60 else f"{piece[:59]}…"
    return "`" + shown.replace("|", "/").replace("`", "'") + "`"


def markdown(tables: Sequence[Table]) -> str:
    return "\n\n".join(_section(table) for table in tables) + "\n"


def document(tables: Sequence[Table], arguments: Sequence[str]) -> str:
    libraries = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        "# Accuracy of the default policy\n\n"
        f"Measured on {datetime.now(UTC):%Y-%m-%d}, with Python {platform.python_version()}, {libraries}; "
        f"{cores} cores, {_cpu()}.\n\n"
        "Again, with the labelled sets in a folder (see `--help`; they are no part of this repository):\n\n"
        f"    python -m benchmarks.accuracy {' '.join(arguments)}\n\n"
        f"{_CAVEATS}\n\n" + markdown(tables)
    )


def as_json(tables: Sequence[Table]) -> list[dict[str, Any]]:
    return [
        {"title": table.title, "rows": [dict(zip(table.head, row, strict=True)) for row in table.rows]}
        for table in tables
    ]


def _section(table: Table) -> str:
    lines = [f"## {table.title}", "", table.told, ""]
    if table.picture:
        lines += [table.picture, ""]
    lines += [_row(table.head), _row(("---",) * len(table.head))]
    lines += [_row(row) for row in table.rows]
    if table.notes:
        lines += ["", *(f"- {note}" for note in table.notes)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _share(score: Score) -> str:
    if not score.total:
        return ""
    return f"{score.hits}/{score.total}" + ("" if score.hits == score.total else f" ({score.share:.1%})")


def _count(score: Score) -> str:
    return f"{score.hits} of {score.total}"


def _cpu() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
