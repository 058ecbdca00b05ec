"""The classes that are written for the daemon's JVM: Java loads them, and KCL's log says what they listen for."""

import os
import subprocess
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from consumer.errors import StartError
from consumer.kcl import daemon
from consumer.kcl.jvm import jars, no_skipping, whole_records
from consumer.kcl.jvm.class_file import JAR_FILE, write_jar
from consumer.kcl.jvm.java import find_java
from consumer.settings import Settings
from tests.kits.needs import lacks

CLASSES = [whole_records, no_skipping]


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    daemon.write_files(tmp_path, {}, Path("shim.py"), 1)
    return tmp_path / JAR_FILE


@pytest.fixture(scope="module")
def java() -> Path:
    try:
        return find_java(Settings())
    except StartError:
        lacks("there is no Java, which `make setup` brings")


def test_the_same_jar_each_time(jar: Path) -> None:
    first, time = jar.read_bytes(), jar.stat().st_mtime
    daemon.write_files(jar.parent, {}, Path("shim.py"), 1)
    assert jar.read_bytes() == first
    assert jar.stat().st_mtime == time  # an AOT cache is for a jar by its time
    write_jar(jar.parent, {"Other": b""})
    assert jar.stat().st_mtime != time
    daemon.write_files(jar.parent, {}, Path("shim.py"), 1)
    with zipfile.ZipFile(jar) as read:
        assert read.namelist() == [f"{each.NAME}.class" for each in CLASSES]


def test_it_stands_before_kcl_s_own_on_the_class_path() -> None:
    line = daemon.command(Path("/bin/java"), 256, {})
    assert line[line.index("-cp") + 1].split(os.pathsep)[0] == JAR_FILE


@pytest.mark.parametrize("made", CLASSES)
def test_java_verifies_it(jar: Path, java: Path, made: ModuleType) -> None:
    """Its main method is missing, which Java says only of a class that it has loaded and verified."""
    path = daemon.command(java, 64, {})
    command = [str(java), "-Xmx64m", "-Xverify:all", "-cp", path[path.index("-cp") + 1], made.NAME.replace("/", ".")]
    ran = subprocess.run(command, cwd=jar.parent, capture_output=True, text=True, check=False, timeout=60)
    assert "Main method not found in class" in ran.stderr
    assert "VerifyError" not in ran.stderr


@pytest.mark.parametrize("logger", no_skipping.TEMPLATES)
def test_kcl_logs_what_ends_the_jvm(logger: str) -> None:
    """With another version of KCL these may be other words."""
    [kcl] = Path(jars.folder()).glob("amazon-kinesis-client-[0-9]*.jar")
    with zipfile.ZipFile(kcl) as read:
        code = read.read(f"{logger}.class")
    for template in no_skipping.TEMPLATES[logger]:
        assert template.encode() in code
    configuration = Path(jars.__file__).with_name(daemon.LOGBACK_FILE).read_text(encoding="utf-8")
    part = configuration[configuration.index(f'<logger name="{logger.replace("/", ".")}"') :]
    assert '<appender-ref ref="NO_SKIPPING"/>' in part[: part.index("</logger>")]
