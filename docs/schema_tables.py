# noqa: INP001 - a folder of pages, no package
"""The generated table of docs/schemas.md."""

from collections.abc import Callable, Mapping
from typing import Final

from consumer.quarantine.codes import BY_SCHEMA


def _codes() -> str:
    rows = [f"| `{code}` | {advice.means} | {advice.to_do} |" for code, advice in BY_SCHEMA.items()]
    return "\n".join(("| code | meaning | what to do |", "| --- | --- | --- |", *rows))


TABLES: Final[Mapping[str, Callable[[], str]]] = {"schema-codes": _codes}
