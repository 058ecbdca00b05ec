"""Streams that grow under a real worker, and shards that run hot."""

import http.client
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest

from consumer.kinesis.producer import Put
from consumer.kinesis.sender import Pace, Sender
from consumer.local.transactions import CANONICAL

from .conftest import Lab, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

RECORDS = 3000


def numbered(count: int, keys: int) -> list[Put]:
    """Return transactions that tell their number."""
    made = [CANONICAL.replace(b"149.99", b"%d" % number) for number in range(count)]
    return [Put(data.replace(b'"12345"', b'"u%d"' % (n % keys)), f"u{n % keys}") for n, data in enumerate(made)]


def stored(lab: Lab) -> set[int]:
    return {int(item["amount"]["N"]) for item in lab.cloud.table(lab.settings.output.table)}


@contextmanager
def in_background(sender: Sender, puts: list[Put], pace: Pace) -> Iterator[None]:
    failed: list[BaseException] = []

    def send() -> None:
        try:
            sender.send(puts, pace)
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert not failed


def test_aggregates_lose_nothing_while_shards_split_and_merge(lab: Lab) -> None:
    lab.set_up(2)
    lab.start(2)
    kinesis = boto3.client("kinesis")
    sender = Sender(lab.name, aggregate=20)
    with in_background(sender, numbered(RECORDS, 500), Pace(500)):
        for target in (4, 3):
            reached = sender.sent.records + 300
            wait_for(lambda least=reached: sender.sent.records >= least, "some more records", 30)  # type: ignore[misc]
            kinesis.update_shard_count(StreamName=lab.name, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
    assert len(sender.sent.shards) > 4
    wait_for(lambda: len(stored(lab)) == RECORDS, "every sub-record is stored", 120)
    lab.assert_books_balance()
    assert lab.stop() == 0


def test_a_worker_follows_an_on_demand_stream_that_grows_by_itself(lab: Lab) -> None:
    kinesis = boto3.client("kinesis")
    lab.set_up(4)
    arn = kinesis.describe_stream_summary(StreamName=lab.name)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    lab.start(4)
    Sender(lab.name).send(numbered(RECORDS, RECORDS))  # at once: more than half of what the shards take
    count = kinesis.describe_stream_summary(StreamName=lab.name)["StreamDescriptionSummary"]["OpenShardCount"]
    assert count > 4
    wait_for(lambda: len(stored(lab)) == RECORDS, "every record is stored, those of the new shards too", 120)
    wait_for(lambda: lab.metrics().get("sanitizer_shards_owned", 0) == count, "the new shards are served", 60)
    lab.assert_books_balance()
    assert lab.stop() == 0


def test_a_hot_shard_is_marked(lab: Lab) -> None:
    lab.set_up(2)
    lab.start(2)
    port = lab.port()
    assert port is not None

    def shards() -> str:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            page = connection.getresponse().read().decode()
        finally:
            connection.close()
        [found] = re.findall(r'<section id="shards".*?>(.*?)</section>', page, re.DOTALL)
        return str(found)

    assert "Hot:" not in shards()
    # One key, some kilobytes a record: hot by its bytes.
    large = CANONICAL.replace(b"Amazon", b"A" * 10_000)
    ended = time.monotonic() + 60
    hot = threading.Event()

    def load() -> Iterator[Put]:
        while not hot.is_set() and time.monotonic() < ended:
            yield Put(large, "12345")

    sender = Sender(lab.name, aggregate=4)

    def watch() -> None:
        wait_for(lambda: "Hot: shardId-" in shards(), "the mark", 60)
        hot.set()

    watching = threading.Thread(target=watch)
    watching.start()
    sender.send(load(), Pace(120))
    watching.join()
    assert hot.is_set()
    text = lab.metrics_text()

    def total(name: str) -> float:
        return sum(map(float, re.findall(rf"^{name}\{{.*\}} (\S+)$", text, re.MULTILINE)))

    # Aggregates of four count once.
    assert 0 < total("sanitizer_kinesis_records_received_total") < total("sanitizer_records_received_total") / 2
    assert lab.stop() == 0
