"""The audit of what is pinned: it passes over nothing in silence."""

import json
import subprocess
import sys
from typing import Any

import pytest

from requirements import audit

CLEAN = {"name": "one", "version": "1", "vulns": []}
SKIPPED = {"name": "two", "skip_reason": "not found"}
BAD = {"name": "three", "version": "3", "vulns": [{"id": "PYSEC-1", "fix_versions": ["4"]}]}


@pytest.mark.parametrize(
    ("dependencies", "errors", "status", "said"),
    [
        ([CLEAN], "", 0, "1 packages, no known vulnerability"),
        ([CLEAN, BAD, SKIPPED], "", 1, "three 3: PYSEC-1; mended in 4"),
        ([CLEAN, SKIPPED], "", 2, "1 of 2 packages could not be looked up: two"),
        ([], "", 2, "0 of 0"),
        (None, "requests.exceptions.ConnectionError: no name", 2, "cannot be reached"),
        (None, "usage: pip-audit", 1, "pip-audit failed: usage"),
        (None, "", 1, "no output"),
    ],
)
def test_what_is_made_of_an_answer(dependencies: Any, errors: str, status: int, said: str) -> None:
    answer = "" if dependencies is None else json.dumps({"dependencies": dependencies})
    found, lines = audit.report(answer, errors)
    assert found == status
    assert said in lines[0]


@pytest.mark.parametrize(("required", "status"), [(False, 0), (True, 1)])
def test_nobody_to_ask_is_said_loudly(
    required: bool,  # noqa: FBT001 - a parameter
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran = subprocess.CompletedProcess([sys.executable], 1, "", "requests.exceptions.ConnectionError: no name")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ran)
    assert audit.main(["dev.txt"], required=required) == status
    assert "NOT AUDITED" in capsys.readouterr().err
