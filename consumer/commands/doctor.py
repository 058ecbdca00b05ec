"""`sanitizer doctor`."""

import json
import sys
from pathlib import Path
from typing import Final

import click

from consumer.commands.options import json_option
from consumer.doctor.examination import Doctor
from consumer.doctor.finding import Finding
from consumer.terminal.options import config_option, examples
from consumer.terminal.parts import Column, Styled, Table, show
from consumer.terminal.printable import echo

_STYLES: Final = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": ""}
_COLUMNS: Final = (Column(8), Column(14), Column())


@click.command(
    epilog=examples(
        "sanitizer doctor --config worker.yaml",
        "docker exec worker sanitizer doctor",
        "sanitizer doctor --json | jq '.[] | select(.state != \"ok\")'",
    )
)
@config_option
@json_option
def doctor(config: Path | None, *, as_json: bool) -> None:
    """Look at everything that the worker needs, and say what is wrong and what to do.

    Run it where and as whom the worker runs: permissions are those of the role in use. Each is tried without effect:
    reads ask for one item at most, writes have a condition that never holds, and a batch deletes a made-up key.

    Exit status: 0 nothing failed (there may be warnings), 1 something did, 2 settings, policy or region are wrong.
    """
    examination = Doctor(config)
    findings = []
    for finding in examination.examine():
        findings.append(finding)
        if not as_json:
            show(_line(finding))  # at once: some take a while
    if as_json:
        click.echo(json.dumps([{"check": each.check, "state": each.state, "text": each.text} for each in findings]))
    else:
        echo(_summary(findings))
    sys.exit(examination.exit_status)


def _line(finding: Finding) -> Table:
    row = Styled(finding.state, _STYLES[finding.state]), finding.check, finding.text
    return Table(_COLUMNS, [row], gap=1)


def _summary(findings: list[Finding]) -> str:
    failed, warned = (sum(each.state == state for each in findings) for state in ("failed", "warning"))
    if not failed and not warned:
        return "Nothing is wrong."
    return f"{failed} failed, {warned} warned."
