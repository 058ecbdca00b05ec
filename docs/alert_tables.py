# noqa: INP001 - a folder of pages, no package
"""The generated tables of docs/runbook.md and docs/objectives.md, from the rules."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

_RULES: Final = Path(__file__).parents[1] / "deploy" / "observability" / "prometheus" / "rules.yml"
_SEVERITIES: Final = ("critical", "warning", "none")
_BUDGET: Final = "objective:sanitizer_late_budget:ratio"
_MONTH_SECONDS: Final = 30 * 86400


@cache
def _rules() -> list[dict[str, Any]]:
    parsed = yaml.safe_load(_RULES.read_text(encoding="utf-8"))
    return [rule for group in parsed["groups"] for rule in group["rules"]]


def _alerts() -> str:
    alerts = sorted(
        (rule for rule in _rules() if "alert" in rule), key=lambda rule: _SEVERITIES.index(rule["labels"]["severity"])
    )
    rows = [
        f"| [{rule['alert']}](#{rule['alert'].lower()}) | {rule['labels']['severity']} "
        f"| {rule.get('for', '')} | {rule['annotations']['summary']} |"
        for rule in alerts
    ]
    return "\n".join(["| alert | severity | for | says |", "| --- | --- | --- | --- |", *rows])


def _objectives() -> str:
    lines = [
        "| durable within a | objective | budget of 30 days, as time in which all is late |",
        "| --- | --- | --- |",
    ]
    for rule in _rules():
        if rule.get("record") == _BUDGET:
            budget = float(rule["expr"].removeprefix("vector(").removesuffix(")"))
            late = budget * _MONTH_SECONDS / 60
            lines.append(f"| {rule['labels']['objective']} | {1 - budget:.1%} | {late / 60:.1f} h ({late:.0f} min) |")
    return "\n".join(lines)


RUNBOOK: Final[dict[str, Callable[[], str]]] = {"alerts": _alerts}
OBJECTIVES: Final[dict[str, Callable[[], str]]] = {"objectives": _objectives}
