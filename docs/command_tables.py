# noqa: INP001 - a folder of pages, no package
"""The generated part of docs/commands.md: every command with its --help, from the commands themselves."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from textwrap import indent
from typing import Final

import click

from consumer.cli import cli

_AS_IT_IS: Final = "\b"
"""Before a paragraph of help that click does not wrap."""


def commands(group: click.Group = cli, above: click.Context | None = None) -> Iterator[click.Context]:
    """Yield the context of each command, of a group before its own."""
    context = above or click.Context(group, info_name="sanitizer", help_option_names=["-h", "--help"])
    for name in group.list_commands(context):
        _, command, _ = group.resolve_command(context, [name])
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        yield inner
        if isinstance(command, click.Group):
            yield from commands(command, inner)


def _command(context: click.Context) -> str:
    command = context.command
    level = "##" if context.parent and context.parent.parent is None else "###"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"{level} {context.command_path}", *_paragraphs(command.help or ""), f"    {usage}"]
    rows = [
        f"| `{_cell(record[0])}` | {_cell(record[1])}{_variable(parameter)} |"
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
        and (record := parameter.get_help_record(context))
        and "--help" not in parameter.opts
    ]
    if rows:
        parts.append("\n".join(["| option | meaning |", "| --- | --- |", *rows]))
    if isinstance(command, click.Group):
        parts.append(
            ", ".join(f"[{name}](#sanitizer-{context.info_name}-{name})" for name in command.list_commands(context))
        )
    parts += _examples(command.epilog or "")
    return "\n\n".join(parts)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        as_it_is, inner = paragraph.startswith(_AS_IT_IS), paragraph.removeprefix(_AS_IT_IS).strip("\n")
        yield indent(inner, "    ") if as_it_is else _prose(" ".join(inner.split()))


def _prose(text: str) -> str:
    """Return text in which names of options are seen as such, and nothing is taken for Markdown."""
    return re.sub(r"(?<![\w`-])(--[a-z][\w-]*)", r"`\1`", text.replace("<", "&lt;").replace("*", r"\*"))


def _cell(text: str) -> str:
    return re.sub(" +", " ", text).replace("|", r"\|")


def _variable(parameter: click.Parameter) -> str:
    return f" Variable: `{parameter.envvar}`." if isinstance(parameter.envvar, str) else ""


def _examples(epilog: str) -> Iterator[str]:
    lines = inspect.cleandoc(epilog.replace(_AS_IT_IS, "")).partition("Examples:\n")[2]
    if lines:
        yield "Examples:"
        yield indent(inspect.cleandoc(lines), "    ")


def _page() -> str:
    return "\n\n".join(map(_command, commands()))


TABLES: Final[Mapping[str, Callable[[], str]]] = {"commands": _page}
