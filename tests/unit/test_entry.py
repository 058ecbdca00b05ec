"""What lies on PYTHONPATH under the name of a package of ours is told in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; sys.argv = ['sanitizer', '--version']; from kinesis_sanitizer import main; main()"


def version(*folders: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("consumer/__init__.py", "consumer"),
        ("consumer/main.py", "consumer"),
        ("redaction.py", "redaction.py"),
        ("redaction/__init__.py", "redaction"),
    ],
)
def test_what_has_the_name_of_a_package_of_ours_is_named(tmp_path: Path, file: str, what: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    ran = version(tmp_path, ROOT)
    if file == "consumer/main.py" and ran.returncode == 0:
        return  # installed, ours is a package with an __init__.py, which comes before a folder without one
    assert (ran.returncode, ran.stdout) == (2, "")
    (line,) = ran.stderr.splitlines()
    assert line.startswith(f"sanitizer: '{tmp_path / what}' stands before this program's own package")
    assert f"take '{tmp_path}' out of PYTHONPATH" in line


def test_what_has_other_names_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "consumers.py").touch()
    ran = version(tmp_path, ROOT)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("sanitizer, version ")


def test_the_page_has_the_sentence(tmp_path: Path) -> None:
    (tmp_path / "consumer").mkdir()
    (tmp_path / "consumer" / "__init__.py").touch()
    said = version(tmp_path, ROOT).stderr.strip().replace(str(tmp_path), "/srv/app")
    assert f"    {said}\n" in (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
