# noqa: INP001 - a folder of pages, no package
"""The generated table of docs/lambda.md: parameters of the function's template."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

_FILE: Final = Path(__file__).parents[1] / "deploy" / "lambda" / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's YAML; its functions (`!Ref` ...) stand for nothing here."""


_Loader.add_multi_constructor("!", lambda *_: None)


def _parameters() -> str:
    template: dict[str, Any] = yaml.load(_FILE.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    rows = [
        f"| `{name}` | {_default(parameter)} | {' '.join(str(parameter['Description']).split())} |"
        for name, parameter in template["Parameters"].items()
    ]
    return "\n".join(["| parameter | default | is |", "| --- | --- | --- |", *rows])


def _default(parameter: dict[str, Any]) -> str:
    if "Default" not in parameter:
        return "you say"
    return f"`{parameter['Default']}`" if parameter["Default"] != "" else ""


TABLES: Final[dict[str, Callable[[], str]]] = {"parameters": _parameters}
