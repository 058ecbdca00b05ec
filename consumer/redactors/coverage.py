"""How much of each field is redacted, for people who want proof, and an alarm where that changes.

The built-in redactor counts by path; a pipeline process carries the counts into its metrics every `POLL_SECONDS`.
"""

import threading
import time
from collections.abc import Iterable
from typing import Final

from consumer.logs import Logger
from consumer.metrics import Metrics
from consumer.redactors.field_labels import ODD_NAME, OTHER, PERIOD_SECONDS, NamesOf, Recurring, shown
from redaction.engine import Coverage, PolicyRedactor

POLL_SECONDS: Final = PERIOD_SECONDS
UNKNOWN_LOG_SECONDS: Final = 3600.0
"""A path with unknown fields is logged at most so often, by each process."""

TRUSTED_VALUES: Final = 1000
TRUSTED_PERCENT: Final = 99
CLEAN_VALUES: Final = 500

_MAX_FIELDS: Final = 20_000
"""More than the redactor remembers; beyond it what that has forgotten is forgotten here."""

Path = tuple[str, ...]


class Drift:
    """Tells when one field, whose values were always redacted, is redacted no longer.

    A field is trusted to hold sensitive data once, of the last 1,000 values or more, 99 % were redacted. It drifts
    when 500 values in a row are not; it has recovered when of 500 values or more 99 % are again.
    """

    __slots__ = ("_redacted", "_run", "_run_redacted", "_seen", "drifts")

    def __init__(self) -> None:
        self.drifts = False
        self._seen = self._redacted = 0  # what trust rests on
        self._run = self._run_redacted = 0  # what is held against it: clean values, or those since it drifts

    def feed(self, seen: int, redacted: int) -> bool:
        """Take in so many further values; return whether `drifts` changed.

        Of values fed together it is not known which came first: one that was redacted ends the run of clean ones.
        """
        before = self.drifts
        self._run += seen
        self._run_redacted += redacted
        if self.drifts:
            if self._run >= CLEAN_VALUES:
                self.drifts = not _mostly(self._run, self._run_redacted)
                self._run = self._run_redacted = 0
        elif redacted == 0 and self._seen >= TRUSTED_VALUES and _mostly(self._seen, self._redacted):
            if self._run >= CLEAN_VALUES:
                self.drifts = True
                self._run = self._run_redacted = 0
        else:
            self._remember()
        return self.drifts != before

    def _remember(self) -> None:
        self._seen += self._run
        self._redacted += self._run_redacted
        self._run = self._run_redacted = 0
        if self._seen >= 2 * TRUSTED_VALUES:  # the older half fades
            self._redacted = self._redacted * TRUSTED_VALUES // self._seen
            self._seen = TRUSTED_VALUES


def _mostly(seen: int, redacted: int) -> bool:
    return redacted * 100 >= seen * TRUSTED_PERCENT


class _Field:
    """What is known of one path.

    :param path: as it may be shown. :param is_chosen: whether a sender's names are in that.
    :ivar label: as it is shown for now.
    """

    __slots__ = ("_redacted", "_seen", "_seen_before", "drift", "is_chosen", "label", "path")

    def __init__(self, path: str, is_chosen: bool) -> None:  # noqa: FBT001
        self.path = path
        self.is_chosen = is_chosen
        self.label = OTHER
        self.drift = Drift()
        self._seen = self._redacted = 0
        self._seen_before = 0

    def added(self, seen: int, redacted: int) -> tuple[int, int]:
        """Return how many values came between the last two polls, and how many of them were redacted.

        :param seen: how many there were until now.
        :param redacted: how often something in them was redacted, until now; each item of a list counts.
        """
        if seen < self._seen_before:  # the redactor had forgotten the path, and counts it anew
            self._seen = self._seen_before = self._redacted = 0
        new = max(0, self._seen_before - self._seen)
        new_redacted = max(0, min(new, redacted - self._redacted))
        self._seen, self._seen_before = self._seen_before, seen
        # What is left over may belong to the values that are not taken in yet, but to no later ones.
        self._redacted = max(self._redacted + new_redacted, redacted - max(0, seen - self._seen))
        return new, new_redacted


class FieldCoverage:
    """Carries a redactor's counts into metrics and log.

    :param redactor: counts from its start on.
    """

    def __init__(self, redactor: PolicyRedactor, metrics: Metrics, log: Logger) -> None:
        self._redactor = redactor
        self._metrics = metrics
        self._log = log
        self._names = NamesOf([redactor.policy])
        self._unknown_is_released = redactor.policy.unknown_fields in {"release", "mask"}
        self._labels = Recurring()
        self._fields: dict[Path, _Field] = {}
        self._drifting: dict[str, int] = {}
        self._unknown: dict[str, int] = {}
        self._logged_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def flush(self) -> None:
        """Take in all that was counted; for when nothing is counted any more."""
        self.poll_safely()
        self.poll_safely()

    def poll_safely(self) -> None:
        """Poll now; log a defect and go on: records are worth more than their statistics."""
        try:
            self.poll(time.monotonic())
        except Exception as error:  # noqa: BLE001
            self._log.error("coverage.failed", exc_info=error)

    def poll(self, now: float) -> None:
        """Take in what was counted until the poll before this one: a value is counted before it is redacted.

        :param now: seconds on a clock that never goes back.
        """
        with self._lock:
            entries = _by_path(self._redactor.coverage())
            for path, entry in entries.items():
                self._take_in(path, entry, now)
            if len(self._fields) > _MAX_FIELDS:
                self._fields = {path: field for path, field in self._fields.items() if path in entries}
            self._log_unknown(now)

    def _take_in(self, path: Path, entry: Coverage, now: float) -> None:
        field = self._fields.get(path)
        if field is None:
            field = self._fields[path] = _Field(*self._shown(path, entry.known))
        seen, redacted = field.added(entry.seen, entry.redacted)
        if not seen:
            return
        label = self._labels(field.path, seen, is_chosen=field.is_chosen, now=now)
        if field.drift.drifts:  # its end is shown where its beginning was
            label = field.label
        field.label = label
        # A field on the way to known ones is unknown too, but nothing is done to it.
        self._count(label, "redacted" if entry.known else "unknown", redacted)
        self._count(label, "released", seen - redacted)
        if redacted and not entry.known:
            self._unknown[label] = self._unknown.get(label, 0) + redacted
        if field.drift.feed(seen, redacted):
            self._show_drift(label, 1 if field.drift.drifts else -1)

    def _count(self, label: str, result: str, count: int) -> None:
        if count:
            self._metrics.field_values.labels(label, result).inc(count)

    def _show_drift(self, label: str, change: int) -> None:
        # Several paths may share a label.
        self._drifting[label] = self._drifting.get(label, 0) + change
        self._metrics.field_drift.labels(label).set(1 if self._drifting[label] else 0)
        if change > 0:
            self._log.error("field.no_longer_redacted", field=label)
        else:
            self._log.warning("field.redacted_again", field=label)

    def _log_unknown(self, now: float) -> None:
        for label, count in list(self._unknown.items()):
            logged_at = self._logged_at.get(label)
            if logged_at is None or now - logged_at >= UNKNOWN_LOG_SECONDS:
                self._log.warning("field.unknown", field=label, count=count)
                self._logged_at[label] = now
                del self._unknown[label]

    def _shown(self, path: Path, known: bool) -> tuple[str, bool]:  # noqa: FBT001
        """Show the names of a path, but none that the policy does not let out; and whether it holds none of them."""
        names = []
        is_chosen = False
        for depth, name in enumerate(path, start=1):
            is_last = depth == len(path)
            is_own = self._names.are_written(name)
            may_show = is_own or (
                (known or self._unknown_is_released or not is_last) and not self._names.never_released(path[:depth])
            )
            names.append(shown(name) if may_show else ODD_NAME)
            is_chosen = is_chosen or (names[-1] != ODD_NAME and not is_own)
        return ".".join(names), is_chosen


def _by_path(entries: Iterable[Coverage]) -> dict[Path, Coverage]:
    """Sum up by path as it is released: two names may be redacted to the same one."""
    sums: dict[Path, Coverage] = {}
    for entry in entries:
        path = tuple(entry.path)
        if path in sums:
            other = sums[path]
            entry = Coverage(  # noqa: PLW2901
                path, entry.seen + other.seen, entry.redacted + other.redacted, entry.known and other.known
            )
        sums[path] = entry
    return sums
