"""The documentation as a site, built for tests."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

# Nobody is connected to: what the site needs is in the repository, and in packages.
_BUILD: Final = "import socket; socket.socket.connect = None; from mkdocs.__main__ import cli; cli()"


def built(folder: Path) -> Path:
    """Build it into `folder`, which is returned."""
    command = [sys.executable, "-c", _BUILD, "build", "--quiet", "--strict", "--site-dir", str(folder)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert ran.returncode == 0, ran.stderr
    return folder
