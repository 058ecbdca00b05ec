"""One line of progress: written over on a terminal; now and then a line elsewhere."""

import shutil
import sys
import time

import click

SECONDS_WITHOUT_TERMINAL = 5.0


class Progress:
    """Says on stderr what goes on."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = ""
        self._said_at = 0.0

    def say(self, text: str, every: float = 0.0) -> None:
        """Show `text`, at most once in `every` seconds."""
        now = time.monotonic()
        pause = every if self._terminal else max(every, SECONDS_WITHOUT_TERMINAL) * bool(self._last)
        if text == self._last or now - self._said_at < pause:
            return
        self._last, self._said_at = text, now
        if self._terminal:  # a wrapped line could not be written over
            text = text[: shutil.get_terminal_size().columns - 1]
        click.echo(f"\r\033[K{text}" if self._terminal else text, err=True, nl=not self._terminal)

    def end(self) -> None:
        """Leave the line."""
        if self._terminal and self._last:
            click.echo("\r\033[K", err=True, nl=False)
        self._last = ""
