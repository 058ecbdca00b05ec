"""Reads the Dockerfile as far as the tests ask."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def text() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


def stages() -> dict[str, str]:
    """Return each stage's instructions, one a line, by its name; the last is what is built by default."""
    lines = "\n".join(line for line in text().splitlines() if not line.startswith("#")).replace("\\\n", " ")
    found = re.findall(r"^FROM +(\S+) +AS +(\S+)\n(.*?)(?=^FROM |\Z)", lines, flags=re.MULTILINE | re.DOTALL)
    return {name: f"FROM {origin}\n{body}" for origin, name, body in found}


def instruction(name: str, stage: str | None = None) -> list[str]:
    """Return the arguments of an instruction, in a stage and in those that it is made from, the last first.

    :param stage: None: the last.
    """
    known = stages()
    body = known[stage or list(known)[-1]]
    found = re.findall(rf"^{name}\s+(.*?)\s*$", body, flags=re.MULTILINE)
    origin = body.partition("\n")[0].removeprefix("FROM ")
    return found[::-1] + (instruction(name, origin) if origin in known else [])
