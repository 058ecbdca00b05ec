# noqa: INP001 - a folder of pages, no package
"""The generated table of docs/runbook.md: the reasons of /healthz and /readyz, from the code."""

from collections.abc import Callable
from typing import Final

from consumer.web.runbook import REASONS


def _reasons() -> str:
    rows = [
        f"| `{code}` | {entry.means} | {entry.fails} | [what to do](#{entry.section}) |"
        for code, entry in REASONS.items()
    ]
    return "\n".join(["| reason | means | 503 of | |", "| --- | --- | --- | --- |", *rows])


TABLES: Final[dict[str, Callable[[], str]]] = {"reasons": _reasons}
