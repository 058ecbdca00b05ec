"""Writes THIRD-PARTY-NOTICES: what others made of what the image holds, its licences, and their texts, each once.

    python -m deploy.image.notices > THIRD-PARTY-NOTICES

From what is installed: the packages that requirements/runtime.txt lists, KCL's jars, and the crates that cargo has.
Fails where a component is under no accepted licence (deploy/image/spdx.py) or has no text of it. The same input gives
the same bytes.
"""

import argparse
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.image import parts, spdx

ROOT: Final = Path(__file__).parents[2]
TEXTS: Final = Path(__file__).with_name("licences")
REQUIREMENTS: Final = ROOT / "requirements" / "runtime.txt"
TARGET: Final = "x86_64-unknown-linux-gnu"
LINE: Final = "=" * 100
HEAD: Final = """\
Third-party notices of kinesis-sanitizer

kinesis-sanitizer itself is under the Apache License 2.0 (LICENSE). Its image, and an environment into which it is
installed with all extras of a worker, hold what is listed here, under licences of its own. The number behind each
component is that of a text below. Where a component offers a choice of licences, it is taken under the first of these:
{accepted}.
The source of each is where its package comes from: the Python Package Index, Maven Central, Rust's registry of crates.

The image holds besides, with their licences in it:

  Debian's packages, tini             /usr/share/doc/*/copyright
  OpenJDK (Java)                      /usr/share/doc/openjdk-25-jdk-headless/copyright
  CPython, where it is no package     /usr/local/lib/python3.*/LICENSE.txt
  what is compiled into packages      /opt/sanitizer/lib/python3.*/site-packages/*.dist-info/sboms, where they say it
"""


class NoticesError(Exception):
    """What is missing or not accepted, as a sentence for a person."""


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--packages", type=Path, help="site-packages, of which all counts; default: of this Python the listed"
    )
    parser.add_argument("--jars", type=Path, help="folder of KCL's jars; default: amazon-kclpy's")
    parser.add_argument(
        "--native", type=Path, help="folder of what cargo says, and of Cargo.lock; default: cargo is asked"
    )
    parser.add_argument(
        "--crates", type=Path, help="folder of the crates' licences; default: where cargo has the crates"
    )
    arguments = parser.parse_args()
    packages = arguments.packages or Path(sysconfig.get_path("purelib"))
    names = None if arguments.packages else required()
    try:
        with tempfile.TemporaryDirectory() as folder:
            native = arguments.native or cargo(Path(folder))
            sys.stdout.write(
                text(
                    {
                        "Python packages": parts.packages(packages, names),
                        "Jars of KCL's daemon": parts.jars(arguments.jars or packages / "amazon_kclpy" / "jars"),
                        "Crates in the compiled part": parts.crates(native, arguments.crates),
                    }
                )
            )
    except NoticesError as error:
        sys.exit(f"notices: {error}")


def required() -> list[str]:
    """Return the names of the packages that the worker's image has, as PEP 503 spells them."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return [parts.canonical(found[1]) for line in lines if (found := re.match(r"([\w.-]+)==", line))]


def cargo(folder: Path) -> Path:
    """Ask cargo which crates there are; return the folder, with what it says.

    :raises NoticesError: there is no cargo.
    """
    if not shutil.which("cargo"):
        raise NoticesError("there is no cargo, which knows the crates")
    shutil.copy(ROOT / "native" / "Cargo.lock", folder)
    with (folder / "metadata.json").open("wb") as file:
        command = ["cargo", "metadata", "--quiet", "--locked", "--format-version=1", f"--filter-platform={TARGET}"]
        subprocess.run([*command, f"--manifest-path={ROOT / 'native' / 'Cargo.toml'}"], check=True, stdout=file)
    return folder


def text(groups: Mapping[str, Sequence[parts.Part]]) -> str:
    """Return the whole file.

    :param groups: the components, under a heading each.
    :raises NoticesError: a component is under no accepted licence, or there is no text of it.
    """
    refused = [
        f"{part.purl}: {part.licence or 'no licence'}"
        for found in groups.values()
        for part in found
        if not spdx.is_accepted(part.licence)
    ]
    if refused:
        raise NoticesError(f"not accepted: {'; '.join(refused)}")
    numbers: dict[str, int] = {}
    bodies: list[str] = []
    lines = [HEAD.format(accepted=", ".join(spdx.ACCEPTED))]
    for heading, found in groups.items():
        lines.append(f"\n{heading}\n")
        for part in found:
            mine = []
            for body in texts(part):
                key = "".join(body.split())
                if key not in numbers:
                    bodies.append(body)
                    numbers[key] = len(bodies)
                mine.append(numbers[key])
            name = " ".join(filter(None, (part.purl.name, part.purl.version)))
            lines.append(f"  {name:<48} {part.licence}  [{', '.join(map(str, sorted(set(mine))))}]")
    for number, body in enumerate(bodies, start=1):
        lines.append(f"\n{LINE}\n[{number}]\n")
        lines += [line.rstrip() for line in body.strip("\r\n").splitlines()]
    return "\n".join(lines) + "\n"


def texts(part: parts.Part) -> Iterable[str]:
    """Return the texts of a component: its own, else what is kept here under its name or under its licence's.

    :raises NoticesError: there is none.
    """
    if part.texts:
        return part.texts
    names = [part.purl.name, *sorted(spdx.chosen(part.licence) or ())]
    kept = {name: file.read_text(encoding="utf-8") for name in names if (file := TEXTS / f"{name}.txt").is_file()}
    if part.purl.name in kept:
        return [kept[part.purl.name]]
    if kept.keys() != set(names[1:]):
        raise NoticesError(f"no text of {part.licence}, of {part.purl}: put it into {TEXTS}")
    return kept.values()


if __name__ == "__main__":
    main()
