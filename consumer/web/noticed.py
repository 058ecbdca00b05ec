"""What the last minutes' metrics say is not as it should be: reasons beside those that the supervisor knows."""

from collections.abc import Iterator
from typing import Final

from consumer.web.health import Reason
from consumer.web.history import LOG_LINES, OUTCOMES, QUARANTINED, View, Window
from consumer.web.numbers import percent

MINUTES: Final = 5
"""What is judged, the middle one of the spans; an error of KCL must also have been within the last minute."""

KCL_ERRORS: Final = 5
"""In so many minutes. KCL logs one for a call that failed, and makes it again; more than one a minute are a state."""

QUARANTINED_SHARE: Final = 0.01
QUARANTINED_LEAST: Final = 10
"""Records in quarantine that are worth a word: a larger share, and as many. The alert SanitizerQuarantining has the
same share; an odd broken record is what the quarantine is for."""

_NAMED: Final = 3


def noticed(view: View) -> tuple[Reason, ...]:
    """Return the reasons; none of them is mended by a new container."""
    return tuple(_reasons(view))


def _reasons(view: View) -> Iterator[Reason]:
    drifting = sorted(path for (path,), value in view.reading.by("sanitizer_field_drift", "path").items() if value)
    if drifting:
        more = f" and {len(drifting) - _NAMED} more" if len(drifting) > _NAMED else ""
        yield Reason("field_drift", f"always redacted, and no longer: {', '.join(drifting[:_NAMED])}{more}")
    if not view.recent:
        return
    minute, recent, _ = view.recent
    if kcl_errors(minute) and (errors := kcl_errors(recent)) > KCL_ERRORS:
        yield Reason("kcl_errors", f"KCL has logged {errors:,.0f} errors in the last {MINUTES} minutes")
    yield from _of_quarantine(recent)


def kcl_errors(window: Window) -> float:
    """Return how many errors KCL logged; not those of records that say that they are aggregates, and are not."""
    return sum(
        count
        for (logger, level), count in window.grown(LOG_LINES).items()
        if level == "ERROR" and not logger.endswith(".AggregatorUtil")
    )


def quarantines_much(window: Window) -> bool:
    """Whether so many of the records went to quarantine that it is worth a word."""
    ended, quarantined = ends(window)
    return quarantined >= QUARANTINED_LEAST and quarantined > QUARANTINED_SHARE * ended


def ends(window: Window) -> tuple[float, float]:
    """Return how many records ended, and how many of them in quarantine."""
    grown = window.grown(OUTCOMES)
    return sum(grown.values()), grown.get(("quarantined",), 0.0)


def _of_quarantine(window: Window) -> Iterator[Reason]:
    codes = {code: count for (code,), count in window.grown(QUARANTINED).items() if count}
    if quarantines_much(window):
        ended, quarantined = ends(window)
        why = sorted(codes.items(), key=lambda each: (-each[1], each[0]))
        named = ", ".join(f"{code} {count:,.0f}" for code, count in why[:_NAMED])
        yield Reason(
            "quarantining",
            f"{quarantined:,.0f} of {ended:,.0f} records went to quarantine in the last {MINUTES} minutes "
            f"({percent(quarantined, ended)}, {60 * quarantined / window.seconds:,.0f} a minute): {named}",
        )
    if leaks := codes.get("leak_suspected"):
        yield Reason(
            "leak_suspected",
            f"the scan of what goes out held back {leaks:,.0f} in the last {MINUTES} minutes; they lie in quarantine",
        )
