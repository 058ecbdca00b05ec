"""Schemas that were fetched once, and what is known of those that could not be.

Whoever writes records chooses the ids in them. So what is kept is bounded, ids that nobody knows are asked for at a
bounded rate, and they end in quarantine, not in a shard that stands still.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple

from consumer import thread_turns
from consumer.backoff import backoff
from consumer.decoder import DecoderUnavailable
from consumer.decoding.asking import asking
from consumer.decoding.schemas.definition import Definition, Registry, SchemaReader, SchemaUnusable, Unusable

MAX_SCHEMAS: Final = 1000
_MAX_CHARS: Final = 32 * 2**20
_MAX_UNKNOWN: Final = 10_000

SECOND_LOOK_SECONDS: Final = 3.0
UNKNOWN_SECONDS: Final = 60.0
_HOLDS_A_MINUTE: Final = 3
"""How often a record is held for a second look: more would let whoever writes records stop a shard."""

_LOOKUPS_A_SECOND: Final = 5.0
_LOOKUPS_AT_ONCE: Final = 50.0
_LONGEST_QUEUE_SECONDS: Final = 3.0
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0

_SECOND_LOOK: Final = (
    "The schema registry does not know the schema of a record; it is asked once more in 3 s, since replicas lag."
)
_BUSY: Final = "More schemas are asked for than the registry is asked for at once; the record's has its turn later."


class _NotThere(NamedTuple):
    until: float
    is_settled: bool


class _Kept(NamedTuple):
    reader: SchemaReader
    chars: int


class SchemaMemory:
    """Readers of schemas, by id. Thread-safe.

    :param compiled: makes a reader of a schema; whatever it raises, the schema is unusable.
    :param clock: seconds that never go back.
    """

    def __init__(
        self,
        registry: Registry,
        compiled: Callable[[Definition], SchemaReader],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._registry = registry
        self._compiled = compiled
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._chars = 0
        self._unknown: OrderedDict[Hashable, _NotThere] = OrderedDict()
        self._under_way: dict[Hashable, threading.Event] = {}
        self._holds: deque[float] = deque(maxlen=_HOLDS_A_MINUTE)
        self._due = float("-inf")
        self._failures = 0
        self._retry_at = float("-inf")
        self._reason = ""

    def get(self, schema_id: Hashable) -> SchemaReader | None:
        """Return the reader of a schema; None: there is none of that id.

        :raises DecoderUnavailable: the registry does not answer; or a second look is due.
        """
        with self._lock:
            kept = self._kept.get(schema_id)
            if kept:
                self._kept.move_to_end(schema_id)
                return kept.reader
        with thread_turns.waiting(), asking():
            return self._looked_up(schema_id)

    def _looked_up(self, schema_id: Hashable) -> SchemaReader | None:
        mine, pause = threading.Event(), 0.0
        while True:
            with self._lock:
                kept = self._kept.get(schema_id)
                if kept:
                    return kept.reader
                now = self._clock()
                if self._is_settled(schema_id, now):
                    return None
                under_way = self._under_way.get(schema_id)
                if under_way is None:
                    pause = self._admitted(now)
                    self._under_way[schema_id] = mine
                    break
            under_way.wait()
        try:
            self._sleep(pause)
            return self._asked_for(schema_id)
        finally:
            with self._lock:
                del self._under_way[schema_id]
            mine.set()

    def _is_settled(self, schema_id: Hashable, now: float) -> bool:
        known = self._unknown.get(schema_id)
        if known is None or now >= known.until:
            return False
        if known.is_settled:
            return True
        raise DecoderUnavailable(_SECOND_LOOK)

    def _admitted(self, now: float) -> float:
        """Return for how long a look-up has to wait for its turn."""
        # While it is down it is asked by one thread after another.
        if self._failures and (now < self._retry_at or self._under_way):
            raise DecoderUnavailable(self._reason)
        due = max(self._due, now - _LOOKUPS_AT_ONCE / _LOOKUPS_A_SECOND) + 1 / _LOOKUPS_A_SECOND
        if due - now > _LONGEST_QUEUE_SECONDS:
            raise DecoderUnavailable(_BUSY)
        self._due = due
        return max(0.0, due - now)

    def _asked_for(self, schema_id: Hashable) -> SchemaReader | None:
        chars = 0
        reader: SchemaReader | None = None
        try:
            definition = self._registry.fetch(schema_id)
        except DecoderUnavailable as error:
            self._has_failed(str(error))
            raise
        except SchemaUnusable:
            reader = Unusable()
        except Exception as error:  # noqa: BLE001 - whatever it answered is none of its schemas
            self._has_failed(reason := f"The answer of the schema registry makes no sense ({type(error).__name__}).")
            raise DecoderUnavailable(reason) from None
        else:
            if definition is not None:
                reader = self._made(definition)
                chars = len(definition.text) + sum(map(len, definition.references.values()))
        with self._lock:
            self._failures = 0
            if reader is None:
                self._is_unknown(schema_id)
                return None
            self._unknown.pop(schema_id, None)
            self._kept[schema_id] = _Kept(reader, chars)
            self._chars += chars
            while len(self._kept) > MAX_SCHEMAS or self._chars > _MAX_CHARS:
                self._chars -= self._kept.popitem(last=False)[1].chars
            return reader

    def _made(self, definition: Definition) -> SchemaReader:
        try:
            return self._compiled(definition)
        except Exception:  # noqa: BLE001 - the libraries raise anything at schemas that are none
            return Unusable()

    def _has_failed(self, reason: str) -> None:
        with self._lock:
            self._reason = reason
            self._retry_at = self._clock() + backoff(self._failures, _FIRST_PAUSE, _LONGEST_PAUSE)
            self._failures += 1

    def _is_unknown(self, schema_id: Hashable) -> None:
        now, looked_before = self._clock(), self._unknown.pop(schema_id, None)
        may_hold = len(self._holds) < _HOLDS_A_MINUTE or now - self._holds[0] > UNKNOWN_SECONDS
        holds = self._registry.lags and looked_before is None and may_hold
        pause = SECOND_LOOK_SECONDS if holds else UNKNOWN_SECONDS
        self._unknown[schema_id] = _NotThere(now + pause, is_settled=not holds)
        if len(self._unknown) > _MAX_UNKNOWN:
            self._unknown.popitem(last=False)
        if holds:
            self._holds.append(now)
            raise DecoderUnavailable(_SECOND_LOOK)
