"""What became of records and why, for people: field names, rules and actions, never values."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from redaction.comparison import shown_path
from redaction.engine import PolicyRedactor, Step
from redaction.guard import redact_guarded
from redaction.plugin import Dropped, Redactor, Rejected, Released, Verdict

Judged: TypeAlias = tuple[Verdict, list[str]]
"""A verdict, and what is to be said of it."""


def judged(redactor: Redactor, payloads: Sequence[bytes]) -> Iterator[Judged]:
    """Redact; only of rejections there is something to say."""
    for verdict in redact_guarded(redactor, payloads):
        yield verdict, [f"rejected ({verdict.code})"] if isinstance(verdict, Rejected) else []


def explained(redactor: Redactor, payloads: Sequence[bytes]) -> Iterator[Judged]:
    """Redact one by one, and say what was done: path, rule and action; of a plug-in only rule and action are known.

    A rejected record may have been changed before: what was done to it is not said.
    """
    for payload in payloads:
        asked = Explaining(redactor) if isinstance(redactor, PolicyRedactor) else None
        (verdict,) = redact_guarded(asked or redactor, (payload,))
        yield verdict, list(_said(verdict, asked))


def _said(verdict: Verdict, asked: "Explaining | None") -> Iterator[str]:
    match verdict:
        case Released():
            steps = asked.shown() if asked else [f"{rule}: {action}" for rule, action in verdict.applied]
            for step, times in Counter(steps).items():
                yield f"{step} ({times} times)" if times > 1 else step
        case Dropped():
            yield f"dropped: {verdict.rule}"
        case Rejected():
            yield f"rejected ({verdict.code}){f': {verdict.rule}' if verdict.rule else ''}"


class Explaining:
    """The built-in redactor as any other, so that the guard stands before it too.

    :ivar steps: what it did to the last record.
    """

    def __init__(self, redactor: PolicyRedactor) -> None:
        self.name = redactor.name
        self.version = redactor.version
        self.digest = redactor.digest
        self.steps: list[Step] = []
        self._redactor = redactor

    def redact(self, payloads: Sequence[bytes]) -> list[Verdict]:
        verdicts = []
        for payload in payloads:
            verdict, self.steps = self._redactor.explain(payload)
            verdicts.append(verdict)
        return verdicts

    def shown(self) -> list[str]:
        """Say what was last done."""
        return [f"{shown_path(step.path)}: {step.rule}: {step.action}" for step in self.steps]
