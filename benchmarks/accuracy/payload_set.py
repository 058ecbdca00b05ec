"""What systems of the world send, a file for each kind in `payloads/`: made up after their public forms.

    {"kind": "...", "hidden": {PIECE: WHY, ...}, "limit": {...}, "useful": {...}, "document": {...}}

A piece is a part of the document's compact JSON. `hidden`: must not be in what is released. `limit`: sensitive, and may
be left by `default`, for the reason given. `useful`: must stay as it is.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.accuracy import baseline_worker
from benchmarks.accuracy.baselines import ask
from redaction.engine import PolicyRedactor
from redaction.plugin import Released, Verdict
from redaction.policy import load_policy
from redaction.policy.test_runner import ThrowAwayKeys

FOLDER = Path(__file__).parent / "payloads"
POLICIES = ("default", "pci-dss", "gdpr-pseudonymise")
_NAME = re.compile(r'"[^"\\]+":')


class Payload(NamedTuple):
    """One kind. The labels: why, by piece of `text`."""

    name: str
    kind: str
    text: str
    hidden: dict[str, str]
    limit: dict[str, str]
    useful: dict[str, str]


class Judged(NamedTuple):
    """What is wrong with what became of a payload, or is a limit: pieces of it.

    :ivar survives: must be hidden, and is not.
    :ivar limits: as documented.
    :ivar destroyed: useful, and no longer whole.
    """

    payload: Payload
    survives: tuple[str, ...]
    limits: tuple[str, ...]
    destroyed: tuple[str, ...]


def payload_set() -> list[Payload]:
    return [_read(path) for path in sorted(FOLDER.glob("*.json"))]


def _read(path: Path) -> Payload:
    said = json.loads(path.read_text(encoding="utf-8"))
    text = json.dumps(said["document"], ensure_ascii=False, separators=(",", ":"))
    return Payload(path.stem, said["kind"], text, said["hidden"], said["limit"], said["useful"])


def judge(policy: str, payloads: Sequence[Payload]) -> list[Judged]:
    """Judge what a built-in policy releases; of a record that it rejects nothing is left."""
    loaded = load_policy(policy)
    verdicts = PolicyRedactor(loaded, ThrowAwayKeys(loaded)).redact([each.text.encode() for each in payloads])
    return [_released(verdict, payload) for verdict, payload in zip(verdicts, payloads, strict=True)]


def _released(verdict: Verdict, payload: Payload) -> Judged:
    body = verdict.body.decode() if isinstance(verdict, Released) else ""
    return _judged(payload, lambda piece: piece in body, lambda piece: piece not in body)


def judge_tools(python: Path, payloads: Sequence[Payload]) -> Iterator[tuple[str, list[Judged] | str]]:
    """Judge the other tools that are installed for `python`, by the spans they find; or say why one is left out."""
    for tool in baseline_worker.TOOLS:
        answer = ask(python, tool, [each.text for each in payloads], [])
        if isinstance(answer, str):
            yield tool, answer
            continue
        pairs = zip(answer["spans"], payloads, strict=True)
        yield f"{tool} {answer['version']}", [found_by(spans, payload) for spans, payload in pairs]


def found_by(spans: Sequence[Sequence[int]], payload: Payload) -> Judged:
    """Judge by the places that a tool found in the text: of a piece `"name":value` the value is to be found."""

    def touched(piece: str) -> Iterator[bool]:
        named = _NAME.match(piece)
        for place in re.finditer(re.escape(piece), payload.text):
            start = place.start() + (named.end() if named else 0)
            yield any(first < place.end() and start < last for first, last in spans)

    return _judged(payload, lambda piece: not all(touched(piece)), lambda piece: any(touched(piece)))


def _judged(payload: Payload, is_left: Callable[[str], bool], is_harmed: Callable[[str], bool]) -> Judged:
    return Judged(
        payload,
        tuple(piece for piece in payload.hidden if is_left(piece)),
        tuple(piece for piece in payload.limit if is_left(piece)),
        tuple(piece for piece in payload.useful if is_harmed(piece)),
    )
