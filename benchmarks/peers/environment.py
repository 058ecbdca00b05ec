"""An environment for the peers in Python: one ties botocore to a few releases, which must not be the worker's."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

REQUIREMENTS: Final = Path(__file__).parents[2] / "requirements" / "peers.txt"


class NotInstalled(Exception):
    """The environment could not be made; the message says why, in a few words."""


def make(folder: Path) -> Path:
    """Install what `requirements/peers.txt` locks into a new environment; return its Python.

    :raises NotInstalled: there is no uv, or a package could not be had.
    """
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise NotInstalled("uv is missing; it comes with the development requirements")
    python = folder / "bin" / "python"
    for command in (
        (uv, "venv", "--quiet", "--python", sys.executable, str(folder)),
        (uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(REQUIREMENTS)),
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.stderr.write(done.stderr)
            raise NotInstalled("its packages could not be installed; stderr says why")
    return python
