# noqa: INP001 - a folder of pages, no package
"""The generated tables of docs/deploy.md, of the ECS stacks and the files of sizes; and that of docs/lambda.md."""

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import yaml

_ECS: Final = Path(__file__).parents[1] / "deploy" / "ecs"
_LAMBDA: Final = _ECS.parent / "lambda" / "template.yaml"
SIZES: Final = ("1k", "10k", "50k")
TEMPLATES: Final = ("data", "service", "operators", "alarms", "network")


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's YAML; its functions (`!Ref` ...) stand for nothing here."""


_Loader.add_multi_constructor("!", lambda *_: None)


@cache
def _read(file: Path) -> dict[str, Any]:
    template: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    return template


def _template(name: str) -> dict[str, Any]:
    return _read(_ECS / f"{name}.yaml")


def _parameters(template: dict[str, Any]) -> str:
    groups = template.get("Metadata", {}).get("AWS::CloudFormation::Interface", {}).get("ParameterGroups")
    lines = ["| parameter | default | is |", "| --- | --- | --- |"]
    for group in groups or [{"Parameters": template["Parameters"]}]:
        if "Label" in group:
            lines.append(f"| **{group['Label']['default']}** | | |")
        for name in group["Parameters"]:
            described = " ".join(str(template["Parameters"][name]["Description"]).split()).replace("|", "\\|")
            lines.append(f"| `{name}` | {_default(template, name)} | {described} |")
    return "\n".join(lines)


def _default(template: dict[str, Any], name: str) -> str:
    parameter = template["Parameters"][name]
    if "Default" not in parameter:
        return "you say"
    return f"`{parameter['Default']}`" if parameter["Default"] != "" else ""


def _outputs() -> str:
    rows = [
        f"| {template} | `{name}` | {output['Description']} |"
        for template in TEMPLATES
        for name, output in _template(template).get("Outputs", {}).items()
    ]
    return "\n".join(["| stack | output | is |", "| --- | --- | --- |", *rows])


def _alarms() -> str:
    rows = []
    for name, resource in _template("alarms")["Resources"].items():
        described = resource["Properties"].get("AlarmDescription")
        if described is not None:
            whom = "pages" if name.endswith("Alarm") else "tells"
            rows.append(f"| `{name}` | {whom} | {_linked(' '.join(described.split()))} |")
    return "\n".join(["| alarm | | when |", "| --- | --- | --- |", *rows])


def _linked(text: str) -> str:
    said, _, section = text.removesuffix(".").partition(" Runbook: ")
    return f"{said} [Runbook](runbook.md#{section.lower()})" if section else text


def _sizes() -> str:
    lines = [f"| stack | | {' | '.join(f'`{size}`' for size in SIZES)} |", "| --- | --- | --- | --- | --- |"]
    for template in ("data", "service"):
        files = [_ECS / "parameters" / size / f"{template}.json" for size in SIZES]
        chosen = [json.loads(file.read_text(encoding="utf-8"))["Parameters"] for file in files]
        named = dict.fromkeys(name for parameters in chosen for name in parameters if any(p.get(name) for p in chosen))
        for name in named:
            values = [str(p.get(name) or _default(_template(template), name)) for p in chosen]
            lines.append(f"| {template} | `{name}` | {' | '.join(values)} |")
    return "\n".join(lines)


TABLES: Final[dict[str, Callable[[], str]]] = {
    **{f"parameters-{name}": partial(_parameters, _template(name)) for name in TEMPLATES},
    "outputs": _outputs,
    "alarms": _alarms,
    "sizes": _sizes,
}

OF_THE_FUNCTIONS: Final[dict[str, Callable[[], str]]] = {"parameters": partial(_parameters, _read(_LAMBDA))}
