"""What the checks are made of: violations without content, several threads at once, CPU time."""

import functools
import re
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Final, NoReturn, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

_THREADS: Final = 4
_THREAD_SECONDS: Final = 0.1
_SWITCH_SECONDS: Final = 1e-6
# As the guard wants it: a name with more digits looks like content.
_NAME: Final = re.compile(r"[a-z][a-z_]{0,63}(?:[0-9][a-z_]*){0,4}")
_LONGEST_NAME: Final = 64


class Violation(AssertionError):
    """A law was broken; the message says which, and holds no content."""


def law(check: Callable[_P, None]) -> Callable[_P, None]:
    """Turn whatever else a check raises into a Violation that names the exception's class only."""

    @functools.wraps(check)
    def quiet(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            check(*args, **kwargs)
        except (Violation, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - plug-ins may raise anything, with content in it
            raised = type(error).__name__
        else:
            return
        violate(f"nothing is raised; here {raised} was")

    return quiet


def require(fulfilled: object, what: str) -> None:
    """Raise Violation unless it is."""
    if not fulfilled:
        violate(what)


def violate(what: str) -> NoReturn:
    """Raise Violation."""
    message = f"violated: {what}"
    raise Violation(message) from None


def is_name(name: object) -> bool:
    """Whether it can be a label of metrics: lower snake case, at most 64 characters and four digits."""
    return isinstance(name, str) and len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None


def same_in_threads(function: Callable[[_T], object], items: Sequence[_T]) -> bool:
    """Call for each item, over and over, in several threads, which take turns as often as they can; then once alone.

    Gives whether all results for an item are equal. Each thread begins with another item, so that different ones meet;
    what is remembered between calls is new to all of them at once.
    """
    require(items, "there are samples")
    barrier = Barrier(_THREADS)
    numbers = range(len(items))

    def run(thread: int) -> list[list[object]]:
        found: list[list[object]] = [[] for _ in items]
        barrier.wait()
        until = time.monotonic() + _THREAD_SECONDS
        while not found[thread % len(items)] or time.monotonic() < until:
            for number in (*numbers[thread % len(items) :], *numbers[: thread % len(items)]):
                result = function(items[number])
                if result not in found[number]:
                    found[number].append(result)
        return found

    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        with ThreadPoolExecutor(_THREADS) as pool:
            runs = list(pool.map(run, range(_THREADS)))
    finally:
        sys.setswitchinterval(interval)
    alone = [[function(item)] for item in items]
    return all(found == alone for found in runs)


def require_seconds(limit: float, call: Callable[[], object]) -> None:
    """Raise Violation where a call takes more CPU time; what other processes do does not count."""
    began = time.process_time()
    call()
    require(time.process_time() - began <= limit, f"a hostile input takes {limit:g} seconds of CPU at most")
