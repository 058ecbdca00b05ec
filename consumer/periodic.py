"""Does something again and again in a thread of its own."""

import threading
import time
from collections.abc import Callable


class Periodic:
    """Goes on from `start` to `stop`, or for as long as the process lives.

    :param name: of the thread.
    :param seconds: from the end of one round to the beginning of the next.
    :param work: a round; is given the seconds since the last one began, twice the period at most: time in which the
        whole process was asleep says nothing of what it watches.
    :param errors: what a round may raise without an end to it; anything else is a defect, and ends the thread.
    :param failed: is given the first error of several rounds in a row.
    """

    def __init__(
        self,
        name: str,
        seconds: float,
        work: Callable[[float], object],
        *,
        errors: tuple[type[Exception], ...] = (),
        failed: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._work = work
        self._errors = errors
        self._failed = failed
        self._is_failing = False
        self._is_over = False
        self._woken = threading.Event()

    def start(self, *, at_once: bool = False) -> None:
        """Begin, with a round or with a pause."""
        if at_once:
            self._woken.set()
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def wake(self) -> None:
        """Begin the next round now."""
        self._woken.set()

    def stop(self) -> None:
        """Begin no further round; one that is under way ends by itself."""
        self._is_over = True
        self._woken.set()

    def _run(self) -> None:
        before = time.monotonic()
        while True:
            self._woken.wait(self._seconds)
            self._woken.clear()
            if self._is_over:
                return
            now = time.monotonic()
            passed, before = min(now - before, 2 * self._seconds), now
            self.round(passed)

    def round(self, passed: float) -> None:
        """Do it once.

        :param passed: seconds since the last round began.
        """
        try:
            self._work(passed)
        except self._errors as error:
            if not self._is_failing:
                self._failed(error)
            self._is_failing = True
        else:
            self._is_failing = False
