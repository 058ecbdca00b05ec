"""Looks into the image that `make image-test` builds."""

import json
import re
import stat
import tomllib
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from consumer.kcl.jvm import jars
from deploy.image import spdx
from tests.deploy.container import Image
from tests.deploy.dockerfile import ROOT

LICENCE = "Apache-2.0"
FLAGS = re.MULTILINE | re.DOTALL
pytestmark = [pytest.mark.image, pytest.mark.timeout(1500)]


@pytest.fixture
def bill(image: Image) -> str:
    return (image.root / "opt" / "sanitizer" / "sbom.cdx.json").read_text(encoding="utf-8")


@pytest.fixture
def components(bill: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(bill)["components"]
    return found


def packages(image: Image) -> Path:
    (folder,) = image.root.glob("opt/sanitizer/lib/python3.*/site-packages")
    return folder


def sha256(component: dict[str, Any]) -> str:
    (only,) = component["hashes"]
    return str(only["content"])


def test_bill_of_materials_is_valid(bill: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None


def test_bill_lists_the_jars_with_their_hashes(image: Image, components: list[dict[str, Any]]) -> None:
    listed = {
        f"{one['name']}-{one['version']}.jar": sha256(one) for one in components if one["purl"].startswith("pkg:maven")
    }
    assert listed == {jar.file: jar.sha256 for jar in jars.listed()}
    assert {jar.name for jar in (image.root / "opt" / "kcl" / "jars").iterdir()} == set(listed)


def test_bill_lists_the_python_packages_with_pinned_hashes(image: Image, components: list[dict[str, Any]]) -> None:
    pinned = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    listed = {one["name"]: one for one in components if one["purl"].startswith("pkg:pypi")}
    for name, one in listed.items():
        (lines,) = re.findall(rf"^{name}=={re.escape(one['version'])} (.*?)(?=^\S)", f"{pinned}#", FLAGS)
        assert f"--hash=sha256:{sha256(one)}" in lines
    installed = {re.sub(r"[-_.]+", "-", found.name).lower() for found in distributions(path=[str(packages(image))])}
    assert installed == {*listed, "kinesis-sanitizer", "kinesis-sanitizer-native"}


def test_bill_lists_the_crates_that_are_linked_in_with_locked_hashes(components: list[dict[str, Any]]) -> None:
    lock = tomllib.loads((ROOT / "native" / "Cargo.lock").read_text(encoding="utf-8"))
    locked = {(one["name"], one["version"]): one["checksum"] for one in lock["package"] if "checksum" in one}
    listed = {(one["name"], one["version"]): one for one in components if one["purl"].startswith("pkg:cargo")}
    assert {name: sha256(one) for name, one in listed.items()}.items() <= locked.items()
    names = {name for name, _ in listed}
    assert names > {"memchr", "pyo3", "regex-automata"}
    assert names.isdisjoint({"pyo3-macros", "pyo3-build-config", "syn", "target-lexicon"})  # they only build


def test_bill_lists_what_debian_has_installed_and_the_python_that_it_has_not(
    image: Image, components: list[dict[str, Any]]
) -> None:
    listed = {one["name"] for one in components if one["purl"].startswith("pkg:deb")}
    status = (image.root / "var" / "lib" / "dpkg" / "status").read_text(encoding="utf-8")
    installed = set(re.findall(r"^Package: (\S+)\n(?:\S.*\n)*?Status: .* installed$", status, flags=re.MULTILINE))
    assert listed == installed | {"openjdk-25-jdk-headless", "tini"}
    assert {"libc6", "libssl3t64"} < installed
    assert not any(name.startswith(("apt", "python3")) for name in installed)
    (version,) = (one["version"] for one in components if one["purl"].startswith("pkg:generic/python@"))
    (header,) = image.root.glob("usr/local/include/python3.*/patchlevel.h")
    assert f'#define PY_VERSION              "{version}"' in header.read_text(encoding="utf-8")


def test_bill_names_java_and_every_licence_but_debians(image: Image, components: list[dict[str, Any]]) -> None:
    assert any(one["name"].startswith("openjdk-25") for one in components)
    unnamed = [one for one in components if not one.get("licenses")]
    assert {one["purl"].partition("/")[0] for one in unnamed} == {"pkg:deb"}
    for one in unnamed:  # they are in the image themselves, as are those of Java and tini
        assert (image.root / "usr" / "share" / "doc" / one["name"] / "copyright").exists(), one["name"]


def test_label_is_what_holds_for_all_that_is_added_to_debian(image: Image, components: list[dict[str, Any]]) -> None:
    named = [LICENCE, *(name(one["licenses"][0]) for one in components if one.get("licenses"))]
    assert image.config["Labels"]["org.opencontainers.image.licenses"] == spdx.all_of(named)


def name(licence: dict[str, Any]) -> str:
    return str(licence.get("expression") or licence["license"]["id"])


def test_notices_are_those_of_the_repository(image: Image) -> None:
    for file in ("THIRD-PARTY-NOTICES", "LICENSE"):
        there = image.root / "opt" / "sanitizer" / file
        # The version of Rust's library is the build's.
        assert (
            re.sub(r"(rust-std) \S+", r"\1", there.read_text(encoding="utf-8")).split()
            == (ROOT / file).read_text(encoding="utf-8").split()
        )
    for found in ("usr/share/doc/openjdk-25-jdk-headless", "usr/share/doc/tini"):
        assert (image.root / found / "copyright").stat().st_size
    assert list(image.root.glob("usr/local/lib/python3.*/LICENSE.txt"))


def test_nothing_in_it_builds_or_installs_packages(image: Image) -> None:
    builders = {"cargo", "cc", "gcc", "javac", "jlink", "make", "maturin", "rustc"}
    installers = {"apt", "apt-get", "dpkg", "dpkg-deb", "easy_install", "pip", "pip3", "uv", "wheel"}
    modules = {"ensurepip", "pip", "setuptools", "wheel"}
    for path in map(Path, image.files()):
        assert not (path.name in builders | installers and path.parent.name in ("bin", "sbin")), path
        assert not (path.name in modules and "python" in str(path)), path


def test_no_program_makes_its_user_another(image: Image) -> None:
    files = {path: mode for path, (mode, _, _) in image.files().items() if stat.S_ISREG(mode)}
    assert [path for path, mode in files.items() if mode & (stat.S_ISUID | stat.S_ISGID)] == []


def test_base_was_laid_out_like_the_official_one(base: Image) -> None:
    """What its image has and ours takes away or adds; else the tests here would prove nothing."""
    (library,) = base.root.glob("usr/local/lib/python3.*/")
    assert (library / "__pycache__").is_dir()
    assert list(library.rglob("*.pyc")) == []
    assert {"pip", "setuptools", "wheel"} <= {path.name for path in (library / "site-packages").iterdir()}
    assert (library / "ensurepip").is_dir()
    assert list(base.root.glob("usr/lib/python3*")) == list(base.root.glob("usr/bin/python3*")) == []
    assert (base.root / "usr" / "bin" / "apt-get").is_file()
    assert stat.S_ISUID & (base.root / "usr" / "bin" / "su").stat().st_mode


def test_image_has_neither_tests_nor_logs(image: Image) -> None:
    assert list(packages(image).rglob("tests")) == []
    assert [path for path in (image.root / "var" / "log").rglob("*") if path.is_file() and path.stat().st_size] == []


def test_layers_carry_no_time_of_the_build(image: Image) -> None:
    times = {time for path, (_, _, time) in image.files().items() if "/opt/" in path.removeprefix(str(image.root))}
    assert times == {0}
