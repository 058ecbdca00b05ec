"""Field paths as metrics and logs show them: bounded in number, of names that are released or a policy's own.

Senders choose names. One that no policy holds is shown only once it has come again and again, among all others often
enough, so that no few records decide what is shown, or use up the room for what is.
"""

import re
import threading
import time
from collections.abc import Collection, Iterable
from typing import Final

from redaction.actions.spec import spec_name
from redaction.policy import Policy
from redaction.policy.names import normalize
from redaction.policy.selectors import Selectors
from redaction.policy.words import Grammar, joined

OTHER: Final = "(other)"
"""Stands for every label beyond the bound."""

ODD_NAME: Final = "?"
"""Stands for a name that is not shown."""

MAX_PATHS: Final = 200
_AT_ONCE: Final = 50
"""So many paths of a policy's own names are shown at once, and so many have room when others have taken the rest."""

PERIOD_SECONDS: Final = 5.0
PERIODS: Final = 4
TIMES: Final = 20
ONE_IN: Final = 10_000
"""What it takes to recur: so many times, in so many periods, and of all that came since the first time such a share."""

_MAX_PENDING: Final = 2_000
_MAX_LENGTH: Final = 256

# At most four digits: a name with more looks like content, as in `redaction.guard`. No dot: it would read as a path.
_PLAIN_NAME: Final = re.compile(r"(?!(?:[^0-9]*[0-9]){5})[A-Za-z0-9_-]{1,64}")


class Bounded:
    """Lets so many different labels pass. Thread-safe."""

    def __init__(self, limit: int = MAX_PATHS) -> None:
        self._limit = limit
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, label: str) -> str:
        """Return the label, or `OTHER`."""
        if label in self._known:
            return label
        with self._lock:
            if len(self._known) >= self._limit or len(label) > _MAX_LENGTH:
                return OTHER
            self._known.add(label)
        return label


class _Pending:
    """A path that has not recurred yet."""

    __slots__ = ("before", "period", "periods", "times")

    def __init__(self, before: int) -> None:
        self.times = self.periods = 0
        self.period = -1.0
        self.before = before


class Recurring:
    """Lets paths through that recur, and some of a policy's own names at once; few at most. Thread-safe."""

    def __init__(self) -> None:
        self._shown: set[str] = set()
        self._pending: dict[str, _Pending] = {}
        self._total = 0
        self._lock = threading.Lock()

    def __call__(self, label: str, times: int = 1, *, is_chosen: bool, now: float | None = None) -> str:
        """Return the path, or `OTHER`.

        :param times: so often it came since it was asked for last.
        :param is_chosen: whether a sender's names are in it.
        :param now: seconds on a clock that never goes back; default: now.
        """
        with self._lock:
            self._total += times
            if label in self._shown:
                return label
            room = MAX_PATHS - (_AT_ONCE if is_chosen else 0)
            if len(self._shown) >= room or len(label) > _MAX_LENGTH:
                return OTHER
            at_once = not is_chosen and len(self._shown) < _AT_ONCE
            if not at_once and not self._recurs(label, times, time.monotonic() if now is None else now):
                return OTHER
            self._shown.add(label)
            self._pending.pop(label, None)
            return label

    def _recurs(self, label: str, times: int, now: float) -> bool:
        pending = self._pending.get(label)
        if pending is None:
            if len(self._pending) >= _MAX_PENDING:
                most = sorted(self._pending.items(), key=lambda item: -item[1].times)
                self._pending = dict(most[: _MAX_PENDING // 2])
            pending = self._pending[label] = _Pending(self._total - times)
        pending.times += times
        period = now // PERIOD_SECONDS
        if period != pending.period:
            pending.period = period
            pending.periods += 1
        share = self._total - pending.before
        return pending.periods >= PERIODS and pending.times >= TIMES and pending.times * ONE_IN >= share


class NamesOf:
    """What policies say about names of fields, as far as it decides whether a name may be shown."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        policies = list(policies)
        rules = [rule for policy in policies for rule in policy.fields]
        # Patterns too, but no name is spelled with a `*` once it is normalised.
        self._written = {segment for rule in rules for selector in rule.selectors for segment in selector.segments}
        self._written.update(joined(word) for rule in rules for word in (*rule.words, *rule.hints))
        self._closed = Selectors(
            selector
            for rule in rules
            if spec_name(rule.action) in {"drop", "quarantine"}
            for selector in rule.selectors
        )
        never = {rule.id for rule in rules if spec_name(rule.action) in {"drop", "quarantine"}}
        self._never_by_words = [(policy.grammar(), never) for policy in policies]

    def are_written(self, name: str) -> bool:
        """Tell whether a policy itself holds the name."""
        return normalize(name) in self._written

    def never_released(self, path: Iterable[str]) -> bool:
        """Tell whether a rule takes out the field at a path, its name included; in doubt it does."""
        state = self._closed.start
        for name in path:
            state = self._closed.step(state, normalize(name))
            if self._closed.matches(state) or any(_ends_in(name, *each) for each in self._never_by_words):
                return True
        return False


def _ends_in(name: str, grammar: Grammar, rules: Collection[str]) -> bool:
    core = grammar.decide(grammar.words(name))
    return core is not None and core.rule in rules


def shown(name: str) -> str:
    """Return a name that was released, if it is one such as programmers write, else `?`."""
    return name if _PLAIN_NAME.fullmatch(name) else ODD_NAME
