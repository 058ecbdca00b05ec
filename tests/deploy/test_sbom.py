"""The bill of materials that the image's build writes, from a build in small."""

import hashlib
import json
import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.deploy.dockerfile import ROOT

CREATED = "2026-01-02T03:04:05Z"
JARS = f"""# group:artifact:version sha256
io.netty:netty-codec:4.1.2.Final {"d" * 64}
org.codehaus.mojo:some-annotations:2.0.1 {"e" * 64}
"""
STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Description: GNU C Library
 of several lines
 .
 and a gap
Version: 2.41-12

Package: apt
Status: deinstall ok config-files
Architecture: amd64
Version: 3.0.3
"""
DEBIAN = "openjdk-25-jdk-headless 25.0.5.1+2-1~deb13u1 amd64\ntini 0.19.0-1 amd64\n"
LOCK = f"""
version = 4
package = [
    {{ name = "ours", version = "0.2.0" }},
    {{ name = "linked", version = "1.0.0", checksum = "{"1" * 64}" }},
    {{ name = "linked", version = "2.0.0", checksum = "{"2" * 64}" }},
    {{ name = "built-with", version = "1.0.0", checksum = "{"3" * 64}" }},
    {{ name = "macro", version = "1.0.0", checksum = "{"4" * 64}" }},
    {{ name = "of-the-macro", version = "1.0.0", checksum = "{"5" * 64}" }},
    {{ name = "of-another-platform", version = "1.0.0", checksum = "{"6" * 64}" }},
]
"""
# Which crate uses which, and how: null is the kind of what is linked.
CRATES: dict[str, list[tuple[str, str | None]]] = {
    "ours@0.2.0": [
        ("linked@1.0.0", "build"),
        ("linked@2.0.0", None),
        ("built-with@1.0.0", "build"),
        ("macro@1.0.0", None),
    ],
    "linked@1.0.0": [],
    "linked@2.0.0": [("linked@1.0.0", None)],
    "built-with@1.0.0": [],
    "macro@1.0.0": [("of-the-macro@1.0.0", None)],
    "of-the-macro@1.0.0": [],
}
PACKAGES = {
    "Some_Package": "License-Expression: MIT AND Python-2.0",
    "amazon_kclpy": "License: Amazon's own",
    "classified": "Classifier: License :: OSI Approved :: BSD License",
}


def archive(file: Path, **files: str) -> None:
    with zipfile.ZipFile(file, "w") as made:
        for name, text in files.items():
            made.writestr(name.replace("__", "/").replace("!", "."), text)


def crates() -> dict[str, Any]:
    """Return what `cargo metadata` would say."""
    packages, nodes = [], []
    for crate, needs in CRATES.items():
        name, _, version = crate.partition("@")
        kind = "proc-macro" if name == "macro" else "lib"
        about = {"id": crate, "name": name, "version": version, "license": "MIT OR Apache-2.0"}
        about |= {"manifest_path": f"/crates/{name}-{version}/Cargo.toml"}
        packages.append(about | {"targets": [{"kind": [kind]}, {"kind": ["test"]}]})
        nodes.append({"id": crate, "deps": [{"pkg": each, "dep_kinds": [{"kind": how}]} for each, how in needs]})
    return {"packages": packages, "resolve": {"nodes": nodes, "root": "ours@0.2.0"}}


@pytest.fixture
def build(tmp_path: Path) -> list[str | Path]:
    """Lay out what the script reads; return its command line."""
    for name, licence in PACKAGES.items():
        folder = tmp_path / "site-packages" / f"{name}-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{licence}\n")
    report = [
        {"metadata": {"name": name}, "download_info": {"archive_info": {"hashes": {"sha256": digest * 64}}}}
        for name, digest in (("some.package", "a"), ("classified", "c"))
    ]
    (tmp_path / "report.json").write_text(json.dumps({"install": report}))
    jars = tmp_path / "kcl" / "jars"
    jars.mkdir(parents=True)
    (tmp_path / "jars.txt").write_text(JARS)
    (tmp_path / "kcl" / "amazon_kclpy-3.1.3.tar.gz").write_bytes(b"sdist")
    manifest = {"META-INF__MANIFEST!MF": "Bundle-License: https://www.apache.org/licenses/LICENSE-2.0\r\n"}
    archive(jars / "netty-codec-4.1.2.Final.jar", **manifest)
    archive(jars / "some-annotations-2.0.1.jar", **{"META-INF__MANIFEST!MF": "Manifest-Version: 1.0\r\n"})
    (tmp_path / "native").mkdir()
    (tmp_path / "native" / "Cargo.lock").write_text(LOCK)
    (tmp_path / "native" / "metadata.json").write_text(json.dumps(crates()))
    (tmp_path / "native" / "rustc.txt").write_text("rustc 1.97.1 (abc 2026-01-01)\n")
    (tmp_path / "debian.txt").write_text(DEBIAN)
    (tmp_path / "status").write_text(STATUS)
    wheel = {"ours-1!dist-info__METADATA": "Name: ours\nVersion: 1.2\nLicense-Expression: Apache-2.0\n\n"}
    archive(tmp_path / "ours.whl", **wheel)
    return [
        *(sys.executable, "-m", "deploy.image.sbom", "--packages", tmp_path / "site-packages"),
        *("--report", tmp_path / "report.json", "--kcl", tmp_path / "kcl", "--debian", tmp_path / "debian.txt"),
        *(
            "--jars",
            tmp_path / "jars.txt",
            "--native",
            tmp_path / "native",
            "--base",
            tmp_path / "status",
            "--wheel",
            tmp_path / "ours.whl",
            "--created",
        ),
    ]


def written(build: list[str | Path], created: str = CREATED, seed: str = "0") -> str:
    environment = os.environ | {"PYTHONHASHSEED": seed}
    done = subprocess.run([*build, created], check=True, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.stderr == ""
    return done.stdout


def test_it_is_valid_and_lists_all(build: list[str | Path]) -> None:
    text = written(build)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill["metadata"]["component"]["purl"] == "pkg:pypi/ours@1.2"
    assert bill["metadata"]["timestamp"] == "2026-01-02T03:04:05+00:00"
    java = "pkg:deb/debian/openjdk-25-jdk-headless@25.0.5.1%2B2-1~deb13u1?arch=amd64"
    assert {each["purl"]: (digest(each), licence(each)) for each in bill["components"]} == {
        "pkg:pypi/some-package@1.0": ("a" * 64, "MIT AND Python-2.0"),
        "pkg:pypi/amazon-kclpy@1.0": (hashlib.sha256(b"sdist").hexdigest(), "Amazon's own"),
        "pkg:pypi/classified@1.0": ("c" * 64, "BSD License"),
        "pkg:maven/io.netty/netty-codec@4.1.2.Final": ("d" * 64, "Apache-2.0"),
        "pkg:maven/org.codehaus.mojo/some-annotations@2.0.1": ("e" * 64, "MIT"),
        "pkg:cargo/linked@1.0.0": ("1" * 64, "MIT OR Apache-2.0"),
        "pkg:cargo/linked@2.0.0": ("2" * 64, "MIT OR Apache-2.0"),
        java: (None, "GPL-2.0-only WITH Classpath-exception-2.0"),
        "pkg:deb/debian/tini@0.19.0-1?arch=amd64": (None, "MIT"),
        "pkg:generic/rust-std@1.97.1": (None, "MIT OR Apache-2.0"),
        "pkg:deb/debian/libc6@2.41-12?arch=amd64": (None, None),
        f"pkg:generic/python@{platform.python_version()}": (None, "PSF-2.0"),
    }
    cpes = {each["name"]: each["cpe"] for each in bill["components"] if "cpe" in each}  # by which scanners find it
    assert cpes == {"python": f"cpe:2.3:a:python:python:{platform.python_version()}:*:*:*:*:*:*:*"}
    (needs,) = (each["dependsOn"] for each in bill["dependencies"] if each["ref"] == "pkg:pypi/ours@1.2")
    assert set(needs) == {each["bom-ref"] for each in bill["components"]}


def digest(component: dict[str, Any]) -> str | None:
    return next((each["content"] for each in component.get("hashes", ()) if each["alg"] == "SHA-256"), None)


def licence(component: dict[str, Any]) -> str | None:
    if "licenses" not in component:
        return None
    (found,) = component["licenses"]
    return str(found.get("expression") or found["license"].get("id") or found["license"]["name"])


def test_equal_input_gives_equal_bytes(build: list[str | Path]) -> None:
    assert written(build, seed="1") == written(build, seed="2")


def test_the_serial_number_follows_from_what_is_listed(build: list[str | Path], tmp_path: Path) -> None:
    first, later = (json.loads(written(build, created)) for created in (CREATED, "2027-01-02T03:04:05Z"))
    assert first["serialNumber"] == later["serialNumber"]
    (tmp_path / "debian.txt").write_text(DEBIAN.replace("0.19.0-1", "0.19.0-2"))
    assert json.loads(written(build))["serialNumber"] != first["serialNumber"]


def test_a_jar_that_is_missing_stops_the_build(build: list[str | Path], tmp_path: Path) -> None:
    (tmp_path / "kcl/jars/some-annotations-2.0.1.jar").unlink()
    done = subprocess.run([*build, CREATED], check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode
    assert "some-annotations-2.0.1.jar" in done.stderr
