"""What `sanitizer doctor` has to say about one thing."""

from typing import Literal, NamedTuple

State = Literal["ok", "warning", "failed", "skipped"]


class Finding(NamedTuple):
    """One thing that was looked at.

    :ivar check: what was looked at, in a word or two.
    :ivar state: ``ok``; ``warning``: it works, for now; ``failed``: it does not; ``skipped``: nobody can tell.
    :ivar text: what is right; or what is wrong, and what to do.
    :ivar exit_status: of the command, where it failed; 2: what is configured is wrong.
    """

    check: str
    state: State
    text: str
    exit_status: int = 1
