"""The worker's state in one word, as the page's head, the tab and its icon say it."""

from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import quote

from consumer.web.health import Reason, Report, Status

START_SECONDS: Final = 180.0
"""A start that takes longer is none: KCL does not get there."""


class State(StrEnum):
    """From the verdicts at /healthz and /readyz, which a start and a stop fail on purpose."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    STARTING = "starting"
    STOPPING = "stopping"


class Look(NamedTuple):
    """What tells a state from the others, also without colours.

    :ivar sign: for the title of the tab.
    :ivar shape: of the icon, an SVG's path on 16 by 16, and `mark`: what stands in it.
    :ivar colour: of the tab's icon, on light and dark alike.
    """

    sign: str
    shape: str
    mark: str
    colour: str
    means: str


_ROUND: Final = "M8 0a8 8 0 1 0 .01 0Z"
LOOKS: Final = {
    State.HEALTHY: Look("\u2713", _ROUND, "M4 8.5l3 3 5.5-6.5", "#15803d", "It is at work, and nothing is in its way."),
    State.DEGRADED: Look(
        "\u25b2",
        "M8 .5L16 15.5H0Z",
        "M8 6v4.5M8 12.6v.4",
        "#b45309",
        "Something is in its way that a new container would not mend. What is not read waits in the stream, for as "
        "long as its retention lasts.",
    ),
    State.DOWN: Look(
        "\u2715",
        "M4.7 0h6.6L16 4.7v6.6L11.3 16H4.7L0 11.3V4.7Z",
        "M5 5l6 6M11 5l-6 6",
        "#b91c1c",
        "It does not work, and /healthz answers 503 so that the container is replaced. What was not stored is read "
        "again, for as long as the stream's retention lasts.",
    ),
    State.STARTING: Look(
        "\u2026", _ROUND, "M4 8h.1M8 8h.1M12 8h.1", "#1d4ed8", "It has not read anything yet: a start takes a while."
    ),
    State.STOPPING: Look(
        "\u25a0",
        "M1 1h14v14H1Z",
        "M5 5h6v6H5Z",
        "#475569",
        "It was asked to stop: it stores what it has, and hands over.",
    ),
}


def state(live: Report, ready: Report, up_for: float) -> State:
    """Tell the state.

    :param up_for: seconds since the worker's start.
    """
    codes = {reason.code for reason in (*live.reasons, *ready.reasons)}
    if "stopping" in codes:
        return State.STOPPING
    if live.status is Status.FAILING:
        return State.STARTING if codes == {"starting"} and up_for < START_SECONDS else State.DOWN
    return State.HEALTHY if live.status is ready.status is Status.OK else State.DEGRADED


def reasons(live: Report, ready: Report) -> tuple[Reason, ...]:
    """Return the reasons of both, each once."""
    return tuple(dict.fromkeys((*live.reasons, *ready.reasons)))


def icon(shown: State) -> str:
    """Return the tab's icon, as an address that holds it."""
    look = LOOKS[shown]
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="{look.colour}" d="{look.shape}"/>'
        f'<path fill="none" stroke="#fff" stroke-width="2" d="{look.mark}"/></svg>'
    )
    return f"data:image/svg+xml,{quote(picture, safe='')}"
