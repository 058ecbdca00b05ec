# noqa: INP001 - a folder of pages, no package
"""The generated tables of docs/metrics.md, from the declarations."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from consumer.metrics.cloudwatch import PUBLISHED
from consumer.metrics.declared import DECLARED, Declared, Group


def _table(group: Group) -> str:
    rows = [
        f"| `{each.name}` | {each.type} | {_labels(each)} | {_help(each)} |" for each in DECLARED if each.group is group
    ]
    return "\n".join(["| metric | type | labels and their bounds | is |", "| --- | --- | --- | --- |", *rows])


def _labels(declared: Declared[Any]) -> str:
    return "; ".join(f"`{label}`: {bound}" for label, bound in declared.labels.items())


def _help(declared: Declared[Any]) -> str:
    condition = f" Shown where {declared.condition}." if declared.condition.startswith("`") else ""
    buckets = f" Buckets: {', '.join(f'{bound:g}' for bound in declared.buckets)}." if declared.buckets else ""
    return f"{declared.help}{condition}{buckets}".replace("|", "\\|")


def _cloudwatch() -> str:
    rows = [f"| `{name}` | {unit} | {text} |" for name, (unit, text) in PUBLISHED.items()]
    return "\n".join(["| metric | unit | is |", "| --- | --- | --- |", *rows])


TABLES: Final[dict[str, Callable[[], str]]] = {
    **{group.value: partial(_table, group) for group in Group},
    "cloudwatch": _cloudwatch,
}
