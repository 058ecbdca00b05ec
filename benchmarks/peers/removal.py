"""What an engine removes of documents in which the sensitive values are known, and what it changes without need."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from benchmarks.accuracy.clean import clean_texts
from benchmarks.accuracy.payload_set import payload_set
from benchmarks.kinds import CANONICAL, KINDS
from benchmarks.real_records import PLANTED

PAYLOADS: Final = "75 kinds of payload"
CLEAN: Final = "clean texts"

_RECORDS: Final = 100
_CLEAN: Final = 2200


class Example(NamedTuple):
    """A document. `hidden` and `useful`: pieces of `text`, compact JSON, that must go and must stay; of a set."""

    of: str
    text: str
    hidden: tuple[str, ...]
    useful: tuple[str, ...]


def examples() -> list[Example]:
    """Return the accuracy set's kinds of payload, records whose fields are known, and texts with nothing to hide."""
    found = [Example(PAYLOADS, each.text, tuple(each.hidden), tuple(each.useful)) for each in payload_set()]
    for kind, paths in (PLANTED | {CANONICAL: ("credit_card", "ssn")}).items():
        for body in KINDS[kind].documents(_RECORDS):
            document = json.loads(body)
            hidden = tuple(str(_at(document, path)) for path in paths)
            found.append(Example(kind, _compact(document), hidden, ()))
    for each in clean_texts(_CLEAN):
        text = _compact({"ref": each.value})
        found.append(Example(CLEAN, text, (), (text[len('{"ref":') : -1],)))
    return found


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document[name]
    return document


def _compact(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def judge(asked: Sequence[Example], released: Sequence[str]) -> dict[str, Any]:
    """Return counts: values removed and values in all, by set; of what must stay, pieces changed, and pieces in all.

    Of a document that was not released all is removed, and all that must stay is changed.
    """
    removed: dict[str, list[int]] = {}
    changed: dict[str, list[int]] = {}
    for example, body in zip(asked, released, strict=True):
        for counts, pieces in ((removed, example.hidden), (changed, example.useful)):
            if pieces:
                count = counts.setdefault(example.of, [0, 0])
                count[0] += sum(piece not in body for piece in pieces)
                count[1] += len(pieces)
    return {"removed": removed, "changed": changed}
