"""What a command left behind, for tests of the command line; the fixture `run` makes it."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias


class Ran(NamedTuple):
    status: Any
    out: str
    err: str


Run: TypeAlias = Callable[..., Ran]
