"""The git hooks: a sound configuration that fetches nothing, and runs what `make check` runs."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / ".pre-commit-config.yaml"


def hooks() -> list[dict[str, Any]]:
    parsed = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    assert {repository["repo"] for repository in parsed["repos"]} == {"local"}
    return [hook for repository in parsed["repos"] for hook in repository["hooks"]]


def test_pre_commit_accepts_the_configuration(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(CONFIGURATION)]
    done = subprocess.run(command, check=False, env=os.environ | {"PRE_COMMIT_HOME": str(tmp_path)})
    assert done.returncode == 0


def test_nothing_is_fetched() -> None:
    assert {hook["language"] for hook in hooks()} == {"system"}


def test_they_run_what_make_check_runs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    check = re.search(r"^check:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert check
    checked = {line.removesuffix(" .") for line in re.findall(r"^\t\$\(BIN\)/(.*)$", check[1], re.MULTILINE)}
    hooked = {hook["entry"].removeprefix(".venv/bin/") for hook in hooks()}
    assert checked - hooked == {"python requirements/audit.py"}  # asks a service, which may be away
    assert hooked <= checked
