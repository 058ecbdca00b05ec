"""The only place where rich's consoles are made.

What imports rich does so when it writes: commands that only answer with a line, and the worker, do without it.
"""

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console

_WHOLE_WIDTH: Final = 100_000
"""Of what is no terminal: lines that scripts read are never wrapped."""

_UNKNOWN_WIDTH: Final = 80


def console(*, err: bool = False, whole: bool = False) -> "Console":
    """Return what writes to stdout, or to stderr; where that is no terminal, without colours and in full width.

    NO_COLOR, TERM=dumb and COLUMNS mean what they mean elsewhere. A text is never taken for markup.

    :param whole: lines are as long as they are on a terminal, too, which wraps them.
    """
    from rich.console import Console  # noqa: PLC0415 - 70 ms

    terminal = at_terminal(err=err)
    made = Console(
        stderr=err,
        force_terminal=terminal,
        force_interactive=None if terminal else False,
        force_jupyter=False,
        width=None if terminal and not whole else _WHOLE_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )
    made.width = made.width or _UNKNOWN_WIDTH  # COLUMNS=0
    return made


def width(most: int) -> int:
    """Return how many characters a paragraph's lines may have: `most`, or what stdout's terminal has."""
    import shutil  # noqa: PLC0415 - 4 ms

    return min(most, shutil.get_terminal_size().columns) if at_terminal() else most


def at_terminal(*, err: bool = False) -> bool:
    """Tell whether stdout, or stderr, is a terminal."""
    stream = sys.stderr if err else sys.stdout
    return stream is not None and stream.isatty()
