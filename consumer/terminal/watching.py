"""One look after the other: a terminal shows the newest alone, and keeps the last; a pipe gets them all."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from consumer.terminal.console import console
from consumer.terminal.parts import Part, Styled, rendered, show
from consumer.terminal.printable import echo

if TYPE_CHECKING:
    from rich.live import Live


class Looks:
    """Writes looks one below the other, and on stderr why there was none."""

    def show(self, parts: Sequence[Part]) -> None:
        show(*parts)

    def trouble(self, text: str) -> None:
        echo(text, err=True)


class _OnScreen(Looks):
    """Draws a look instead of the one before, and above it why there was no newer one: the end may not fit."""

    def __init__(self, live: "Live") -> None:
        self._live = live
        self.last: Sequence[Part] = ()

    def show(self, parts: Sequence[Part]) -> None:
        self.last = parts
        self._draw(parts)

    def trouble(self, text: str) -> None:
        self._draw([Styled(text, "red"), "", *self.last])

    def _draw(self, parts: Sequence[Part]) -> None:
        from rich.console import Group  # noqa: PLC0415 - see `console`

        self._live.update(Group(*map(rendered, parts)), refresh=True)


@contextmanager
def watching() -> Iterator[Looks]:
    """Give what shows looks until it is left, by Ctrl-C or otherwise."""
    written = console()
    if not written.is_interactive:
        yield Looks()
        return
    from rich.live import Live  # noqa: PLC0415 - see `console`

    # On a screen of its own each look is drawn as a whole, whatever size the terminal has by then.
    live = Live(console=written, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
    drawn = _OnScreen(live)
    try:
        with live:
            yield drawn
    finally:
        show(*drawn.last)
