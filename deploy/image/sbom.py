"""Writes the image's bill of materials to stdout, CycloneDX 1.6 as JSON; runs in the image's build.

Python packages are listed with the SHA-256 of the archive that was installed, by pip's report; jars as the list of
KCL's jars has them, by which the build has judged the files; the crates that cargo links into the compiled part, with
the SHA-256 of Cargo.lock; Java and tini as dpkg knows them; Debian's packages, and the Python of the base. The same
input gives the same bytes.
"""

import argparse
import json
import platform
import sys
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6

from deploy.image import parts


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--packages", type=Path, required=True, help="site-packages, with the packages installed")
    parser.add_argument("--report", type=Path, required=True, help="pip's report of how it installed them")
    parser.add_argument(
        "--kcl", type=Path, required=True, help="folder of amazon-kclpy's sdist and of its jars, which the list names"
    )
    parser.add_argument("--jars", type=Path, help="the list of jars; default: the project's")
    parser.add_argument(
        "--native",
        type=Path,
        required=True,
        help="folder of what cargo and rustc say, and of the compiled part's Cargo.lock",
    )
    parser.add_argument("--debian", type=Path, required=True, help="lines of package, version, architecture")
    parser.add_argument("--base", type=Path, required=True, help="dpkg's list of what is installed in the image")
    parser.add_argument("--wheel", type=Path, required=True, help="the project's wheel")
    parser.add_argument("--created", required=True, type=datetime.fromisoformat, help="the bill's time, in ISO 8601")
    arguments = parser.parse_args()
    hashes = parts.archive_hashes(json.loads(arguments.report.read_text(encoding="utf-8")), arguments.kcl)
    bill = document(
        parts.project(arguments.wheel),
        arguments.created,
        [
            *parts.packages(arguments.packages, hashes=hashes),
            *parts.jars(arguments.kcl / "jars", arguments.jars),
            *parts.crates(arguments.native),
            *parts.copied(arguments.debian.read_text(encoding="ascii")),
            *parts.base(arguments.base.read_text(encoding="utf-8")),
            parts.python(platform.python_version()),  # the base's: it runs this
        ],
    )
    sys.stdout.write(f"{bill}\n")


def document(project: parts.Part, created: datetime, found: Iterable[parts.Part]) -> str:
    """Return the whole bill; its serial number follows from what it lists."""
    ours = _component(project, type=ComponentType.APPLICATION)
    metadata = BomMetaData(component=ours, timestamp=datetime.fromtimestamp(0, UTC))
    bom = Bom(components=map(_component, found), serial_number=uuid.UUID(int=0), metadata=metadata)
    bom.register_dependency(ours, bom.components)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, JsonV1Dot6(bom).output_as_string())
    metadata.timestamp = created
    return JsonV1Dot6(bom).output_as_string(indent=1)


def _component(part: parts.Part, **more: Any) -> Component:
    return Component(
        bom_ref=part.purl.to_string(),
        purl=part.purl,
        group=part.purl.namespace if part.purl.type == "maven" else None,
        name=part.purl.name,
        version=part.purl.version,
        cpe=part.cpe,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=part.sha256)] if part.sha256 else (),
        licenses=[LicenseFactory().make_from_string(part.licence)] if part.licence else (),
        **more,
    )


if __name__ == "__main__":
    main()
