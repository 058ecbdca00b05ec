# noqa: INP001 - a folder of pages, no package
"""The generated table of docs/formats.md: codes of records that were not decoded."""

from collections.abc import Callable
from typing import Final

from consumer.quarantine.codes import DECODING


def _codes() -> str:
    rows = [f"| `{code}` | {advice.means} | {advice.to_do} |" for code, advice in DECODING.items()]
    return "\n".join(["| code | meaning | what to do |", "| --- | --- | --- |", *rows])


TABLES: Final[dict[str, Callable[[], str]]] = {"decoding-codes": _codes}
