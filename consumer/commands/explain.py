"""What became of records and why, for people and scripts: field names, rules and actions, never values."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from redaction.comparison import shown_path
from redaction.engine import PolicyRedactor, Step
from redaction.guard import redact_guarded
from redaction.plugin import Dropped, Redactor, Rejected, Released, Verdict


class Done(NamedTuple):
    """What a rule or detector did to a record; `path` is None where the redactor, a plug-in, does not say."""

    path: str | None
    rule: str
    action: str
    times: int


class Judged(NamedTuple):
    """A verdict, and what was done to what is released."""

    verdict: Verdict
    done: Sequence[Done] = ()


def judged(redactor: Redactor, payloads: Sequence[bytes]) -> Iterator[Judged]:
    """Redact, and ask for nothing more."""
    for verdict in redact_guarded(redactor, payloads):
        yield Judged(verdict)


def explained(redactor: Redactor, payloads: Sequence[bytes]) -> Iterator[Judged]:
    """Redact one by one, and find out what was done.

    A rejected record may have been changed before: what was done to it is not said.
    """
    for payload in payloads:
        asked = Explaining(redactor) if isinstance(redactor, PolicyRedactor) else None
        (verdict,) = redact_guarded(asked or redactor, (payload,))
        steps: list[tuple[str | None, str, str]] = []
        if isinstance(verdict, Released):
            steps = asked.shown() if asked else [(None, rule, action) for rule, action in verdict.applied]
        yield Judged(verdict, [Done(*step, times) for step, times in Counter(steps).items()])


def lines(found: Judged) -> Iterator[str]:
    """Say it to a person."""
    for path, name, action, times in found.done:
        what = f"{name}: {action}" if path is None else f"{path}: {name}: {action}"
        yield f"{what} ({times} times)" if times > 1 else what
    match found.verdict:
        case Dropped() as dropped:
            yield f"dropped: {dropped.rule}"
        case Rejected(code, rule):
            yield f"rejected ({code}){f': {rule}' if rule else ''}"


def result(verdict: Verdict) -> dict[str, Any]:
    """Say to a script what became of a record; without its document."""
    match verdict:
        case Dropped(rule):
            return {"result": "dropped", "rule": rule}
        case Rejected(code, rule):
            return {"result": "rejected", "code": code, "rule": rule}
        case _:
            return {"result": "released"}


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

    def shown(self) -> list[tuple[str | None, str, str]]:
        """Say what was last done: path, rule, action."""
        return [(shown_path(step.path), step.rule, step.action) for step in self.steps]
