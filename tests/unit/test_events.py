"""The event format: its schema takes what is sent, and the example sends it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pytest

from consumer.local.cloud.process import Cloud
from consumer.local.transactions import CANONICAL, transactions
from examples.producer.producer import ATTEMPTS, Producer, Transaction, calls, record
from redaction.engine import from_options
from redaction.plugin import Released

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "transaction.schema.json").read_text(encoding="utf-8"))
REFUSED = {"ErrorCode": "ProvisionedThroughputExceededException"}


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


def test_the_canonical_record_and_all_that_is_generated_are_valid(
    validator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.local.transactions.BROKEN_SHARE", 0.0)
    validator.validate(json.loads(CANONICAL))
    for made in transactions(7, 3000):
        validator.validate(json.loads(made.data))
        assert json.loads(made.data)["user_id"] == made.partition_key


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_id": 12345},
        {"user_id": ""},
        {"timestamp": "2024-03-15T10:30:00"},
        {"timestamp": "2024-03-15T10:30:00+02:00"},
        {"timestamp": 1710498600},
        {"timestamp": "2024-13-15T10:30:00Z"},
        {"amount": "149.99"},
        {"currency": "usd"},
        {"credit_card": 4111111111111111},
    ],
)
def test_what_is_wrong_is_not_valid(validator: Any, wrong: dict[str, Any]) -> None:
    assert validator.is_valid(json.loads(CANONICAL))
    assert not validator.is_valid(json.loads(CANONICAL) | wrong)


@pytest.mark.parametrize("name", SCHEMA["required"])
def test_what_is_required_is_missed(validator: Any, name: str) -> None:
    event = json.loads(CANONICAL)
    del event[name]
    assert not validator.is_valid(event)


def test_fields_that_nobody_has_heard_of_are_welcome(validator: Any) -> None:
    validator.validate(json.loads(CANONICAL) | {"new": {"at": ["any", "depth"]}})


def test_what_is_said_of_sensitive_fields_is_what_the_default_policy_does() -> None:
    values = {
        "credit_card": "4111 1111 1111 1111",
        "cvv": "123",
        "ssn": "219-09-9999",
        "iban": "DE89370400440532013000",
        "email": "ada@example.com",
        "phone": "+1 202 555 0143",
        "ip": "203.0.113.7",
        "date_of_birth": "1990-05-17",
    }
    said = {
        name: each["description"] for name, each in SCHEMA["properties"].items() if "Sensitive" in each["description"]
    }
    assert said.keys() == values.keys()
    event = json.loads(CANONICAL) | values
    [verdict] = from_options({}).redact([json.dumps(event).encode()])
    assert isinstance(verdict, Released)
    document = json.loads(verdict.body)
    for name, text in said.items():
        if "never stored" in text:
            assert name not in document
        elif "masked" in text:
            assert "*" in document[name]
            assert document[name] != values[name]
        else:
            assert document[name] == "1990"


def test_the_page_shows_a_valid_event_and_the_fields_of_the_schema(validator: Any) -> None:
    shown = re.search(r"^    (\{(?:.|\n)*?\})$", PAGE, re.MULTILINE)
    assert shown
    validator.validate(json.loads(shown[1]))
    rows = re.findall(r"^\| (`.*?) \| (\w+)", PAGE, re.MULTILINE)
    required = {name for names, how in rows if how == "required" for name in re.findall(r"`(\w+)`", names)}
    assert required == set(SCHEMA["required"])
    named = {name for names, _ in rows for name in re.findall(r"`(\w+)`", names)}
    assert named == set(SCHEMA["properties"]) - {"type"}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def kinesis(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    return boto3.client("kinesis")


def events(count: int, users: int) -> list[Transaction]:
    return [{"user_id": f"u{number % users}", "number": number} for number in range(count)]


def read(kinesis: Any, stream: str) -> list[Transaction]:
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    at = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return [json.loads(each["Data"]) for each in kinesis.get_records(ShardIterator=at["ShardIterator"])["Records"]]


class Throttling:
    """Turns away every third record."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._count = 0

    def put_records(self, StreamName: str, Records: list[Any]) -> Any:  # noqa: N803
        results = []
        for each in Records:
            self._count += 1
            results.append(REFUSED if self._count % 3 == 0 else self._real.put_record(StreamName=StreamName, **each))
        return {"Records": results}


def test_the_example_sends_again_what_was_turned_away_and_each_users_in_order(
    kinesis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinesis.create_stream(StreamName="example", ShardCount=1)
    monkeypatch.setattr("examples.producer.producer.time.sleep", lambda _: None)
    producer = Producer("example")
    producer._client = Throttling(kinesis)
    sent = events(200, 9)
    assert producer.put(sent) == 200
    found = read(kinesis, "example")
    for user in {event["user_id"] for event in sent}:
        assert [each for each in found if each["user_id"] == user] == [each for each in sent if each["user_id"] == user]
    assert len(found) == 200


def test_the_example_gives_up_loudly_and_without_content(monkeypatch: pytest.MonkeyPatch, kinesis: Any) -> None:
    monkeypatch.setattr("examples.producer.producer.time.sleep", lambda _: None)
    producer = Producer("none")
    kinesis.create_stream(StreamName="none", ShardCount=1)

    class Full:
        def put_records(self, Records: list[Any], **_: Any) -> Any:  # noqa: N803
            return {"Records": [REFUSED for _ in Records]}

    producer._client = Full()
    with pytest.raises(RuntimeError, match=f"3 records were turned away {ATTEMPTS} times") as error:
        producer.put(events(3, 3))
    assert "u1" not in str(error.value)


def test_the_examples_calls_are_within_the_limits() -> None:
    records = [record({"user_id": str(n), "note": "x" * 100_000}) for n in range(120)]
    records += [record(event) for event in events(1200, 1200)]
    made = list(calls(records))
    assert [each for call in made for each in call] == records
    for call in made:
        assert len(call) <= 500
        assert sum(len(each["Data"]) for each in call) < 5 << 20
        assert len({each["PartitionKey"] for each in call}) == len(call)


def test_the_example_runs_as_its_readme_says(kinesis: Any, tmp_path: Path) -> None:
    assert "STREAM=transactions python producer.py" in (ROOT / "examples/producer/README.md").read_text()
    kinesis.create_stream(StreamName="transactions", ShardCount=1)
    ran = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "producer" / "producer.py")],
        input=CANONICAL + b"\n" + CANONICAL,
        env=os.environ | {"STREAM": "transactions"},
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert ran.stdout == b"2 transactions are on the stream\n"
    assert read(kinesis, "transactions") == [json.loads(CANONICAL)] * 2
