"""Writes the image's bill of materials to stdout, CycloneDX 1.6 as JSON; runs in the image's build.

Python packages are listed with the SHA-256 of the archive that was installed, by pip's report; jars as the list of
KCL's jars has them, by which the build has judged the files; the crates that cargo links into the compiled part, with
the SHA-256 of Cargo.lock; Java and tini as dpkg knows them. What belongs to the base image is not listed: scanners read
its own package database. The same input gives the same bytes.
"""

import argparse
import hashlib
import json
import re
import sys
import tomllib
import uuid
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from importlib.metadata import PackageMetadata, distributions
from pathlib import Path
from typing import Any, Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from consumer.kcl.jars import LIST, listed

OSI: Final = "License :: OSI Approved :: "

# What the jars do not say themselves; by group, as published with each.
LICENCES_BY_GROUP: Final = {
    "ch.qos.logback": "EPL-1.0 OR LGPL-2.1-only",
    "com.amazon.ion": "Apache-2.0",
    "com.beust": "Apache-2.0",
    "com.google.protobuf": "BSD-3-Clause",
    "io.reactivex.rxjava3": "Apache-2.0",
    "org.apache.httpcomponents": "Apache-2.0",
    "org.checkerframework": "MIT",
    "org.codehaus.mojo": "MIT",
    "org.reactivestreams": "CC0-1.0",
    "org.slf4j": "MIT",
    "software.amazon.awssdk": "Apache-2.0",
    "software.amazon.kinesis": "Apache-2.0",
}
APACHE: Final = re.compile(r"apache.*2", re.IGNORECASE)


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--packages", type=Path, required=True, help="site-packages, with the packages installed")
    parser.add_argument("--report", type=Path, required=True, help="pip's report of how it installed them")
    parser.add_argument(
        "--kcl", type=Path, required=True, help="folder of amazon-kclpy's sdist and of its jars, which the list names"
    )
    parser.add_argument("--jars", type=Path, default=LIST, help="the list of jars; default: the project's")
    parser.add_argument(
        "--native", type=Path, required=True, help="folder of the compiled part's Cargo.lock and `cargo metadata`"
    )
    parser.add_argument("--debian", type=Path, required=True, help="lines of package, version, architecture")
    parser.add_argument("--wheel", type=Path, required=True, help="the project's wheel")
    parser.add_argument("--created", required=True, type=datetime.fromisoformat, help="the bill's time, in ISO 8601")
    arguments = parser.parse_args()
    bill = document(
        arguments.wheel,
        arguments.created,
        [
            *packages(arguments.packages, json.loads(arguments.report.read_text(encoding="utf-8")), arguments.kcl),
            *jars(arguments.jars, arguments.kcl / "jars"),
            *crates(
                json.loads((arguments.native / "metadata.json").read_text(encoding="utf-8")),
                (arguments.native / "Cargo.lock").read_text(encoding="utf-8"),
            ),
            *debian(arguments.debian.read_text(encoding="ascii")),
        ],
    )
    sys.stdout.write(f"{bill}\n")


def document(wheel: Path, created: datetime, components: Iterable[Component]) -> str:
    """Return the whole bill; its serial number follows from what it lists."""
    ours = _project(wheel)
    metadata = BomMetaData(component=ours, timestamp=datetime.fromtimestamp(0, UTC))
    bom = Bom(components=components, serial_number=uuid.UUID(int=0), metadata=metadata)
    bom.register_dependency(ours, bom.components)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, JsonV1Dot6(bom).output_as_string())
    metadata.timestamp = created
    return JsonV1Dot6(bom).output_as_string(indent=1)


def packages(folder: Path, report: dict[str, Any], kcl: Path) -> Iterable[Component]:
    """Yield a component for each installed Python package.

    :param folder: site-packages.
    :param report: of pip, when it installed from hashes; amazon-kclpy is built from its archive in the folder `kcl`.
    """
    hashes = {
        _canonical(one["metadata"]["name"]): one["download_info"]["archive_info"]["hashes"]["sha256"]
        for one in report["install"]
    }
    (sdist,) = kcl.glob("amazon_kclpy-*.tar.gz")
    hashes["amazon-kclpy"] = _sha256(sdist)
    for installed in distributions(path=[str(folder)]):
        name = _canonical(installed.name)
        purl = PackageURL("pypi", name=name, version=installed.version)
        yield _component(purl, hashes[name], _licence_of_package(installed.metadata))


def jars(names: Path, folder: Path) -> Iterable[Component]:
    """Yield a component for each listed jar.

    :param names: the list.
    :raises FileNotFoundError: one of them is not in the folder.
    """
    for jar in listed(names):
        licence = _licence_of_jar(folder / jar.file) or LICENCES_BY_GROUP.get(jar.group)
        yield _component(
            PackageURL("maven", jar.group, jar.artifact, jar.version), jar.sha256, licence, group=jar.group
        )


def crates(metadata: dict[str, Any], lock: str) -> Iterable[Component]:
    """Yield a component for each crate that is linked into the compiled part, and not only used by its build.

    :param metadata: of `cargo metadata`, for the platform of the build.
    :param lock: Cargo.lock.
    """
    checksums = {(one["name"], one["version"]): one.get("checksum") for one in tomllib.loads(lock)["package"]}
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
    for crate in linked - {ours}:
        name, version = known[crate]["name"], known[crate]["version"]
        yield _component(
            PackageURL("cargo", name=name, version=version), checksums[name, version], known[crate]["license"]
        )


def debian(listing: str) -> Iterable[Component]:
    """Yield a component for each package of which only a part is in the image, so that dpkg there does not know it."""
    licences = {"tini": "MIT"}
    for line in listing.splitlines():
        name, version, architecture = line.split()
        purl = PackageURL("deb", "debian", name, version, {"arch": architecture})
        yield _component(purl, None, licences.get(name, "GPL-2.0-only WITH Classpath-exception-2.0"))


def _project(wheel: Path) -> Component:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = BytesHeaderParser().parsebytes(archive.read(name))
    purl = PackageURL("pypi", name=metadata["Name"], version=metadata["Version"])
    return _component(purl, None, metadata["License-Expression"], type=ComponentType.APPLICATION)


def _component(purl: PackageURL, sha256: str | None, licence: str | None, **more: Any) -> Component:
    return Component(
        bom_ref=purl.to_string(),
        purl=purl,
        name=purl.name,
        version=purl.version,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)] if sha256 else (),
        licenses=[LicenseFactory().make_from_string(licence)] if licence else (),
        **more,
    )


def _licence_of_package(metadata: PackageMetadata) -> str | None:
    """Prefer what is exact: the SPDX expression, a short name, the classifiers."""
    text = next((metadata[field].strip() for field in ("License-Expression", "License") if field in metadata), "")
    if text and "\n" not in text:
        return text
    found = sorted(name.removeprefix(OSI) for name in metadata.get_all("Classifier", ()) if name.startswith(OSI))
    return " / ".join(found) or None


def _licence_of_jar(jar: Path) -> str | None:
    with zipfile.ZipFile(jar) as archive:
        for name in archive.namelist():
            if re.fullmatch(r"META-INF/maven/[^/]+/[^/]+/pom\.xml", name):
                found = re.search(rb"<license>\s*<name>([^<]+)</name>", archive.read(name))
                if found:
                    return _spdx(found[1].decode())
        manifest = archive.read("META-INF/MANIFEST.MF").decode("utf-8", "replace").replace("\r\n ", "")
    found_line = re.search(r"^Bundle-License: *(\S.*?)\s*$", manifest, flags=re.MULTILINE)
    return _spdx(found_line[1]) if found_line else None


def _spdx(name: str) -> str:
    name = " ".join(name.split())
    if APACHE.search(name):
        return "Apache-2.0"
    known = {"mit-license": "MIT", "BSD-3-Clause": "BSD-3-Clause", "epl-v10": LICENCES_BY_GROUP["ch.qos.logback"]}
    return next((spdx for part, spdx in known.items() if part in name), name)


def _canonical(name: str) -> str:
    """Return a package's name as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
