"""The redactors of the schemas met of late, a bounded number of them."""

import threading
from collections.abc import Callable, Hashable, Iterator
from typing import Final, Generic, TypeVar

from redaction.engine.coverage import Counting, Coverage

_Redactor = TypeVar("_Redactor", bound=Counting)

MOST: Final = 64
"""So many are kept: each takes memory for what it has learnt of documents, and milliseconds to make."""

_MOST_PATHS: Final = 10_000


class BySchema(Generic[_Redactor]):
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # The one that was used longest ago first.
        self._kept: dict[Hashable, _Redactor] = {}
        self._gone: dict[tuple[str, ...], Coverage] = {}

    def get(self, key: Hashable, make: Callable[[], _Redactor]) -> _Redactor:
        """Give the one of a schema; it is made once, and again if it was not used for long."""
        with self._lock:
            found = self._kept.pop(key, None) or make()
            self._kept[key] = found
            if len(self._kept) > MOST:
                self._retire(self._kept.pop(next(iter(self._kept))))
            return found

    def coverage(self) -> Iterator[Coverage]:
        """Give what all have counted, those too that are not kept any more."""
        with self._lock:
            counting, gone = list(self._kept.values()), list(self._gone.values())
        for each in counting:
            yield from each.coverage()
        yield from gone

    def _retire(self, redactor: _Redactor) -> None:
        for path, seen, redacted, known in redactor.coverage():
            before = self._gone.get(path, Coverage(path, 0, 0, known))
            self._gone[path] = Coverage(path, before.seen + seen, before.redacted + redacted, before.known and known)
        if len(self._gone) > _MOST_PATHS:
            self._gone.clear()
