# noqa: INP001 - a folder of pages, no package
"""The generated tables of docs/deploy.md: parameters, outputs and alarms of the ECS stacks, and the files of sizes."""

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import yaml

_ECS: Final = Path(__file__).parents[1] / "deploy" / "ecs"
SIZES: Final = ("1k", "10k", "50k")
TEMPLATES: Final = ("data", "service", "operators", "alarms", "network")


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's YAML; its functions (`!Ref` ...) stand for nothing here."""


_Loader.add_multi_constructor("!", lambda *_: None)


@cache
def _template(name: str) -> dict[str, Any]:
    text = (_ECS / f"{name}.yaml").read_text(encoding="utf-8")
    template: dict[str, Any] = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    return template


def _parameters(template: str) -> str:
    lines = ["| parameter | default | is |", "| --- | --- | --- |"]
    for group in _template(template)["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        lines.append(f"| **{group['Label']['default']}** | | |")
        lines += [
            f"| `{name}` | {_default(template, name)} | {_described(template, name)} |" for name in group["Parameters"]
        ]
    return "\n".join(lines)


def _default(template: str, name: str) -> str:
    parameter = _template(template)["Parameters"][name]
    if "Default" not in parameter:
        return "you say"
    return f"`{parameter['Default']}`" if parameter["Default"] != "" else ""


def _described(template: str, name: str) -> str:
    return " ".join(str(_template(template)["Parameters"][name]["Description"]).split()).replace("|", "\\|")


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
            values = [str(p.get(name) or _default(template, name)) for p in chosen]
            lines.append(f"| {template} | `{name}` | {' | '.join(values)} |")
    return "\n".join(lines)


TABLES: Final[dict[str, Callable[[], str]]] = {
    **{f"parameters-{name}": partial(_parameters, name) for name in TEMPLATES},
    "outputs": _outputs,
    "alarms": _alarms,
    "sizes": _sizes,
}
