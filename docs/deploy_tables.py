# noqa: INP001 - a folder of pages, no package
"""The generated tables of docs/deploy.md: parameters and outputs of the ECS template, and its files of sizes."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

_ECS: Final = Path(__file__).parents[1] / "deploy" / "ecs"
SIZES: Final = ("1k", "10k", "50k")


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's YAML; its functions (`!Ref` ...) stand for nothing here."""


_Loader.add_multi_constructor("!", lambda *_: None)


@cache
def _template() -> dict[str, Any]:
    text = (_ECS / "template.yaml").read_text(encoding="utf-8")
    template: dict[str, Any] = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    return template


def _parameters() -> str:
    lines = ["| parameter | default | is |", "| --- | --- | --- |"]
    for group in _template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        lines.append(f"| **{group['Label']['default']}** | | |")
        lines += [f"| `{name}` | {_default(name)} | {_described(name)} |" for name in group["Parameters"]]
    return "\n".join(lines)


def _default(name: str) -> str:
    parameter = _template()["Parameters"][name]
    if "Default" not in parameter:
        return "you say"
    return f"`{parameter['Default']}`" if parameter["Default"] != "" else ""


def _described(name: str) -> str:
    return " ".join(str(_template()["Parameters"][name]["Description"]).split()).replace("|", "\\|")


def _outputs() -> str:
    rows = [f"| `{name}` | {output['Description']} |" for name, output in _template()["Outputs"].items()]
    return "\n".join(["| output | is |", "| --- | --- |", *rows])


def _sizes() -> str:
    files = [json.loads((_ECS / "parameters" / f"{size}.json").read_text(encoding="utf-8")) for size in SIZES]
    chosen = [file["Parameters"] for file in files]
    named = dict.fromkeys(name for parameters in chosen for name in parameters if any(p.get(name) for p in chosen))
    lines = [f"| | {' | '.join(f'`{size}.json`' for size in SIZES)} |", "| --- | --- | --- | --- |"]
    lines += [f"| `{name}` | {' | '.join(str(p.get(name) or _default(name)) for p in chosen)} |" for name in named]
    return "\n".join(lines)


TABLES: Final[dict[str, Callable[[], str]]] = {"parameters": _parameters, "outputs": _outputs, "sizes": _sizes}
