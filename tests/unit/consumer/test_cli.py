"""The command: what it prints where, and its exit status; no failure shows a traceback or a record's content."""

import base64
import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import boto3
import click
import pytest
import yaml

from consumer import cli, commands
from consumer.local.cloud.process import Cloud
from redaction.plugin import Released, Verdict
from tests.kits.cli import Ran, Run

CANONICAL = (
    b'{"user_id": "12345", "credit_card": "4532-1234-5678-9012", "ssn": "123-45-6789", "amount": 149.99,'
    b' "merchant": "Amazon", "timestamp": "2024-03-15T10:30:00Z"}\n'
)


@pytest.fixture
def in_the_cloud(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "settings.yaml"


def is_one_sentence(text: str) -> bool:
    return text.startswith("sanitizer: ") and text.count("\n") == 1 and text.endswith((".\n", "?\n"))


def test_the_canonical_record_is_redacted_to_the_letter(run: Run) -> None:
    assert run("redact", stdin=CANONICAL) == Ran(
        0,
        '{"user_id":"12345","credit_card":"****-****-****-9012","amount":149.99,'
        '"merchant":"Amazon","timestamp":"2024-03-15T10:30:00Z"}\n',
        "",
    )


def test_the_help_names_each_command_and_imports_none() -> None:
    listed = {module.name for module in iter_modules(commands.__path__)} - {
        *(
            "explain",
            "format_options",
            "lines",
            "options",
            "policy_page",
            "policy_report",
            "policy_trial",
            "samples",
            "times",
            "values",
        ),
    }
    program = (
        "import sys\nfrom consumer.cli import cli\ncli(['--help'], standalone_mode=False)\n"
        "print([name for name in sys.modules if name.startswith(('consumer.commands.', 'botocore', 'pydantic'))])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    *text, imported = ran.stdout.splitlines()
    shown = text[text.index("Commands:") + 1 :]
    shown = shown[: shown.index("")]
    assert {line.split()[0] for line in shown} == listed  # and so each has a line of its own
    assert imported == "[]"
    for name in listed:
        _, command, rest = cli.cli.resolve_command(click.Context(cli.cli), [name, "more"])
        assert command is not None
        assert (command.name, rest) == (name, ["more"])
        assert command.help


def test_rejected_lines_are_listed_by_number_on_stderr(run: Run) -> None:
    ran = run("redact", stdin=b'{"a": 1}\n{"card": "4111 1111 1111 1111"\n\n{"a": 2}\r\n{"a": 3}')
    assert ran.out == '{"a":1}\n{"a":2}\n{"a":3}\n'
    assert ran.err.splitlines() == [
        "line 2: rejected (invalid_json)",
        "line 3: rejected (empty)",
        "3 released, 0 dropped, 2 rejected",
    ]
    assert ran.status == 0


def test_many_lines_keep_their_order_and_numbers(run: Run) -> None:
    lines = [b'{"n": %d}' % i if i != 1201 else b"broken" for i in range(1, 1301)]
    ran = run("redact", stdin=b"\n".join(lines))
    assert [json.loads(line)["n"] for line in ran.out.splitlines()] == [i for i in range(1, 1301) if i != 1201]
    assert ran.err.splitlines()[0] == "line 1201: rejected (invalid_json)"


def test_lines_longer_than_what_is_read_at_once_are_lines(run: Run) -> None:
    long = b'{"a": "' + b"x" * (11 << 20) + b'"}'
    ran = run("redact", stdin=long + b'\r\n{"n": 1}\n' + long)
    assert ran.out == '{"n":1}\n'
    assert ran.err.splitlines() == [
        "line 1: rejected (too_large)",
        "line 3: rejected (too_large)",
        "1 released, 0 dropped, 2 rejected",
    ]


def test_lines_are_redacted_as_they_come() -> None:
    command = [sys.executable, "-m", "consumer.cli", "redact"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(cli.__file__).parents[1]
    ) as ran:
        assert ran.stdin is not None
        assert ran.stdout is not None
        for number in range(3):  # the pipe stays open
            ran.stdin.write(b'{"n": %d, "ssn": "078-05-1120"}\n{"n"' % number)
            ran.stdin.flush()
            assert ran.stdout.readline() == b'{"n":%d}\n' % number
            ran.stdin.write(b": -1}\n")
            ran.stdin.flush()
            assert ran.stdout.readline() == b'{"n":-1}\n'
        ran.stdin.close()
        assert ran.wait(30) == 0


def test_what_was_done_is_explained_without_values(run: Run, tmp_path: Path) -> None:
    policy = tmp_path / "mine.yaml"
    policy.write_text(
        'name: mine\nversion: "1"\nextends: default\ndrop_records: [{id: tests, field: kind, equals: test}]\n'
        "fields: [{id: no_iban, action: quarantine, names: [iban]}]"
    )
    lines = [
        b'{"payment": {"card": "4111 1111 1111 1111"}, "ssn": "078-05-1120", "note": "to a@example.com"}',
        b'{"items": [{"email": "a@example.com"}, {"email": "b@example.com"}], "by": {"c@example.com": 1}}',
        b'{"kind": "test"}',
        b'{"iban": "GB82 WEST 1234 5698 7654 32"}',
        b'{"a": 1}',
        b"{",
    ]
    plain = run("redact", "--policy", policy, stdin=b"\n".join(lines))
    ran = run("redact", "--policy", policy, "--explain", stdin=b"\n".join(lines))
    assert (ran.status, ran.out) == (0, plain.out)
    assert ran.err.splitlines() == [
        "line 1: payment.card: card_field: mask",
        "line 1: ssn: ssn_field: drop",
        "line 1: note: email: mask",
        "line 2: items.email: email_field: mask (2 times)",
        "line 2: by.?: email: mask",
        "line 3: dropped: tests",
        "line 4: rejected (field_forbidden): no_iban",
        "line 6: rejected (invalid_json)",
        "3 released, 1 dropped, 2 rejected",
    ]


def test_files_are_redacted_one_after_the_other(run: Run, tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_bytes(b'{"n": 1, "ssn": "078-05-1120"}\nbroken\n{"n": 2}')
    two.write_bytes(b'broken\n{"n": 3}\n')
    ran = run("redact", one, stdin=b'{"n": 9}')
    assert (ran.status, ran.out) == (0, '{"n":1}\n{"n":2}\n')
    assert ran.err.splitlines()[0] == "line 2: rejected (invalid_json)"
    ran = run("redact", "--explain", one, "-", two, stdin=b'{"n": 9}')
    assert ran.out == '{"n":1}\n{"n":2}\n{"n":9}\n{"n":3}\n'
    assert ran.err.splitlines() == [
        f"{one}: line 1: ssn: ssn_field: drop",
        f"{one}: line 2: rejected (invalid_json)",
        f"{two}: line 1: rejected (invalid_json)",
        "4 released, 0 dropped, 2 rejected",
    ]
    ran = run("redact", one, tmp_path / "none.jsonl")
    assert (ran.status, ran.out) == (2, "")
    assert "none.jsonl' does not exist" in ran.err


def test_scripts_read_what_became_of_each_line(run: Run, tmp_path: Path) -> None:
    policy = tmp_path / "mine.yaml"
    policy.write_text(
        'name: mine\nversion: "1"\nextends: default\ndrop_records: [{id: tests, field: kind, equals: test}]'
    )
    stdin = (
        b'{"ssn": 1, "n": 12345678901234567890123, "a": [{"email": "a@b.de"}, {"email": "c@d.de"}]}\n'
        b'{"kind": "test"}\n{'
    )
    ran = run("redact", "--policy", policy, "--json", "--explain", stdin=stdin)
    assert (ran.status, ran.err) == (0, "1 released, 1 dropped, 1 rejected\n")
    assert '"n":12345678901234567890123' in ran.out  # to the digit
    first, second, third = map(json.loads, ran.out.splitlines())
    assert first == {
        "line": 1,
        "result": "released",
        "done": [
            {"path": "ssn", "rule": "ssn_field", "action": "drop", "times": 1},
            {"path": "a.email", "rule": "email_field", "action": "mask", "times": 2},
        ],
        "document": {"n": 12345678901234567890123, "a": [{"email": "****"}, {"email": "****"}]},
    }
    assert second == {"line": 2, "result": "dropped", "rule": "tests", "done": []}
    assert third == {"line": 3, "result": "rejected", "code": "invalid_json", "rule": None, "done": []}
    plain = [json.loads(line) for line in run("redact", "--json", policy, stdin=b"").out.splitlines()]
    assert all(value["result"] == "rejected" and "done" not in value for value in plain)


def test_a_plug_in_is_explained_by_rule_and_action(run: Run, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Dull:
        name, version, digest = "dull", "1", "1"

        def redact(self, payloads: Sequence[bytes]) -> list[Verdict]:
            if any(b"fail" in payload for payload in payloads):
                raise RuntimeError("4111111111111111")
            return [Released({}, b"{}", (("all", "drop"), ("all", "drop"))) for _ in payloads]

    def build(_options: object) -> Dull:
        return Dull()

    monkeypatch.setattr(EntryPoint, "load", lambda _: build)
    monkeypatch.setattr("redaction.plugin.entry_points", lambda group: [EntryPoint("dull", "dull:Dull", group)])
    config.write_text("redaction: {plugin: dull, options: {}}")
    ran = run("redact", "--config", config, "--explain", stdin=b"one\nfail\n")
    assert (ran.status, ran.out) == (0, "{}\n")
    assert ran.err.splitlines() == [
        "line 1: all: drop (2 times)",
        "line 2: rejected (redactor_raised)",
        "1 released, 0 dropped, 1 rejected",
    ]
    ran = run("redact", "--config", config, "--keys", "keys.yaml")
    assert ran.status == 2
    assert is_one_sentence(ran.err)


def test_a_policy_with_keys_is_applied(run: Run, tmp_path: Path) -> None:
    policy, keys = tmp_path / "mine.yaml", tmp_path / "keys.yaml"
    policy.write_text(
        'name: m\nversion: "1"\nfields: [{id: named, action: {tokenise: {key: customer}}, names: [customer]}]'
    )
    keys.write_text(f"customer: [{{id: a, secret: {base64.b64encode(bytes(range(32))).decode()}}}]")
    ran = run("redact", "--policy", policy, "--keys", keys, stdin=b'{"customer": "jane"}')
    assert (ran.status, ran.err) == (0, "")
    assert json.loads(ran.out)["customer"].startswith("tok_named_a_")
    ran = run("redact", "--policy", policy, stdin=b'{"customer": "jane"}')
    assert (ran.status, ran.out) == (2, "")
    assert "needs the key 'customer'" in ran.err
    keys.unlink()
    ran = run("redact", "--policy", policy, "--keys", keys)
    assert ran.status == 2
    assert "keys.yaml cannot be read" in ran.err


def test_a_built_in_policy_can_be_named(run: Run) -> None:
    assert run("redact", "--policy", "default", stdin=b'{"ssn": 1}').out == "{}\n"


@pytest.mark.parametrize("command", ["redact", "status", "run", "get"])
@pytest.mark.parametrize(
    "content",
    ["http: {port: 4111111111111111}", "sream: {}", "a: b: c", "kcl: {extra_properties: {workerId: w}}"],
)
def test_a_bad_configuration_is_wrong_usage(run: Run, config: Path, command: str, content: str) -> None:
    config.write_text(content)
    ran = run(command, *(["12345"] if command == "get" else []), "--config", config)
    assert (ran.status, ran.out) == (2, "")
    assert is_one_sentence(ran.err)
    assert "4111111111111111" not in ran.err


def test_the_configuration_may_be_named_by_a_variable(run: Run, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("stream: {name: of-the-file}")
    monkeypatch.setenv("SANITIZER_CONFIG", str(config))
    ran = run("config", "show", "--json")
    assert ran.status == 0
    assert json.loads(ran.out)["stream"]["name"] == "of-the-file"


def test_an_unreadable_policy_and_an_unknown_plug_in_are_wrong_usage(run: Run, config: Path, tmp_path: Path) -> None:
    ran = run("redact", "--policy", tmp_path / "missing.yaml")
    assert ran.status == 2
    assert "missing.yaml" in ran.err
    assert "Traceback" not in ran.err
    config.write_text("redaction: {plugin: of-tomorrow}")
    ran = run("config", "check", "--config", config)
    assert ran.status == 2
    assert "of-tomorrow" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "arguments", [["of-tomorrow"], ["get"], ["run", "--wrong"], ["produce", "/none.jsonl"], ["produce", "--rate", "0"]]
)
def test_wrong_usage_has_status_2(run: Run, arguments: list[str]) -> None:
    ran = run(*arguments)
    assert ran.status == 2
    assert "Traceback" not in ran.err


def test_the_settings_can_be_checked_shown_and_described(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANITIZER_QUARANTINE__FINGERPRINT_KEY", "correct horse battery staple, or so")
    assert run("config", "check").out.startswith("The settings are valid; redactor default@")
    shown = run("config", "show")
    assert yaml.safe_load(shown.out)["quarantine"]["fingerprint_key"] == "**********"
    assert "horse" not in shown.out + shown.err
    assert "retrieval_mode" in run("config", "schema").out
    assert run("--version").status == run("--help").status == 0


def test_scripts_read_whether_the_settings_are_valid(run: Run, config: Path) -> None:
    value = json.loads(run("config", "check", "--json").out)
    assert (value["ok"], value["decoders_and_sinks"]) == (True, "ok")
    assert value["redactor"].startswith("default@")
    assert f"digest {value['digest']}." in run("config", "check").out
    config.write_text("http: {port: 4111111111111111}\n")
    ran = run("config", "check", "--json", "--config", config)
    assert ran.status == 2
    told = json.loads(ran.out)
    assert told["ok"] is False
    assert [problem for problem in told["problems"] if "http.port" in problem]
    assert "http.port" in ran.err
    config.write_text("http: {port: high}\nstraem: {}\n")
    straem, port = json.loads(run("config", "check", "--json", "--config", config).out)["problems"]
    assert port.startswith(f"{config}:1: http.port: ")
    assert straem.startswith(f"{config}:2: straem: ")


def test_all_that_the_settings_name_is_checked_at_once(run: Run, config: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text('name: m\nversion: "1"\nextend: default\nfields: {}\n')
    config.write_text(
        "redaction: {options: {policy: mine.yaml}}\nstream: {format: [gizp]}\n"
        "sinks: [{plugin: kinesis, options: {straem: s}}]"
    )
    ran = run("config", "check", "--config", config)
    assert (ran.status, ran.out) == (2, "")
    policy = tmp_path / "mine.yaml"
    for said in (
        f"{policy}:3: extend: unknown key; did you mean 'extends'?",
        f"{policy}:4: fields: must be a list",
        "No decoder named 'gizp' is installed",
        "sinks: kinesis: it has no option 'straem'",
    ):
        assert said in ran.err


def test_no_region_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    ran = run("status")
    assert ran == Ran(2, "", "sanitizer: No AWS region is configured: set AWS_REGION.\n")


def test_an_endpoint_out_of_reach_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    ran = run("produce", stdin=b'{"user_id": "4111111111111111"}\n')
    assert ran.status == 1
    assert is_one_sentence(ran.err)
    assert "cannot be reached" in ran.err
    assert "4111111111111111" not in ran.err


@pytest.mark.usefixtures("in_the_cloud")
def test_a_stream_and_tables_that_are_not_there_are_one_sentence_each(run: Run, config: Path) -> None:
    config.write_text("stream: {name: nowhere}\nkcl: {application: nobody}\noutput: {table: nothing}")
    for arguments, said in (
        (["produce"], "There is no stream nowhere"),
        (["status"], "There is no table nobody"),
        (["get", "12345"], "There is no table nothing"),
        (["quarantine", "list"], "There is no table sanitizer-quarantine"),
    ):
        ran = run(*arguments, "--config", config, stdin=CANONICAL)
        assert (ran.status, ran.out) == (1, "")
        assert is_one_sentence(ran.err)
        assert said in ran.err
    ran = run("tables", "create", "--config", config)
    assert (ran.status, ran.out) == (1, "")
    assert "There is no stream nowhere" in ran.err
    ran = run("tables", "check", "--config", config)
    assert ran.status == 1
    assert ran.out.count("is missing") == 5  # none was made for a stream that is not there


@pytest.mark.usefixtures("in_the_cloud")
def test_from_tables_to_a_record_on_the_stream(run: Run, config: Path) -> None:
    config.write_text("stream: {name: mine}\nkcl: {application: mine-app}\noutput: {table: mine-out}")
    boto3.client("kinesis").create_stream(StreamName="mine", ShardCount=2)
    created = json.loads(run("tables", "create", "--json", "--config", config).out)
    assert created["leases"] == 2
    assert run("tables", "check", "--config", config).status == 0
    ran = run("produce", "--json", "--config", config, stdin=CANONICAL * 3)
    report = json.loads(ran.out)
    assert (report["stream"], report["records"], report["retries"]) == ("mine", 3, {})
    assert sum(report["shards"].values()) == 3
    assert len(json.loads(run("status", "--json", "--config", config).out)) == 2
    missing = run("get", "12345", "--config", config)
    assert missing == Ran(1, "", "No document has this key.\n")


def worker(config: Path, **values: Any) -> subprocess.CompletedProcess[str]:
    """Start the worker, which cannot start, in a process of its own."""
    config.write_text(yaml.safe_dump(values))
    command = [sys.executable, "-m", "consumer.cli", "run", "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.usefixtures("in_the_cloud")
def test_a_worker_that_cannot_start_says_why_in_one_sentence(run: Run, config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        http = {"host": "127.0.0.1", "port": server.getsockname()[1]}
        ran = worker(config, stream={"name": "starting"}, http=http)
        assert ran.returncode == 1
        assert is_one_sentence(ran.stderr)
        assert "There is no stream starting" in ran.stderr
        boto3.client("kinesis").create_stream(StreamName="starting", ShardCount=1)
        run("tables", "create", "--config", config)
        ran = worker(config, stream={"name": "starting"}, quarantine={"table": "nowhere"}, http=http)
        assert is_one_sentence(ran.stderr)  # no line of the log before it
        assert "There is no table" in ran.stderr
        ran = worker(config, stream={"name": "starting"}, http=http)
    assert ran.returncode == 1
    logged, _, sentence = ran.stderr.rpartition("}\n")
    assert '"event": "stream.readers"' in logged
    assert is_one_sentence(sentence)
    assert f"Port {http['port']} of 127.0.0.1 cannot be listened on" in ran.stderr
    ran = worker(config, stream={"name": "starting"}, kcl={"java": "/none/java"})
    assert ran.returncode == 1
    assert is_one_sentence(ran.stderr)
    assert "there is no such executable" in ran.stderr
