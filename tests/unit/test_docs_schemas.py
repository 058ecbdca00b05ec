"""What docs/schemas.md says is so: its formats, its codes, and its walk, with the embedded cloud."""

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from consumer import aws
from consumer.decoder import Decoded
from consumer.decoding.confluent import Confluent
from consumer.decoding.glue import Glue
from consumer.decoding.schemas import definition, memory
from consumer.decoding.schemas.avro_values import _KINDS
from consumer.decoding.schemas.proto_file import MAX_PROTO_CHARS
from consumer.local.cloud.process import Cloud
from consumer.quarantine.codes import BY_SCHEMA
from tests.kits.schemas import context

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "schemas.md").read_text(encoding="utf-8")
SOURCES = [path.read_text(encoding="utf-8") for path in (ROOT / "consumer" / "decoding").rglob("*.py")]


def _flow(text: str) -> str:
    return " ".join(text.split())


def test_the_formats_are_understood(tmp_path: Path) -> None:
    (tmp_path / "registry").write_text("user:password")
    rows = re.findall(r"^\| `(\[.*\])` \|", PAGE, re.MULTILINE)
    assert len(rows) == 5
    for row in rows:
        named = row.replace("/etc/sanitizer/schemas", str(tmp_path)).replace("/run/secrets", str(tmp_path))
        (step,) = yaml.safe_load(named.replace("…", "'https://registry.example.com'"))
        name, options = (step, {}) if isinstance(step, str) else next(iter(step.items()))
        {"glue": Glue, "confluent": Confluent}[name](options, context())


def test_each_code_stands_there_and_none_more() -> None:
    codes = "glue|confluent|schema|avro|protobuf|decoded"
    raised = {code for source in SOURCES for code in re.findall(rf'"((?:{codes})_[a-z_]+)"', source)}
    assert raised - {"decoded_too_large"} == set(BY_SCHEMA)


def test_each_logical_type_stands_there() -> None:
    table = PAGE.split("**Avro**")[1].split("**Protobuf**")[0]
    for _, name in _KINDS:
        if name not in ("plain", "enum"):
            short = name.rpartition("-")[2]
            assert name in table or f"-{short}" in table, name


def test_its_figures_are_those_of_the_code() -> None:
    page = _flow(PAGE)
    assert f"the {memory.MAX_SCHEMAS:,} last used" in page
    assert f"{definition.MAX_VALUES:,} fields" in page
    assert f"{definition.MAX_DEPTH} levels" in page
    assert definition.MAX_SCHEMA_BYTES == 2**20
    assert MAX_PROTO_CHARS == 256 * 1024
    assert f"once more {memory.SECOND_LOOK_SECONDS:.0f} s later" in page
    assert memory.UNKNOWN_SECONDS == 60
    assert (memory._HOLDS_A_MINUTE, memory._LOOKUPS_A_SECOND, memory._LOOKUPS_AT_ONCE) == (3, 5, 50)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with Cloud() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", os.environ["AWS_ENDPOINT_URL_KINESIS"])
        yield running


def test_the_walks_record_is_read_as_it_says(cloud: Cloud, tmp_path: Path) -> None:  # noqa: ARG001
    found = re.search(r"^`send_avro.py`\n\n((?:    .*\n|\n)+)", PAGE, re.MULTILINE)
    assert found
    script = tmp_path / "send_avro.py"
    script.write_text(textwrap.dedent(found[1]))
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="transactions", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="transactions", WaiterConfig={"Delay": 1})

    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=60)

    assert (ran.returncode, ran.stderr) == (0, "")
    (shard,) = kinesis.list_shards(StreamName="transactions")["Shards"]
    iterator = kinesis.get_shard_iterator(
        StreamName="transactions", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    (record,) = kinesis.get_records(ShardIterator=iterator)["Records"]
    (part,) = Glue({}, context()).decode(record["Data"])
    assert isinstance(part, Decoded)
    assert f"    {part.data.decode()}\n" in PAGE
    assert part.schema
    assert (part.schema.name, part.schema.version) == ("transactions", "1")
    assert [(tag.path, tag.name) for tag in part.schema.tags] == [(("credit_card",), "PAN")]
    assert json.loads(part.data)["amount"] == 149.90
