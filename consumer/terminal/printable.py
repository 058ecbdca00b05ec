"""Text that gives a terminal no orders: names and values come from records, from files of others, from AWS."""

from typing import Final

import click

from consumer.terminal.console import at_terminal

_KEPT: Final = "\t"
_DELETE: Final = 0x7F  # of ASCII's characters that are not seen the only one that JSON lets pass


def printable(text: str) -> str:
    r"""Return a text whose characters that are not seen, but for tabs and line feeds, are written as JSON has them."""
    return "\n".join(line if line.isprintable() else "".join(map(_shown, line)) for line in text.split("\n"))


def _shown(character: str) -> str:
    if character.isprintable() or character in _KEPT:
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))


def echo(text: str = "", *, err: bool = False) -> None:
    """Write lines for a person on stdout, or on stderr, as they are: a terminal wraps them, and a script reads them."""
    click.echo(printable(text), err=err)


def document(body: bytes) -> bytes:
    """Return a line of JSON for stdout: as it is, but that a terminal gets what is not seen escaped.

    JSON itself lets characters pass that are orders for some terminals.
    """
    if (body.isascii() and _DELETE not in body) or not at_terminal():
        return body
    return printable(body.decode(errors="replace")).encode()
