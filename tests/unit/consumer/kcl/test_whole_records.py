"""The class that takes the place of KCL's: Java loads it, and it takes nothing apart."""

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from consumer.errors import StartError
from consumer.kcl import daemon, whole_records
from consumer.kcl.java import find_java
from consumer.settings import Settings


def test_the_same_jar_each_time(tmp_path: Path) -> None:
    whole_records.write(tmp_path)
    first = (tmp_path / whole_records.JAR_FILE).read_bytes()
    whole_records.write(tmp_path)
    assert (tmp_path / whole_records.JAR_FILE).read_bytes() == first
    with zipfile.ZipFile(tmp_path / whole_records.JAR_FILE) as jar:
        assert jar.namelist() == [f"{whole_records.NAME}.class"]


def test_it_stands_before_kcl_s_own_on_the_class_path() -> None:
    line = daemon.command(Path("/bin/java"), 256, {})
    assert line[line.index("-cp") + 1].split(os.pathsep)[0] == whole_records.JAR_FILE


def test_java_verifies_it(tmp_path: Path) -> None:
    """Its main method is missing, which Java says only of a class that it has loaded and verified."""
    try:
        java = find_java(Settings())
    except StartError:
        pytest.skip("there is no Java")
    whole_records.write(tmp_path)
    path = daemon.command(java, 64, {})
    name = whole_records.NAME.replace("/", ".")
    command = [str(java), "-Xmx64m", "-Xverify:all", "-cp", path[path.index("-cp") + 1], name]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert "Main method not found in class" in ran.stderr
    assert "VerifyError" not in ran.stderr
