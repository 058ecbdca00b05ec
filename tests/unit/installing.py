"""Plug-in packages, built and installed as a user would, without a network: into a folder, which is put on the path."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Installed(NamedTuple):
    """A package's source in a folder of its own, and the environment in which it is installed."""

    folder: Path
    environment: dict[str, str]

    def run(self, command: str, stdin: str = "") -> str:
        """Run a shell command in the source's folder; gives what it writes, errors included."""
        ran = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout
        return ran.stdout


def install(source: Path, scratch: Path) -> Installed:
    """Build a copy, since builds leave things behind, with the build tools that are installed already."""
    folder, target = scratch / "source", scratch / "target"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__", ".*_cache"))
    options = ["--quiet", "--offline", "--no-cache", "--no-deps", "--no-build-isolation"]
    uv = [sys.executable, "-m", "uv", "pip", "install", *options, "--python", sys.executable]
    subprocess.run([*uv, "--target", str(target), "."], cwd=folder, check=True, timeout=60, capture_output=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SANITIZER_")}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": str(target),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return Installed(folder, environment)
