"""The jars that KCL's daemon runs on: the list of them, and whether a folder holds these and no others.

`jars.txt` is the one list: what `make setup` and the image install, what the start accepts, what the bill of materials
names and the audit asks about. amazon-kclpy downloads others, unchecked; `fetch_jars` brings the listed.
"""

import hashlib
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from consumer.errors import StartError

LIST: Final = Path(__file__).with_name("jars.txt")
CORE: Final = "amazon-kinesis-client"
REMEDY: Final = "run `python -m consumer.kcl.jvm.fetch_jars`"
_NAMED: Final = 3
"""So many files are named, of each kind, in a message."""


class Jar(NamedTuple):
    """A jar by its Maven coordinates, and its hash in hexadecimal."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """The name of its file, wherever it lies."""
        return f"{self.artifact}-{self.version}.jar"


def listed(file: Path | None = None) -> list[Jar]:
    """Return the jars of a list of lines `group:artifact:version sha256`; by default the one that counts."""
    lines = (file or LIST).read_text(encoding="ascii").splitlines()
    return [Jar(*re.split("[: ]", line)) for line in lines if not line.startswith("#")]


def version() -> str:
    """Return the version of the Kinesis Client Library that is listed, and so the one that runs."""
    return next(jar.version for jar in listed() if jar.artifact == CORE)


def folder() -> Path:
    """Return the folder of the jars, which are the listed ones.

    :raises StartError: they are not, or amazon-kclpy is not installed.
    """
    found = installed()
    if found is None:
        msg = "The package amazon-kclpy, which holds KCL's jars, is not installed: install kinesis-sanitizer[worker]."
        raise StartError(msg)
    differences = compare(hashes(found))
    if differences:
        msg = f"KCL's jars in {found} are not those that this version is made for ({differences}): {REMEDY}."
        raise StartError(msg)
    return found


def installed() -> Path | None:
    """Return the folder of the jars in the installed amazon-kclpy; None: it is not installed."""
    spec = importlib.util.find_spec("amazon_kclpy")  # found, not imported: it is no business of most processes
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) / "jars" if places else None


def hashes(place: Path) -> dict[str, str]:
    """Return the SHA-256 of each jar in a folder, by file name."""
    return {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in place.glob("*.jar")}


def compare(found: Mapping[str, str]) -> str:
    """Say in a few words how jars, the hash of each by file name, differ from the listed; empty: not at all."""
    expected = {jar.file: jar.sha256 for jar in listed()}
    kinds = {
        "missing": expected.keys() - found.keys(),
        "not listed": found.keys() - expected.keys(),
        "changed": {name for name in expected.keys() & found.keys() if expected[name] != found[name]},
    }
    return "; ".join(f"{len(names)} {kind}: {_few(names)}" for kind, names in kinds.items() if names)


def _few(names: set[str]) -> str:
    return ", ".join(sorted(names)[:_NAMED]) + (", …" if len(names) > _NAMED else "")
