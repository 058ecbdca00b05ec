# noqa: INP001 - a folder of pages, no package
"""Writes the generated tables, pictures and samples anew, from the code, the templates, and by running them.

    python -m docs.generate [--check]

Tables stand between `<!-- generated: name -->` and `<!-- end -->`. `--check` writes nothing, and ends with status 1 if
something is not up to date; a test does the same.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from consumer.local.transactions import transactions
from docs import (
    accuracy_picture,
    alert_tables,
    architecture_tables,
    command_tables,
    cost_tables,
    demo_tables,
    deploy_tables,
    fault_tables,
    format_tables,
    health_tables,
    metric_tables,
    policy_tables,
    procedure_tables,
    recipe_tables,
    schema_tables,
    setting_tables,
)

_FOLDER: Final = Path(__file__).parent
_MARKED: Final = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

PAGES: Final[Mapping[Path, Mapping[str, Callable[[], str]]]] = {
    _FOLDER.parent / "README.md": demo_tables.TABLES,
    _FOLDER / "architecture.md": architecture_tables.TABLES,
    _FOLDER / "policies.md": policy_tables.TABLES,
    _FOLDER / "commands.md": command_tables.TABLES,
    _FOLDER / "consumers.md": fault_tables.CONSUMERS,
    _FOLDER / "costs.md": cost_tables.TABLES,
    _FOLDER / "deploy.md": {**deploy_tables.TABLES, **cost_tables.SUMMARY},
    _FOLDER / "lambda.md": deploy_tables.OF_THE_FUNCTIONS,
    _FOLDER / "formats.md": format_tables.TABLES,
    _FOLDER / "guarantees.md": fault_tables.GUARANTEES,
    _FOLDER / "metrics.md": metric_tables.TABLES,
    _FOLDER / "procedures.md": procedure_tables.TABLES,
    _FOLDER / "objectives.md": alert_tables.OBJECTIVES,
    _FOLDER / "recipes.md": recipe_tables.TABLES,
    _FOLDER / "runbook.md": {**alert_tables.RUNBOOK, **fault_tables.RUNBOOK, **health_tables.TABLES},
    _FOLDER / "schemas.md": schema_tables.TABLES,
    _FOLDER / "settings.md": setting_tables.TABLES,
    _FOLDER / "upgrading.md": fault_tables.UPGRADING,
}


def _sample() -> str:
    """Return a few made-up transactions; of the first twenty of this seed one is broken, which is cut off."""
    return "".join(f"{each.data.decode()}\n" for each in transactions(2094, 20, published=True))


FILES: Final[Mapping[Path, Callable[[], str]]] = {
    _FOLDER / "img/accuracy.svg": accuracy_picture.picture,
    _FOLDER.parent / "examples/transactions.jsonl": _sample,
}


def generated(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """Return a page with its tables as they should be."""
    return _MARKED.sub(lambda match: f"{match[1]}\n{tables[match[2]]()}\n\n{match[3]}", text)


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or check them."""
    outdated = False
    texts = {page: generated(page.read_text(encoding="utf-8"), tables) for page, tables in PAGES.items()}
    for file, after in (texts | {file: make() for file, make in FILES.items()}).items():
        outdated |= not file.exists() or file.read_text(encoding="utf-8") != after
        if "--check" not in arguments:
            file.write_text(after, encoding="utf-8")
    return int(outdated and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
