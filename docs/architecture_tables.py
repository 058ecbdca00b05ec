# noqa: INP001 - a folder of pages, no package
"""The generated tables of docs/architecture.md, from the code's own docstrings and import contracts."""

import ast
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]


def purpose(module: str) -> str:
    """Return the first sentence of a module's docstring."""
    path = _ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def floors(container: str) -> list[list[str]]:
    """Return the packages of a container, floor by floor from the top, as the import contract has them."""
    contracts = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(each["layers"] for each in contracts["contracts"] if each.get("containers") == [container])
    return [[name.strip(" ()") for name in layer.split("|")] for layer in layers]


def _table(container: str) -> str:
    rows = [
        f"| {number} | `{container}/{_shown(container, name)}` | {purpose(f'{container}.{name}')} |"
        for number, floor in enumerate(floors(container), start=1)
        for name in floor
    ]
    return "\n".join(["| floor | is | why |", "| --- | --- | --- |", *rows])


def _shown(container: str, name: str) -> str:
    return f"{name}/" if _ROOT.joinpath(container, name).is_dir() else f"{name}.py"


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "consumer": lambda: _table("consumer"),
    "redaction": lambda: _table("redaction"),
}
