"""What an install does without is told in one sentence, whichever command misses it."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Collection
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from consumer.extras import MODULES, extra_named

ROOT = Path(__file__).parents[3]
EVERY = MODULES["worker"] | MODULES["local"]
ALL_BUT_WHAT_BOTOCORE_BRINGS = EVERY - {"urllib3"}

# Each command's exit status and what it wrote on stderr, in a process to which modules are not installed.
PROGRAM = """
import contextlib, io, json, sys
missing, setup, commands = json.load(sys.stdin)
sys.modules.update(dict.fromkeys(missing))
exec(setup)
from consumer import cli
ended = []
for words in commands:
    sys.argv, said = ["sanitizer", *words], io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            cli.main()
    except SystemExit as left:
        ended.append([left.code, said.getvalue()])
json.dump(ended, sys.stdout)
"""


def ran(missing: Collection[str], *commands: str, setup: str = "") -> list[Any]:
    given = json.dumps([sorted(missing), setup, [words.split() for words in commands]])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=given, capture_output=True, text=True, check=True, timeout=60, cwd=ROOT
    )
    ended: list[Any] = json.loads(done.stdout)
    return ended


def sentence(extra: str) -> str:
    return f'sanitizer: This command needs the extra "{extra}": pip install "kinesis-sanitizer[{extra}]".\n'


def test_a_command_of_the_worker_names_its_extra() -> None:
    commands = ["run", "doctor", "backfill --help", "quarantine list"]
    assert ran(EVERY, *commands) == [[2, sentence("worker")]] * len(commands)


@pytest.mark.parametrize("missing", [MODULES["local"], EVERY], ids=["local", "both"])
def test_what_needs_the_embedded_cloud_names_one_extra_that_is_enough(missing: frozenset[str]) -> None:
    assert ran(missing, "demo", "local", "local up") == [[2, sentence("local")]] * 3
    for module, words in (("consumer.local", ["prepare"]), ("consumer.local.cloud", ["--alone"])):
        program = (
            f"import runpy, sys\nsys.modules.update(dict.fromkeys({sorted(missing)}))\nsys.argv[1:] = {words}\n"
            f"runpy.run_module({module!r}, run_name='__main__')"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60, cwd=ROOT
        )
        assert (done.returncode, done.stderr) == (2, sentence("local"))


def test_the_rest_needs_no_extra() -> None:
    shown = ["config check", "config show", "config schema", "policy show default", "policy check default"]
    helped = [f"{name} --help" for name in ("audit", "get", "produce", "redact", "status", "tables")]
    commands = ["--help", *shown, *helped]
    assert ran(ALL_BUT_WHAT_BOTOCORE_BRINGS, *commands) == [[0, ""]] * len(commands)


def test_a_defect_is_told_without_an_extra() -> None:
    failing = "from consumer.commands import config\nconfig.config_schema.callback = lambda: {}['4111111111111111']"
    ((status, said),) = ran(ALL_BUT_WHAT_BOTOCORE_BRINGS, "config schema", setup=failing)
    assert status == 1
    assert said.startswith("sanitizer: A defect, KeyError at ")
    assert "4111" not in said


def test_any_other_module_that_is_missing_is_a_defect() -> None:
    with pytest.raises(ModuleNotFoundError), extra_named():
        import no_such_module  # type: ignore[import-not-found]  # noqa: F401, PLC0415
    ((status, said),) = ran(["yaml"], "config")
    assert status == 1
    assert said.startswith("sanitizer: A defect, ModuleNotFoundError at ")


def test_the_modules_are_those_of_the_extras_distributions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = {"consumer", "kinesis_sanitizer", "redaction"}  # the extra `local` names the other
    found = {}
    for extra, requirements in project["optional-dependencies"].items():
        wanted = {normal(re.split(r"[^\w.-]", requirement)[0]) for requirement in requirements}
        found[extra] = {
            module
            for module, distributions in packages_distributions().items()
            if wanted & set(map(normal, distributions)) and module.isidentifier() and not module.startswith("_")
        } - (ours | {"samples"})  # kclpy's examples
    assert found == {extra: set(modules) for extra, modules in MODULES.items()}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
