# noqa: INP001 - a folder of pages, no package
"""The generated tables and the picture of docs/architecture.md, from the code's own docstrings and import contracts."""

import ast
import tomllib
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_WAY: Final = ("kcl", "pipeline", "decoding", "redactors", "sinks", "quarantine", "dynamodb", "kinesis")
"""Packages that a record passes."""

_WIDTH, _ROW, _GAP, _TOP = 1200, 74, 10, 60
_STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#1f2328}.name{font-weight:600;font-size:14px}.title{font-size:15px}"
    ".box{fill:#f6f8fa;stroke:#afb8c1}.way{fill:#ddf4ff;stroke:#0969da}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.box{fill:#161b22;stroke:#3d444d}"
    ".way{fill:#0d2d4f;stroke:#58a6ff}}"
)


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


def picture() -> str:
    """Return the floors of `consumer` as SVG, with the packages that a record passes marked."""
    rows = floors("consumer")
    body = [f'<text class="title" x="16" y="26">{_TITLE}</text>']
    for number, floor in enumerate(rows):
        width = (_WIDTH - 32 - _GAP * (len(floor) - 1)) / len(floor)
        for place, name in enumerate(floor):
            body += _box(16 + place * (width + _GAP), _TOP + number * (_ROW + _GAP), width, name)
    height = _TOP + len(rows) * (_ROW + _GAP) + 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{_TITLE}"><style>{_STYLE}</style>\n' + "\n".join(body) + "\n</svg>\n"
    )


_TITLE: Final = "consumer: each floor imports only those below it; blue: what a record passes"


def _box(left: float, top: float, width: float, name: str) -> Sequence[str]:
    kind = "way" if name in _WAY else "box"
    text = purpose(f"consumer.{name}").replace("`", "")
    rows = wrap(text, max(12, int((width - 20) / 6.3)), max_lines=3, placeholder=" …")
    lines = [
        f'<text x="{left + 10:.0f}" y="{top + 36 + 15 * line:.0f}">{escape(row)}</text>'
        for line, row in enumerate(rows)
    ]
    return (
        f'<rect class="{kind}" x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{_ROW}" rx="6"/>',
        f'<text class="name" x="{left + 10:.0f}" y="{top + 19:.0f}">{name}</text>',
        *lines,
    )


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "consumer": lambda: _table("consumer"),
    "redaction": lambda: _table("redaction"),
}
