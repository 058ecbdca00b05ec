"""How near a shard is to its limits: by the stream's own clock, however fast it is read and whatever is aggregated."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import yaml

from consumer import tables
from consumer.kinesis.kpl import UserRecord, aggregated
from consumer.kinesis.reader import RawRecord
from consumer.kinesis.shard_load import load_of
from consumer.local.cloud.process import Cloud
from consumer.metrics import Metrics
from consumer.settings import load_settings
from consumer.web.history import BYTES, KINESIS_RECORDS, STREAM_SECONDS, Sample, Window
from consumer.web.shard_table import Load, loads
from tests.kits.cli import Run
from tests.kits.page import Figures, page, watched

MB = 1 << 20


def sample(at: float, records: float, size: float, seconds: float) -> Sample:
    counts = {KINESIS_RECORDS: records, BYTES: size, STREAM_SECONDS: seconds}
    return Sample(at, {name: {("s",): count} for name, count in counts.items()}, {})


@pytest.mark.parametrize(
    ("records", "size", "seconds", "expected"),
    [
        (9000, 9000, 10, Load(0.9, 9000 / MB / 20)),  # small records: by their number
        (100, 9 * MB, 10, Load(0.9, 0.45)),  # large ones: by their bytes
        (18_000, 18_000, 20, Load(0.9, 18_000 / MB / 20)),  # two seconds' worth read in each: no hotter than written
        (500, 0, 0.2, Load(None, 0)),  # of less than a second nothing is known
        (0, 0, 0, Load(None, 0)),
        (10, 0, 600, Load(10 / 600 / 1000, 0)),
    ],
)
def test_the_share_of_the_limits(records: float, size: float, seconds: float, expected: Load) -> None:
    window = Window(sample(100, 5, 7, 50), sample(110, 5 + records, 7 + size, 50 + seconds))
    assert loads(window) == {"s": pytest.approx(expected)}


def test_the_books_count_the_streams_time_once() -> None:
    books = (metrics := Metrics()).shard("s")

    def seen() -> tuple[float, float]:
        return metrics.kinesis_records.labels("s")._value.get(), metrics.stream_seconds.labels("s")._value.get()

    books.arrived(3, 1000.0, 1000.5)
    assert seen() == (3, 0.5)
    books.arrived(2, 1001.0, 1002.5)  # the gap between the two is the stream's time as well
    assert seen() == (5, 2.5)
    books.arrived(2, 1001.0, 1002.0)  # nothing goes back
    assert seen() == (7, 2.5)
    books.arrived(1, 0.0, 0.0)  # no arrival is known
    assert seen() == (8, 2.5)
    books.arrived(1, 1003.0, 1003.0)
    assert seen() == (9, 3.0)


def shards_section(figures: Figures) -> str:
    [found] = re.findall(r'<section id="shards" .*?>(.*?)</section>', page(watched(figures, 8)), re.DOTALL)
    return str(found)


def test_a_hot_shard_is_marked_and_the_page_says_what_to_do() -> None:
    class Hot(Figures):
        factor = 1.0

        def text(self) -> str:
            name = 'sanitizer_kinesis_records_received_total{shard="shardId-000000000001"}'
            lines = super().text().splitlines()
            return "\n".join(f"{name} {100 * self.factor * self.seconds}" if name in line else line for line in lines)

    figures = Hot(3)
    cool = shards_section(figures)
    assert "10 %" in cool
    assert "Hot:" not in cool
    figures = Hot(3)
    figures.factor = 9
    hot = shards_section(figures)
    assert '<span class="warn">90 %</span>' in hot
    assert hot.count("90 %") == 1
    assert "Hot: shardId-000000000001. Above 80%" in hot


def test_a_shard_that_is_read_as_fast_as_it_gives_is_marked() -> None:
    class Late(Figures):
        def text(self) -> str:
            return re.sub(r"(bytes_received_total\{.*\}) .*", rf"\1 {1.9 * MB * self.seconds}", super().text())

    shown = shards_section(Late(1))
    assert "Read at the limit: shardId-000000000000." in shown
    assert '<span class="warn">95 %</span>' in shown


def raw(key: str, size: int = 10) -> RawRecord:
    return RawRecord("1", 0, b"x" * size, key)


def test_a_load_is_counted_as_the_limits_count_it() -> None:
    one_key = load_of([raw("hot")] * 8000 + [raw(f"k{n}") for n in range(1000)], 10)
    assert (one_key.records_per_second, one_key.share, one_key.top_key_share) == (900, 0.9, 0.8889)
    assert one_key.advice == "one key has 89% of it: a split does not help; give that key a suffix"
    many = load_of([raw(f"k{n}") for n in range(9000)], 10)
    assert many.advice
    assert many.advice.startswith("many keys, the largest has 0%: split it")
    by_bytes = load_of([raw("large", MB - 5)] * 9 + [raw("small", 1)] * 100, 10)
    assert by_bytes.share == pytest.approx(0.9, abs=0.001)
    assert by_bytes.top_key_share > 0.99
    assert load_of([], 10) == (0, 0, 0, 0)
    assert load_of([raw("a")], 10).advice is None


def test_an_aggregate_is_one_record_of_many_keys() -> None:
    data = aggregated([UserRecord(b"x", f"k{n % 4}") for n in range(100)])
    found = load_of([RawRecord("1", 0, data, "k0")] * 20, 10)
    assert (found.records_per_second, found.top_key_share) == (2, 0.25)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with Cloud() as cloud:
        for name, value in cloud.environment().items():
            monkeypatch.setenv(name, value)
        yield cloud


@pytest.mark.usefixtures("cloud")
def test_status_tells_which_shard_is_hot_and_never_by_which_key(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text(yaml.safe_dump({"stream": {"name": "hot"}, "kcl": {"application": "hot-app"}}))
    kinesis = boto3.client("kinesis")
    kinesis.create_stream(StreamName="hot", ShardCount=2)
    settings = load_settings(config)
    tables.create(settings)
    tables.seed_leases(settings)
    shard = ""
    for _ in range(18):
        answer = kinesis.put_records(StreamName="hot", Records=[{"Data": b"1", "PartitionKey": "secret-user"}] * 500)
        shard = answer["Records"][0]["ShardId"]
    ran = run("status", "--wait", "0", "--load", "--config", config)
    assert f"{shard} is hot: one key has 100% of it" in ran.out
    assert "(hot)" in ran.out
    assert "secret" not in ran.out + ran.err
    loads_ = json.loads(run("status", "--wait", "0", "--load", "--json-all", "--config", config).out)["loads"]
    assert sorted(each["share"] > 0.8 for each in loads_.values()) == [False, True]
    plain = run("status", "--wait", "0", "--config", config)
    assert "largest key" not in plain.out
