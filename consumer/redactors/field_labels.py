"""Field paths as metrics and logs show them: bounded in number, of names that are released or a policy's own."""

import re
import threading
from collections.abc import Iterable
from typing import Final

from redaction.actions.spec import spec_name
from redaction.policy import Policy
from redaction.policy.names import normalize
from redaction.policy.selectors import Selectors

OTHER: Final = "(other)"
"""Stands for every label beyond the bound."""

ODD_NAME: Final = "?"
"""Stands for a name that is not shown."""

MAX_PATHS: Final = 200
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


class NamesOf:
    """What policies say about names of fields, as far as it decides whether a name may be shown."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        rules = [rule for policy in policies for rule in policy.fields]
        # Patterns too, but no name is spelled with a `*` once it is normalised.
        self._written = {segment for rule in rules for selector in rule.selectors for segment in selector.segments}
        self._closed = Selectors(
            selector
            for rule in rules
            if spec_name(rule.action) in {"drop", "quarantine"}
            for selector in rule.selectors
        )

    def are_written(self, name: str) -> bool:
        """Tell whether a policy itself holds the name."""
        return normalize(name) in self._written

    def never_released(self, path: Iterable[str]) -> bool:
        """Tell whether a rule takes out the field at a path, its name included; in doubt it does."""
        state = self._closed.start
        for name in path:
            state = self._closed.step(state, normalize(name))
            if self._closed.matches(state):
                return True
        return False


def shown(name: str) -> str:
    """Return a name that was released, if it is one such as programmers write, else `?`."""
    return name if _PLAIN_NAME.fullmatch(name) else ODD_NAME
