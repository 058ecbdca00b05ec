"""Looks into the image that `make image-test` builds."""

import json
import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from consumer.kcl import jars
from tests.deploy.container import Image
from tests.deploy.dockerfile import ROOT

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


def test_bill_names_java_and_every_licence(components: list[dict[str, Any]]) -> None:
    assert any(one["name"].startswith("openjdk-25") for one in components)
    assert [one["name"] for one in components if not one.get("licenses")] == []


def test_image_has_no_tool_that_builds_or_installs_packages(image: Image) -> None:
    programs = {"cargo", "cc", "gcc", "make", "maturin", "javac", "jlink", "pip", "pip3", "rustc"}
    modules = {"ensurepip", "pip", "setuptools", "wheel"}
    for path in map(Path, image.files()):
        assert not (path.name in programs and path.parent.name in ("bin", "sbin")), path
        assert not (path.name in modules and "python" in str(path)), path


def test_image_has_neither_tests_nor_logs(image: Image) -> None:
    assert list(packages(image).rglob("tests")) == []
    assert [path for path in (image.root / "var" / "log").rglob("*") if path.is_file() and path.stat().st_size] == []


def test_layers_carry_no_time_of_the_build(image: Image) -> None:
    times = {time for path, (_, _, time) in image.files().items() if "/opt/" in path.removeprefix(str(image.root))}
    assert times == {0}
