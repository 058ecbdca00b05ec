"""What the image holds that others made: Python packages, KCL's jars, crates, and what is Debian's and the base's."""

import hashlib
import json
import re
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from email.parser import BytesHeaderParser
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, Final, NamedTuple

from packageurl import PackageURL

from consumer.kcl.jvm.jars import listed
from deploy.image import spdx

JAVA: Final = "GPL-2.0-only WITH Classpath-exception-2.0"
RUST: Final = "MIT OR Apache-2.0"
_TEXTS: Final = re.compile(
    r"(?:.*-)?(?:UN)?(?:LICEN[CS]ES?|COPYING|NOTICES?)(?:[.-][^.]+)?(?:\.txt|\.md|\.rst)?", re.IGNORECASE
)


class Part(NamedTuple):
    """A component.

    :param licence: an SPDX expression, or what it says instead; empty: it says none.
    :param sha256: of its archive, in hexadecimal; None: there is none.
    :param texts: its licences and notices, as it carries them.
    """

    purl: PackageURL
    licence: str
    sha256: str | None = None
    texts: tuple[str, ...] = ()
    cpe: str | None = None


def packages(folder: Path, names: Iterable[str] | None = None, hashes: Mapping[str, str] | None = None) -> list[Part]:
    """Return the installed Python packages.

    :param folder: site-packages.
    :param names: which, as PEP 503 spells them; None: all.
    :param hashes: the SHA-256 of each one's archive.
    :raises KeyError: one of them is not installed, or has no hash.
    """
    installed = {canonical(one.name): one for one in distributions(path=[str(folder)])}
    found = []
    for name in sorted(installed if names is None else names):
        one = installed[name]
        purl = PackageURL("pypi", name=name, version=one.version)
        licence = spdx.of_package(name, one.metadata)
        found.append(Part(purl, licence, hashes[name] if hashes else None, tuple(_texts_of_package(one))))
    return found


def archive_hashes(report: Mapping[str, Any], kcl: Path) -> dict[str, str]:
    """Return the SHA-256 of the archive from which each Python package was installed.

    :param report: of pip, when it installed from hashes; amazon-kclpy is built from its archive in the folder `kcl`.
    """
    (sdist,) = kcl.glob("amazon_kclpy-*.tar.gz")
    return {
        canonical(one["metadata"]["name"]): one["download_info"]["archive_info"]["hashes"]["sha256"]
        for one in report["install"]
    } | {"amazon-kclpy": hashlib.sha256(sdist.read_bytes()).hexdigest()}


def jars(folder: Path, names: Path | None = None) -> list[Part]:
    """Return the listed jars.

    :param names: the list; None: the project's.
    :raises FileNotFoundError: one of them is not in the folder.
    """
    found = []
    for jar in listed(names):
        with zipfile.ZipFile(folder / jar.file) as archive:
            texts = [name for name in archive.namelist() if _TEXTS.fullmatch(name.rpartition("/")[2])]
            found.append(
                Part(
                    PackageURL("maven", jar.group, jar.artifact, jar.version),
                    spdx.of_jar(jar.group, archive),
                    jar.sha256,
                    tuple(archive.read(name).decode("utf-8", "replace") for name in sorted(texts)),
                )
            )
    return found


def crates(native: Path, texts: Path | None = None) -> list[Part]:
    """Return the crates that are linked into the compiled part, not those that only its build uses; and Rust's library.

    :param native: folder of metadata.json, which `cargo metadata` says for the build's platform; of Cargo.lock; and
        of rustc.txt, which `rustc --version` says, if the version counts.
    :param texts: folder of the crates' licences, by crate and version; None: where cargo has the crates.
    """
    metadata = json.loads((native / "metadata.json").read_text(encoding="utf-8"))
    lock = tomllib.loads((native / "Cargo.lock").read_text(encoding="utf-8"))
    rustc = native / "rustc.txt"
    checksums = {(one["name"], one["version"]): one.get("checksum") for one in lock["package"]}
    version = rustc.read_text(encoding="utf-8").split()[1] if rustc.is_file() else None
    found = [Part(PackageURL("generic", name="rust-std", version=version), RUST)]
    for crate in _linked(metadata):
        name, number, manifest = crate["name"], crate["version"], Path(crate["manifest_path"])
        folder = texts / manifest.parent.name if texts else manifest.parent
        files = sorted(file for file in folder.glob("*") if file.is_file() and _TEXTS.fullmatch(file.name))
        found.append(
            Part(
                PackageURL("cargo", name=name, version=number),
                crate["license"],
                checksums[name, number],
                tuple(file.read_text(encoding="utf-8") for file in files),
            )
        )
    return sorted(found)


def copied(listing: str) -> list[Part]:
    """Return the packages of Debian of which only a part is in the image, so that dpkg there does not know them.

    :param listing: lines of package, version, architecture.
    """
    licences = {"tini": "MIT"}
    found = [line.split() for line in listing.splitlines()]
    return [_debian(name, version, arch, licences.get(name, JAVA)) for name, version, arch in found]


def base(status: str) -> list[Part]:
    """Return the packages of Debian that are installed. Their licences are in the image, in /usr/share/doc.

    :param status: dpkg's.
    """
    found = []
    for paragraph in status.strip().split("\n\n"):
        fields = BytesHeaderParser().parsebytes(paragraph.encode())
        if str(fields["Status"]).endswith(" installed"):
            found.append(_debian(fields["Package"], fields["Version"], fields["Architecture"], ""))
    return found


def python(version: str) -> Part:
    """Return the interpreter, which in an official image is no package of Debian's."""
    cpe = f"cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*"
    return Part(PackageURL("generic", name="python", version=version), "PSF-2.0", cpe=cpe)


def project(wheel: Path) -> Part:
    """Return the project itself, by its wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = BytesHeaderParser().parsebytes(archive.read(name))
    purl = PackageURL("pypi", name=metadata["Name"], version=metadata["Version"])
    return Part(purl, metadata["License-Expression"])


def canonical(name: str) -> str:
    """Return a package's name as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _texts_of_package(one: Distribution) -> Iterable[str]:
    for file in sorted(one.files or (), key=str):
        inside = str(file).partition(".dist-info/")[2]
        if inside.startswith("licenses/") or ("/" not in inside and _TEXTS.fullmatch(inside)):
            yield Path(str(one.locate_file(file))).read_text(encoding="utf-8")


def _linked(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    known = {one["id"]: one for one in metadata["packages"]}
    needs = {one["id"]: one["deps"] for one in metadata["resolve"]["nodes"]}
    ours = metadata["resolve"]["root"]
    linked, waiting = {ours}, [ours]
    while waiting:
        for each in needs[waiting.pop()]:
            # Cargo: the kind of a normal dependency is null; a macro runs in the compiler.
            is_linked = any(one["kind"] is None for one in each["dep_kinds"]) and not any(
                "proc-macro" in one["kind"] for one in known[each["pkg"]]["targets"]
            )
            if is_linked and each["pkg"] not in linked:
                linked.add(each["pkg"])
                waiting.append(each["pkg"])
    return [known[crate] for crate in linked - {ours}]


def _debian(name: str, version: str, architecture: str, licence: str) -> Part:
    return Part(PackageURL("deb", "debian", name, version, {"arch": architecture}), licence)
