"""The functions' template: linted, nothing skipped silently, no raw record beside the stream."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]

FILE = Path(__file__).resolve().parents[2] / "deploy/lambda/template.yaml"


@cache
def resources() -> dict[str, dict[str, Any]]:
    template: dict[str, Any] = cfn_yaml.load(str(FILE))
    return {name: dict(each["Properties"]) for name, each in template["Resources"].items()}


def test_cfn_lint_has_nothing_to_say() -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    ran = subprocess.run([lint, FILE], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_nothing_is_skipped_silently() -> None:
    mapping = resources()["Mapping"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRecordAgeInSeconds"] == -1
    template = cfn_yaml.load(str(FILE))
    assert template["Parameters"]["MaximumRetryAttempts"]["Default"] == -1
    assert "FilterCriteria" not in mapping  # what it filters out counts as done


def test_the_destination_holds_no_records() -> None:
    """Lambda writes the whole batch to a bucket, and metadata alone to a queue."""
    target = resources()["Mapping"]["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"]
    assert cfn_yaml.load(str(FILE))["Resources"][target[0]]["Type"] == "AWS::SQS::Queue"


def test_the_handler_is_there_and_has_the_time_it_needs() -> None:
    module, _, function = resources()["Function"]["Handler"].rpartition(".")
    ran = subprocess.run(
        [sys.executable, "-c", f"from {module} import {function}"], cwd=FILE.parents[2], check=False, timeout=60
    )
    assert ran.returncode == 0
    assert resources()["Function"]["Timeout"] == 60
