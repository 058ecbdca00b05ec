"""Installs amazon-kclpy with the listed jars: ``python -m consumer.kcl.jvm.fetch_jars``.

amazon-kclpy is a source package, which downloads the jars that its pom.xml names while it is built, and compares no
checksum. So it is built here with a pom.xml made from `jars.txt`, and what came is compared with the list before
anything is installed. They come from where amazon-kclpy takes its own: Maven Central, or KCL_MVN_REPO_SEARCH_URL.
"""

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from consumer.errors import StartError
from consumer.kcl.jvm import jars

_KCLPY: Final = "amazon-kclpy"
_MAVEN: Final = "http://maven.apache.org/POM/4.0.0"


def main() -> None:
    """Bring the installed jars up to date, or put a wheel with them into a folder."""
    parser = argparse.ArgumentParser(prog="consumer.kcl.jvm.fetch_jars", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--requirements",
        type=Path,
        help="a list that pins amazon-kclpy with its hash; it is built by what is installed then, not in isolation",
    )
    parser.add_argument(
        "--wheels", type=Path, help="put the source package and the wheel into this folder, and install nothing"
    )
    arguments = parser.parse_args()
    try:
        pinned = _pinned(arguments.requirements) if arguments.requirements else None
        if arguments.wheels:
            build(arguments.wheels, pinned)
        elif not _is_current(pinned):
            with tempfile.TemporaryDirectory() as name:
                install(build(Path(name), pinned))
    except StartError as error:
        sys.exit(f"fetch_jars: {error}")


def build(folder: Path, pinned: str | None) -> Path:
    """Put the source package and a wheel with the listed jars into a folder.

    :param pinned: the requirement with its hashes; None: the version that is installed, as the index has it.
    :return: the wheel.
    :raises StartError: one of them cannot be had, or is not what it should be; no wheel is left.
    """
    isolation = [] if pinned is None else ["--no-build-isolation"]
    with tempfile.TemporaryDirectory() as name:
        source, requirement = Path(name), Path(name, "kclpy.txt")
        requirement.write_text(pinned or f"{_KCLPY}=={_installed()}", encoding="utf-8")
        hashes = [] if pinned is None else ["--require-hashes"]
        _pip("download", "--no-deps", "--no-binary=:all:", *isolation, *hashes, f"--dest={folder}", f"-r{requirement}")
        (sdist,) = folder.glob("amazon_kclpy-*.tar.gz")
        with tarfile.open(sdist) as archive:
            archive.extraction_filter = getattr(tarfile, "data_filter", None)  # which came with Python 3.11.4
            archive.extractall(source)  # noqa: S202 - filtered, and pip has run its setup.py already
        (unpacked,) = source.glob("amazon_kclpy-*")
        (unpacked / "pom.xml").write_bytes(pom(jars.listed()))
        _pip("wheel", "--no-deps", *isolation, f"--wheel-dir={folder}", str(unpacked))
    (wheel,) = folder.glob("amazon_kclpy-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".jar")]
        found = {Path(name).name: hashlib.sha256(archive.read(name)).hexdigest() for name in names}
    differences = jars.compare(found)
    if differences:
        wheel.unlink()
        msg = f"What came is not what {jars.LIST.name} lists ({differences}). Nothing is installed."
        raise StartError(msg)
    return wheel


def install(wheel: Path) -> None:
    """Install a wheel in place of what is there.

    :raises StartError: pip could not.
    """
    # By its name and not by its path, so that the package counts as one from an index.
    where = f"--find-links={wheel.parent}"
    _pip("install", "--no-deps", "--no-index", "--only-binary=:all:", "--force-reinstall", where, _KCLPY)


def pom(listed: Sequence[jars.Jar]) -> bytes:
    """Return a pom.xml that names these jars, in the form that amazon-kclpy reads."""
    ET.register_namespace("", _MAVEN)
    project = ET.Element(f"{{{_MAVEN}}}project")
    ET.SubElement(project, f"{{{_MAVEN}}}properties")  # it looks for it
    dependencies = ET.SubElement(project, f"{{{_MAVEN}}}dependencies")
    for jar in listed:
        dependency = ET.SubElement(dependencies, f"{{{_MAVEN}}}dependency")
        for part, text in (("groupId", jar.group), ("artifactId", jar.artifact), ("version", jar.version)):
            ET.SubElement(dependency, f"{{{_MAVEN}}}{part}").text = text
    return ET.tostring(project)


def _pinned(requirements: Path) -> str:
    """Return the lines of a requirements file that pin amazon-kclpy."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith(f"{_KCLPY}==")), None)
    if first is None:
        msg = f"{requirements} does not pin {_KCLPY}."
        raise StartError(msg)
    last = next(number for number in range(first, len(lines)) if not lines[number].endswith("\\"))
    return "\n".join(lines[first : last + 1])


def _is_current(pinned: str | None) -> bool:
    found = jars.installed()
    if found is None or jars.compare(jars.hashes(found)):
        return False
    return pinned is None or pinned.split()[0] == f"{_KCLPY}=={_installed()}"


def _installed() -> str:
    try:
        return version(_KCLPY)
    except PackageNotFoundError:
        msg = f"{_KCLPY} is not installed: install kinesis-sanitizer[worker] first."
        raise StartError(msg) from None


def _pip(command: str, *arguments: str) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", command]
    if subprocess.run([*pip, *arguments], check=False).returncode:  # noqa: S603
        msg = f"`python -m pip {command}` failed; what it says stands above. Nothing is installed."
        raise StartError(msg)


if __name__ == "__main__":
    main()
