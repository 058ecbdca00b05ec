"""What commands answer with beside lines: tables, and text with a colour."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import click

from consumer.terminal.console import at_terminal, console
from consumer.terminal.printable import echo, printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table as RichTable
    from rich.text import Text


class Styled(NamedTuple):
    """A text in a style of rich, which a terminal shows."""

    text: str
    style: str


Cell: TypeAlias = str | Styled


class Column(NamedTuple):
    """How a column is set: at least so many characters wide, on which side, under which head."""

    least: int = 0
    side: Literal["left", "right"] = "left"
    head: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in columns; a cell that is too long for a terminal goes on below itself.

    :ivar gap: spaces between two columns.
    :ivar is_whole: rows are never folded: a terminal wraps them, and what is copied from them is whole.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    gap: int = 2
    is_whole: bool = False


_SHORT: Final = 9
"""No column is folded to less than that: a terminal that is narrower wraps the rows, and nothing of them is lost."""

Part: TypeAlias = str | Styled | Table


def headed(heads: Sequence[str], rows: Sequence[Sequence[Cell]], right: Iterable[int] = ()) -> Table:
    """Return a table whose columns are as wide as they have to be.

    :param right: the columns of numbers, which stand on the right.
    """
    numbers = frozenset(right)
    columns = [Column(side="right" if i in numbers else "left", head=head) for i, head in enumerate(heads)]
    return Table(columns, rows)


def show(*parts: Part, err: bool = False) -> None:
    """Write parts on stdout, or on stderr, one below the other."""
    for part in parts:
        if isinstance(part, str):
            echo(part, err=err)
            continue
        whole = isinstance(part, Table) and part.is_whole
        written = console(err=err, whole=whole)
        if at_terminal(err=err):
            written.print(rendered(part), soft_wrap=whole, crop=False)
            continue
        with written.capture() as captured:
            written.print(rendered(part))
        # Cells are filled up to the width of their column, the last one's too.
        click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()), err=err)


def rendered(part: Part) -> "RenderableType":
    """Return a part as rich draws it."""
    return _table(part) if isinstance(part, Table) else _text(part)


def _text(cell: Cell) -> "Text":
    from rich.text import Text  # noqa: PLC0415 - see `console`

    text, style = cell if isinstance(cell, Styled) else (cell, "")
    return Text(printable(text), style=style)


def _table(table: Table) -> "RichTable":
    from rich.table import Table as RichTable  # noqa: PLC0415 - see `console`

    has_heads = any(column.head for column in table.columns)
    drawn = RichTable(
        box=None, show_header=has_heads, header_style="bold", pad_edge=False, padding=(0, table.gap, 0, 0)
    )
    rows = [[_text(cell) for cell in row] for row in table.rows]
    for number, column in enumerate(table.columns):
        head = _text(column.head)
        widest = max([head.cell_len, *(row[number].cell_len for row in rows)])
        least = max(column.least, min(widest, _SHORT))
        drawn.add_column(head, justify=column.side, min_width=least, overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    return drawn
