"""Pauses between tries that grow."""

import random
from typing import Final

_MOST_DOUBLINGS: Final = 32


def backoff(attempt: int, first: float, limit: float, *, factor: float = 2.0) -> float:
    """Return the pause before another try, in seconds: `first` after the first failure, ever more, at most `limit`.

    :param attempt: how many tries have failed before this one, from 0.
    """
    return min(limit, first * factor ** min(attempt, _MOST_DOUBLINGS))


def jittered(seconds: float) -> float:
    """Return something between half of it and all, so that those who failed together do not try again together."""
    return random.uniform(seconds / 2, seconds)  # noqa: S311 - no secret
