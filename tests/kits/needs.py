"""What a test needs of the machine: there, or the test is skipped; where it counts, in CI, it fails."""

import os
import shutil
from typing import NoReturn

import pytest

from redaction.compiled import VARIABLE, installed


def needs(program: str, package: str) -> str:
    """Return where a program is that the test starts.

    :param package: Debian's, which has it.
    """
    found = shutil.which(program)
    if found is None:
        lacks(f"{program} is not installed (Debian: apt-get install {package})")
    return found


def needs_native() -> None:
    """End the test where the compiled part is not there, or left out: where there is a cargo, it should be there."""
    if os.environ.get(VARIABLE) == "off":
        pytest.skip(f"{VARIABLE} is off")
    if installed() is None:
        if shutil.which("cargo"):
            lacks("the compiled part of the engine is not installed (`make setup` builds it)")
        pytest.skip("the compiled part of the engine is not installed, and there is no cargo")


def lacks(what: str) -> NoReturn:
    """End the test: this machine lacks what it needs."""
    if os.environ.get("CI"):
        pytest.fail(f"in CI nothing is skipped: {what}", pytrace=False)
    pytest.skip(what)
