"""What goes on, on stderr: one line that is written over on a terminal; elsewhere a line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from consumer.terminal.console import at_terminal, console
from consumer.terminal.printable import echo, printable

if TYPE_CHECKING:
    from rich.live import Live
    from rich.spinner import Spinner

SECONDS_WITHOUT_TERMINAL: Final = 5.0


class Progress:
    """A context manager that leaves the line, too.

    :param always: also say it where stderr is no terminal.
    """

    def __init__(self, *, always: bool = True) -> None:
        self._always = always
        self._live: Live | None = None
        self._spinner: Spinner
        self._last = ""
        self._said_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def say(self, text: str) -> None:
        """Show a text instead of the one before."""
        if not at_terminal(err=True):
            if self._always:
                self._write(text)
            return
        from rich.live import Live  # noqa: PLC0415 - see `console`
        from rich.spinner import Spinner  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        if self._live is None:
            written = console(err=True)
            if not written.is_interactive:  # TERM=dumb cannot write over a line
                self._write(text)
                return
            name = "dots" if written.encoding.startswith("utf") else "line"
            self._spinner = Spinner(name, Text(printable(text)))
            self._live = Live(
                self._spinner, console=written, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._live.start(refresh=True)
        self._spinner.update(text=Text(printable(text)))

    def end(self) -> None:
        """Leave the line, before anything else is written."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        self._last = ""

    def _write(self, text: str) -> None:
        now = time.monotonic()
        if text == self._last or (self._last and now - self._said_at < SECONDS_WITHOUT_TERMINAL):
            return
        self._last, self._said_at = text, now
        echo(text, err=True)


@contextmanager
def bar(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Draw on a terminal how much of something is done; elsewhere nothing.

    :param total: about; None: nobody knows.
    :return: what is told of each step how large it was.
    """
    if not at_terminal(err=True):
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bars  # noqa: PLC0415

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    written = console(err=True)
    with Bars(
        *columns,
        console=written,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not written.is_interactive,
    ) as bars:
        task = bars.add_task(printable(label), total=total)
        yield lambda step: bars.advance(task, step)
