"""The list of KCL's jars: no other jar runs."""

import hashlib
import os
import re
import shutil
from pathlib import Path

import pytest

from consumer.errors import StartError
from consumer.kcl import daemon
from consumer.kcl.jvm import jars
from consumer.kcl.jvm.class_file import JAR_FILE


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the installed jars be a copy, to be spoilt."""
    original = jars.installed()
    assert original
    copy = tmp_path / "jars"
    shutil.copytree(original, copy)
    monkeypatch.setattr(jars, "installed", lambda: copy)
    return copy


def refusal() -> str:
    """Return why the daemon is not started."""
    with pytest.raises(StartError) as raised:
        daemon.command(Path("/bin/java"), 256, {})
    return str(raised.value)


def test_the_listed_jars_are_taken(place: Path) -> None:
    assert jars.folder() == place
    line = daemon.command(Path("/bin/java"), 256, {})
    path = line[line.index("-cp") + 1].split(os.pathsep)
    assert path == [JAR_FILE, *(str(place / jar.file) for jar in jars.listed())]


def test_a_jar_with_another_content_is_refused(place: Path) -> None:
    (place / "slf4j-api-2.0.17.jar").write_bytes(b"another")
    assert "1 changed: slf4j-api-2.0.17.jar" in refusal()


def test_a_jar_more_is_refused_even_an_older_version(place: Path) -> None:
    shutil.copy(place / "slf4j-api-2.0.17.jar", place / "netty-handler-4.2.7.Final.jar")
    assert "1 not listed: netty-handler-4.2.7.Final.jar" in refusal()


def test_a_jar_that_is_missing_is_refused_with_the_remedy(place: Path) -> None:
    (place / "slf4j-api-2.0.17.jar").unlink()
    assert "1 missing: slf4j-api-2.0.17.jar" in refusal()
    assert "run `python -m consumer.kcl.jvm.fetch_jars`" in refusal()


def test_a_message_names_only_the_first_of_many(place: Path) -> None:
    for jar in place.glob("*.jar"):
        jar.unlink()
    assert f"{len(jars.listed())} missing: amazon-kinesis-client-{jars.version()}.jar, " in refusal()
    assert ", …" in refusal()
    assert len(refusal()) < 600


def test_the_list_names_each_artifact_once_with_its_hash_and_no_host() -> None:
    listed = jars.listed()
    assert len({jar.artifact for jar in listed}) == len(listed)
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in listed)
    assert "://" not in jars.LIST.read_text(encoding="ascii")


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "one-1.jar").write_bytes(b"one")
    (tmp_path / "other.txt").write_bytes(b"two")
    assert jars.hashes(tmp_path) == {"one-1.jar": hashlib.sha256(b"one").hexdigest()}
