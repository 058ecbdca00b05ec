import pytest

from consumer import aws
from consumer.kinesis.producer import Put
from consumer.local.cloud.process import Cloud
from consumer.local.feed import CALLS_PER_SECOND, feed, paced
from consumer.local.transactions import CANONICAL

PUTS = [Put(str(number).encode(), str(number)) for number in range(50)]


def test_every_record_comes_once_in_order_and_in_small_calls() -> None:
    rate = 400
    calls = list(paced(PUTS, rate))
    assert [put for call in calls for put in call] == PUTS
    assert max(map(len, calls)) == rate // CALLS_PER_SECOND


class Clock:
    """Stands in for the module `time`: it passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("consumer.local.feed.time", made)
    return made


def test_the_rate_is_kept(clock: Clock) -> None:
    list(paced(PUTS, 20))
    assert clock.now - 1000 == pytest.approx(len(PUTS) / 20)


def test_time_lost_in_a_call_is_made_good(clock: Clock) -> None:
    for number, _ in enumerate(paced(PUTS, 20)):
        clock.sleep(1.0 if number == 0 else 0)
    assert clock.now - 1000 == pytest.approx(len(PUTS) / 20)


def test_generated_transactions_reach_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    with Cloud() as cloud:
        for name, value in cloud.environment().items():
            monkeypatch.setenv(name, value)
        kinesis = aws.client("kinesis")
        kinesis.create_stream(StreamName="fed", ShardCount=1)
        feed("fed", rate=1000, records=30)
        iterator = kinesis.get_shard_iterator(
            StreamName="fed", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )
        records = kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert len(records) == 30
    assert (records[0]["Data"], records[0]["PartitionKey"]) == (CANONICAL, "12345")
