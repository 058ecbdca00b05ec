"""Other versions of the worker: a copy of the source tree, or an older revision of it, that workers run instead."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("consumer", "redaction")
OLD_VERSION: Final = "0.0.1"
NEW_VERSION: Final = "0.0.2"


@dataclass(frozen=True)
class Release:
    """A version of the worker that processes can be started from.

    :param folder: holds the packages and the metadata of a distribution with that version.
    :param settings: variables of the environment that its task definition sets.
    """

    version: str
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return the variables with which Python finds it before the checkout, from wherever it is started."""
        return {"PYTHONPATH": str(self.folder), "PYTHONSAFEPATH": "1", **self.settings}

    def change(self, file: str, old: str, new: str) -> None:
        """Replace a text that is in `file` exactly once."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} holds this {text.count(old)} times: {old}"
        path.write_text(text.replace(old, new), encoding="utf-8")


def copied(folder: Path, version: str) -> Release:
    """Return this checkout under another version's number."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return _labelled(folder, tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8")), version)


def from_revision(folder: Path, revision: str) -> Release:
    """Return an older revision, under its own number and its commit's; dependencies are those installed here.

    :raises subprocess.CalledProcessError: there is no such revision.
    """
    commit = _git("rev-parse", "--short", f"{revision}^{{commit}}").decode().strip()
    with tarfile.open(fileobj=io.BytesIO(_git("archive", commit, *PACKAGES, "pyproject.toml"))) as archive:
        archive.extractall(folder, filter="data")
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    return _labelled(folder, project, f"{project['project']['version']}+{commit}")


def text_at(revision: str, path: str) -> str:
    """Return a file as it was.

    :raises subprocess.CalledProcessError: there was none.
    """
    return _git("show", f"{revision}:{path}").decode()


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=True).stdout


def _labelled(folder: Path, pyproject: dict[str, Any], version: str) -> Release:
    """Write the metadata that `importlib.metadata` reads, and see that it is this release that Python finds."""
    project = pyproject["project"]
    groups = {"console_scripts": project["scripts"], **project.get("entry-points", {})}
    metadata = folder / f"kinesis_sanitizer-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
            for group, points in groups.items()
        )
    )
    release = Release(version, folder)
    found = subprocess.run(
        [sys.executable, "-c", "import consumer; print(consumer.__version__, consumer.__file__)"],
        env=os.environ | release.environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert found[0] == version
    assert Path(found[1]).is_relative_to(folder)
    return release
