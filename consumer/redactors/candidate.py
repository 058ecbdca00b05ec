"""A candidate policy beside the live one: what it would do differently is counted, by field, and nothing else happens.

It sees every record that the live policy was asked about, once the live verdicts are on their way. Whatever it does
wrong is counted as `failed`.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Final

from consumer.logs import Logger
from consumer.metrics import Metrics
from consumer.record import Tag
from consumer.redactors.field_labels import ODD_NAME, Bounded, NamesOf, Recurring, shown
from consumer.thread_turns import LARGE_BYTES, beside
from redaction.comparison import NOT_COMPARED, RECORD, Difference, compare
from redaction.engine import PolicyRedactor
from redaction.guard import INVALID_VERDICT, REDACTOR_RAISED, redact_guarded, redactor_for
from redaction.plugin import Redactor, Rejected, Released, Verdict

SAME, DIFFERENT, FAILED = "same", "different", "failed"
RESULTS: Final = (SAME, DIFFERENT, FAILED)
_MAX_CHANGES: Final = 50


class CandidateRun:
    """Compares a candidate with the live redactor. Shared by the threads of a process."""

    def __init__(self, candidate: Redactor, live: Redactor, metrics: Metrics, log: Logger) -> None:
        self._candidate = candidate
        self._metrics = metrics
        self._log = log
        self._names = NamesOf(each.policy for each in (candidate, live) if isinstance(each, PolicyRedactor))
        self._paths = Recurring()
        self._changes = Bounded(_MAX_CHANGES)
        self._shown = {RECORD}
        self._has_failed = False
        for result in RESULTS:
            metrics.candidate_records.labels(result)  # shown as 0 from the start

    def compare(self, payloads: Sequence[bytes], verdicts: Sequence[Verdict], tags: tuple[Tag, ...] = ()) -> None:
        """Count what the candidate does differently from `verdicts`, which are the live ones. Never raises."""
        counts = dict.fromkeys(RESULTS, 0)
        differences: dict[tuple[str, str], int] = {}
        for payload, live, verdict in zip(payloads, verdicts, self._verdicts(payloads, tags), strict=True):
            found = self._differences(payload, live, verdict)
            counts[FAILED if found is None else DIFFERENT if found else SAME] += 1
            for label in found or ():
                differences[label] = differences.get(label, 0) + 1
        for result, count in counts.items():
            self._metrics.candidate_records.labels(result).inc(count)
        for (path, change), count in differences.items():
            self._metrics.candidate_differences.labels(path, change).inc(count)

    def _verdicts(self, payloads: Sequence[bytes], tags: tuple[Tag, ...]) -> list[Verdict]:
        candidate = redactor_for(self._candidate, tags)
        if isinstance(candidate, Rejected):
            return [candidate] * len(payloads)
        with beside() if max(map(len, payloads), default=0) > LARGE_BYTES else nullcontext():
            return redact_guarded(candidate, payloads)

    def _differences(self, payload: bytes, live: Verdict, verdict: Verdict) -> list[tuple[str, str]] | None:
        """Return the labels of what differs; None: the candidate failed."""
        if isinstance(verdict, Rejected) and verdict.code in (REDACTOR_RAISED, INVALID_VERDICT):
            return None
        try:
            found = compare(payload, live, verdict)
            if any(difference.change == NOT_COMPARED for difference in found):
                return None
            return [(self._label(each, live), self._changes(each.change)) for each in found]
        except Exception as error:  # noqa: BLE001 - not even a defect here may reach the live records
            if not self._has_failed:
                self._log.error("candidate.failed", exc_info=error)
                self._has_failed = True
            return None

    def _label(self, difference: Difference, live: Verdict) -> str:
        """Show the names that the live policy released, and those that a policy holds.

        What was shown once may be shown again: a name is no secret any more.
        """
        if difference.path in self._shown:
            return difference.path
        names = list(self._names_shown(difference.path, live))
        is_chosen = any(name != ODD_NAME and not self._names.are_written(name) for name in names)
        label = self._paths(".".join(names), is_chosen=is_chosen)
        if label == difference.path:
            self._shown.add(label)
        return label

    def _names_shown(self, path: str, live: Verdict) -> Iterator[str]:
        here: list[object] = [live.document] if isinstance(live, Released) else []
        for name in path.split("."):
            objects = [each for each in _objects(here) if name in each]
            here = [each[name] for each in objects]
            yield shown(name) if objects or self._names.are_written(name) else ODD_NAME


def _objects(values: Sequence[object]) -> Iterator[dict[str, object]]:
    """Yield the objects among values, and those in lists: the fields of a list's objects stand at the list's path."""
    for value in values:
        if isinstance(value, dict):
            yield value
        elif isinstance(value, list):
            yield from _objects(value)
