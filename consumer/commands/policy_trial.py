"""What a policy makes of somebody's own records, counted by path; holds no values."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from consumer.commands.explain import Explaining
from consumer.quarantine.codes import ADVICE
from consumer.terminal.parts import Column, Part, Table
from redaction.comparison import shown_path
from redaction.engine import PolicyRedactor, Step
from redaction.guard import redact_guarded
from redaction.plugin import Dropped, Rejected, Verdict

_COLUMNS: Final = (Column(14, "right"), Column())


class AtPath(NamedTuple):
    """What became of the values at a path: `by` says how often which rule or detector did what."""

    path: str
    values: int
    hidden: int
    by: dict[str, int]

    @property
    def is_hidden(self) -> bool:
        """Whether something was done to any of them, or to the name."""
        return bool(self.hidden or self.by)


class Trial:
    """Tries a policy on records, one after the other.

    :param redactor: a fresh one, which counts from here on.
    """

    def __init__(self, redactor: PolicyRedactor) -> None:
        self.redactor = redactor
        self.records = 0
        self.dropped: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self._asked = Explaining(redactor)
        self._steps: Counter[tuple[str, str]] = Counter()

    def add(self, payload: bytes) -> tuple[Verdict, list[Step]]:
        """Redact a record, and count what was done to it."""
        (verdict,) = redact_guarded(self._asked, (payload,))
        self.records += 1
        steps = []
        if isinstance(verdict, Rejected):
            self.rejected[verdict.code] += 1
        elif isinstance(verdict, Dropped):
            self.dropped[verdict.rule] += 1
        else:
            steps = self._asked.steps
        self._steps.update((shown_path(step.path), f"{step.rule}: {step.action}") for step in steps)
        return verdict, steps

    @property
    def released(self) -> int:
        """How many records were."""
        return self.records - self.dropped.total() - self.rejected.total()

    def paths(self) -> list[AtPath]:
        """Give all paths, in their order; of names that could hold content all under one."""
        values: Counter[str] = Counter()
        hidden: Counter[str] = Counter()
        for each in self.redactor.coverage():
            values[shown_path(each.path)] += each.seen
            hidden[shown_path(each.path)] += each.redacted
        done: dict[str, dict[str, int]] = {}
        for (path, what), times in self._steps.most_common():
            done.setdefault(path, {})[what] = times
        return [AtPath(path, values[path], hidden[path], done.get(path, {})) for path in sorted(values.keys() | done)]

    def described(self) -> dict[str, Any]:
        """Give all of it, for scripts."""
        redactor = self.redactor
        return {
            "policy": {"name": redactor.name, "version": redactor.version, "digest": redactor.digest},
            "records": self.records,
            "released": self.released,
            "dropped": dict(self.dropped),
            "rejected": dict(self.rejected),
            "paths": [each._asdict() | {"released": each.values - each.hidden} for each in self.paths()],
        }

    def refusals(self) -> Iterator[tuple[str, int, str]]:
        """Give the records that are not released: why, how many, and what to do."""
        for rule, count in self.dropped.most_common():
            yield f"dropped by {rule}", count, ""
        for code, count in self.rejected.most_common():
            advice = ADVICE.get(code)
            yield f"rejected as {code}", count, f"{advice.means}; what to do: {advice.to_do}" if advice else ""

    def parts(self) -> Iterator[Part]:
        """Write it for people."""
        redactor, paths = self.redactor, self.paths()
        yield f"{redactor.name}, version {redactor.version}, digest {redactor.digest}"
        yield (
            f"{self.records} records: {self.released} released, {self.dropped.total()} dropped, "
            f"{self.rejected.total()} rejected"
        )
        refusals = [(str(count), why + (f": {to_do}" if to_do else "")) for why, count, to_do in self.refusals()]
        hidden = [
            (f"{each.hidden} of {each.values}", each.path + (f": {listed(each.by)}" if each.by else ""))
            for each in paths
            if each.is_hidden
        ]
        released = [(str(each.values), each.path) for each in paths if not each.is_hidden]
        yield from _rows(refusals)
        yield from ("", "hidden, of so many values", *_rows(hidden))
        yield from ("", "released as they came, and searched", *_rows(released))


def _rows(rows: list[tuple[str, str]]) -> Iterator[Part]:
    if rows:
        yield Table(_COLUMNS, rows)


def listed(by: dict[str, int]) -> str:
    """Write what was done by which rules."""
    return ", ".join(what if times == 1 else f"{what} ({times} times)" for what, times in by.items())
