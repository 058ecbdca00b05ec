# noqa: INP001 - a folder of pages, no package
"""The generated parts of docs/recipes.md: the programs, and what `python -m benchmarks.installs` measured."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_FIGURES: Final = _ROOT / "benchmarks/installs.json"
_RECIPES: Final = _ROOT / "examples/readers"
_ROWS: Final = {
    "client": "the client alone, with `--no-deps`",
    "base": "`kinesis-sanitizer`",
    "runtime": "`kinesis-sanitizer[worker]`: what the container runs",
    "local": "`kinesis-sanitizer[local]`: with the embedded cloud, and a Java for it",
}


def _installs() -> str:
    found = json.loads(_FIGURES.read_text(encoding="utf-8"))
    figures = found["figures"]
    rows = (
        f"| {title} | {figures[row]['packages']} | {figures[row]['bytes'] / 1e6:.0f} |" for row, title in _ROWS.items()
    )
    table = "\n".join(("| installed | packages beside it | MB |", "| --- | --- | --- |", *rows))
    machine, own = found["machine"], found["own_bytes"] / 1e6
    botocore = machine["versions"]["botocore"]
    return (
        f"{table}\n\n{own:.1f} MB of each are the package itself. Measured by `python -m benchmarks.installs`, "
        f"on Linux, with\nPython {machine['python']}, botocore {botocore}; bytecode comes on top."
    )


def _recipe(file: Path) -> str:
    return f"```python\n{file.read_text(encoding='utf-8')}```"


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "installs": _installs,
    **{file.stem.replace("_", "-"): partial(_recipe, file) for file in sorted(_RECIPES.glob("*.py"))},
}
