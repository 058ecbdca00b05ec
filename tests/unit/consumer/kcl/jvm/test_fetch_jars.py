"""amazon-kclpy built with the listed jars: from a package in small, and a repository of files."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from consumer.errors import StartError
from consumer.kcl.jvm import fetch_jars, jars

GOOD, BAD = b"the jar as it was read", b"another"

SETUP = """
import os, shutil, urllib.request
from xml.etree import ElementTree as ET
from setuptools import setup
if "bdist_wheel" in os.sys.argv:
    ns = "{http://maven.apache.org/POM/4.0.0}"
    root = ET.parse("pom.xml").getroot()
    assert root.find(ns + "properties") is not None
    for each in root.iter(ns + "dependency"):
        group, artifact, version = (each.find(ns + part).text for part in ("groupId", "artifactId", "version"))
        name = f"{artifact}-{version}.jar"
        url = os.environ["KCL_MVN_REPO_SEARCH_URL"] + "/".join([*group.split("."), artifact, version, name])
        with urllib.request.urlopen(url) as source, open("amazon_kclpy/jars/" + name, "wb") as file:
            shutil.copyfileobj(source, file)
setup(name="amazon_kclpy", version="9.9", packages=["amazon_kclpy", "amazon_kclpy.jars"],
      package_data={"": ["*.jar"]})
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out an index with the source package, a repository with the jar, and the list; return the requirements."""
    files = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: amazon_kclpy\nVersion: 9.9\n",
        "setup.py": SETUP,
        "pom.xml": "<project><its-own/></project>",
        "amazon_kclpy/__init__.py": "",
        "amazon_kclpy/jars/__init__.py": "",
    }
    sdist = tmp_path / "index" / "amazon_kclpy-9.9.tar.gz"
    sdist.parent.mkdir()
    with tarfile.open(sdist, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"amazon_kclpy-9.9/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    jar = tmp_path / "maven" / "org" / "some" / "one" / "1.2.Final" / "one-1.2.Final.jar"
    jar.parent.mkdir(parents=True)
    jar.write_bytes(GOOD)
    (tmp_path / "jars.txt").write_text(f"# a list\norg.some:one:1.2.Final {hashlib.sha256(GOOD).hexdigest()}\n")
    monkeypatch.setattr(jars, "LIST", tmp_path / "jars.txt")
    monkeypatch.setenv("KCL_MVN_REPO_SEARCH_URL", f"{(tmp_path / 'maven').as_uri()}/")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(sdist.parent))
    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"# a list\namazon-kclpy==9.9 \\\n    --hash=sha256:{digest}\n    # via us\nother==1\n")
    return requirements


def fetch(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["fetch_jars", *map(str, arguments)])
    fetch_jars.main()


def test_it_holds_the_listed_jars_instead_of_its_own(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(monkeypatch, "--requirements", index, "--wheels", tmp_path / "out")
    (wheel,) = (tmp_path / "out").glob("*.whl")
    target = tmp_path / "target"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(pip, check=True, env=os.environ | {"PIP_NO_INDEX": "1"})
    assert jars.compare(jars.hashes(target / "amazon_kclpy" / "jars")) == ""
    assert (tmp_path / "out" / "amazon_kclpy-9.9.tar.gz").is_file()


def test_a_jar_with_another_hash_leaves_no_wheel(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    next((tmp_path / "maven").rglob("*.jar")).write_bytes(BAD)
    with pytest.raises(SystemExit, match=r"1 changed: one-1\.2\.Final\.jar"):
        fetch(monkeypatch, "--requirements", index, "--wheels", tmp_path / "out")
    assert list((tmp_path / "out").glob("*.whl")) == []


def test_a_jar_that_cannot_be_had_leaves_no_wheel(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    next((tmp_path / "maven").rglob("*.jar")).unlink()
    with pytest.raises(SystemExit, match="`python -m pip wheel` failed"):
        fetch(monkeypatch, "--requirements", index, "--wheels", tmp_path / "out")
    assert list((tmp_path / "out").glob("*.whl")) == []


def test_a_source_package_with_another_hash_is_not_built(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.write_text(f"amazon-kclpy==9.9 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(SystemExit, match="`python -m pip download` failed"):
        fetch(monkeypatch, "--requirements", index, "--wheels", tmp_path / "out")


def test_requirements_without_it_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none.txt").write_text("other==1\n")
    with pytest.raises(SystemExit, match="does not pin amazon-kclpy"):
        fetch(monkeypatch, "--requirements", tmp_path / "none.txt")


def test_nothing_is_fetched_where_the_listed_jars_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Path:
        msg = "it was built"
        raise StartError(msg)

    monkeypatch.setattr(fetch_jars, "build", refuse)
    fetch(monkeypatch)
    monkeypatch.setattr(jars, "hashes", lambda _: {})
    with pytest.raises(SystemExit, match="it was built"):
        fetch(monkeypatch)
