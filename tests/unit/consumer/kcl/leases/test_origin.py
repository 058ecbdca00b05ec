"""Leases know their stream, and where their shards begin."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from consumer import aws, tables
from consumer.errors import ServiceError, StartError
from consumer.kcl.leases import origin
from consumer.kcl.leases.application_item import ApplicationItem, Facts
from consumer.kcl.leases.tables import SHARD_END, Lease, LeaseTables, tables_of
from consumer.kcl.properties import properties
from consumer.settings import Settings

SHARD = "shardId-000000000000"
pytestmark = pytest.mark.usefixtures("_in_the_cloud")


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    return named(str(abs(hash(request.node.name))))


def named(name: str, stream: str | None = None, position: str = "LATEST", **kcl: Any) -> Settings:
    return Settings.model_validate(
        {
            "stream": {"name": stream or f"s-{name}", "initial_position": position},
            "kcl": {"application": f"a-{name}"} | kcl,
            "output": {"table": f"o-{name}"},
            "quarantine": {"table": f"q-{name}"},
        }
    )


def at(settings: Settings, position: str) -> Settings:
    stream = settings.stream.model_copy(update={"initial_position": position})
    return settings.model_copy(update={"stream": stream})


def make(settings: Settings, shards: int = 1) -> None:
    boto3.client("kinesis").create_stream(StreamName=settings.stream.name, ShardCount=shards)


def make_anew(settings: Settings, shards: int = 1) -> None:
    boto3.client("kinesis").delete_stream(StreamName=settings.stream.name)
    time.sleep(0.002)  # a time of creation is told in milliseconds
    make(settings, shards)


def make_tables(settings: Settings) -> LeaseTables:
    for table in tables_of(settings.kcl.application):
        boto3.client("dynamodb").create_table(**table.request)
    return of(settings)


def of(settings: Settings) -> LeaseTables:
    return LeaseTables(aws.client("dynamodb"), settings.kcl.application)


def facts(settings: Settings) -> Facts:
    return ApplicationItem(aws.client("dynamodb"), settings.kcl.application).read()


def lease(settings: Settings, number: int, checkpoint: str) -> None:
    bounds = {"StartingHashKey": "0", "EndingHashKey": "9"}
    of(settings).add({"ShardId": f"shardId-{number:012d}", "HashKeyRange": bounds}, checkpoint)


def put(settings: Settings) -> str:
    answer = boto3.client("kinesis").put_record(StreamName=settings.stream.name, Data=b"{}", PartitionKey="k")
    return answer["SequenceNumber"]


def checkpoints(settings: Settings) -> list[str | None]:
    return [each.checkpoint for each in of(settings).leases()]


def problem(settings: Settings) -> str | None:
    return origin.problem(settings, aws.client("kinesis"), aws.client("dynamodb"))


def test_latest_is_a_time_that_is_remembered(settings: Settings) -> None:
    before = int(time.time())
    make(settings, 2)
    tables.create(settings)
    assert tables.seed_leases(settings) == 2
    assert checkpoints(settings) == ["AT_TIMESTAMP"] * 2
    first = origin.enter(settings)
    assert first.starts_at is not None
    assert before <= first.starts_at <= time.time()
    for number in (0, 1):
        boto3.client("dynamodb").delete_item(
            TableName=settings.kcl.application, Key={"leaseKey": {"S": f"shardId-{number:012d}"}}
        )
    time.sleep(1.01)  # the next second
    assert origin.enter(settings) == first  # also where the leases were lost


def test_kcl_is_told_the_time_and_not_the_word() -> None:
    made = properties(named("x"), "w", 1_700_000_000)
    assert made["initialPositionInStreamExtended"] == "1700000000"
    assert "initialPositionInStream" not in made
    made = properties(named("x", position="TRIM_HORIZON"), "w", 1_700_000_000)
    assert made["initialPositionInStream"] == "TRIM_HORIZON"
    assert "initialPositionInStreamExtended" not in made


def test_of_leases_that_say_latest_nothing_is_lost(settings: Settings) -> None:
    """Those of an application that an earlier version began: nothing of such a shard was settled since its table."""
    make(settings, 4)
    leases = make_tables(settings)
    for number, checkpoint in enumerate(("LATEST", "TRIM_HORIZON", "LATEST")):
        lease(settings, number + 1, checkpoint)
    time.sleep(1.01)
    known = origin.enter(settings)
    assert known.starts_at == int(leases.created_at()) < int(time.time())
    assert checkpoints(settings) == ["AT_TIMESTAMP", "TRIM_HORIZON", "AT_TIMESTAMP"]


def test_a_checkpoint_that_was_faster_stays(settings: Settings) -> None:
    make(settings)
    leases = make_tables(settings)
    lease(settings, 0, "LATEST")
    (seen,) = leases.leases()
    client = boto3.client("dynamodb")
    client.update_item(
        TableName=settings.kcl.application,
        Key={"leaseKey": {"S": SHARD}},
        UpdateExpression="SET checkpoint = :c",
        ExpressionAttributeValues={":c": {"S": "7"}},
    )
    assert origin.restate(settings, leases, [seen]) == 0
    assert checkpoints(settings) == ["7"]


def test_the_counter_of_a_restated_lease_stays_since_its_owner_renews_by_it(settings: Settings) -> None:
    make(settings)
    leases = make_tables(settings)
    lease(settings, 0, "LATEST")
    assert origin.restate(settings, leases, leases.leases()) == 1
    assert leases.leases() == [Lease(SHARD, None, 0, "AT_TIMESTAMP")]


def test_who_wants_everything_after_all_gets_it(settings: Settings) -> None:
    make(settings)
    make_tables(settings)
    lease(settings, 0, "LATEST")
    origin.enter(settings)
    origin.enter(at(settings, "TRIM_HORIZON"))
    assert checkpoints(settings) == ["TRIM_HORIZON"]


def test_a_stream_made_anew_is_refused_by_all(settings: Settings) -> None:
    make(settings)
    tables.create(settings)
    tables.seed_leases(settings)
    assert problem(settings) is None
    make_anew(settings)
    name, application = settings.stream.name, settings.kcl.application
    said = (
        f"The stream {name} was made anew at .*Z, and the leases of the application {application} are of the one "
        f"before it, made at .*Z: give it a kcl.application of its own; or, .* delete the tables {application}, "
        f"{application}-WorkerMetricStats and {application}-CoordinatorState, and run `sanitizer tables create`"
    )
    with pytest.raises(StartError, match=said):
        origin.enter(settings)
    with pytest.raises(StartError, match=said):
        tables.seed_leases(settings)
    assert "was made anew" in (problem(settings) or "")
    for table in tables_of(application):
        boto3.client("dynamodb").delete_table(TableName=table.name)
    tables.create(settings)
    assert tables.seed_leases(settings) == 1
    assert problem(settings) is None


def test_another_stream_is_refused(settings: Settings) -> None:
    make(settings)
    tables.create(settings)
    tables.seed_leases(settings)
    other = settings.model_copy(update={"stream": settings.stream.model_copy(update={"name": "other-stream"})})
    make(other, 2)
    with pytest.raises(StartError, match=f"reads the stream {settings.stream.name}, and not other-stream: "):
        origin.enter(other)
    assert checkpoints(settings) == ["AT_TIMESTAMP"]


def test_of_two_that_race_one_is_refused(settings: Settings) -> None:
    make(settings)
    make_tables(settings)
    other = settings.model_copy(update={"stream": settings.stream.model_copy(update={"name": "racing-stream"})})
    make(other)

    def enter(each: Settings) -> bool:
        try:
            origin.enter(each)
        except StartError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(enter, (settings, other))) == [False, True]


def test_accounts_and_regions_that_emulators_make_up_do_not_matter(settings: Settings) -> None:
    known = Facts(f"arn:aws:kinesis:us-east-1:000000000000:stream/{settings.stream.name}", 5)
    seen = Facts(f"arn:aws:kinesis:eu-central-1:123456789012:stream/{settings.stream.name}", 5)
    assert origin.other_stream(settings, seen, known) is None
    assert origin.other_stream(settings, Facts(seen.stream_arn), known) is None  # it does not tell
    assert origin.other_stream(settings, Facts(seen.stream_arn, 6), known)


def test_an_application_of_an_earlier_version_is_taken_on_in_silence(settings: Settings) -> None:
    make(settings)
    make_tables(settings)
    lease(settings, 0, put(settings))
    assert problem(settings) is None
    assert facts(settings) == Facts()
    assert origin.enter(settings) == facts(settings)
    assert facts(settings).stream_created_ms


@pytest.mark.parametrize("checkpoint", ["of another", SHARD_END])
def test_leases_of_an_earlier_version_are_held_against_the_stream(settings: Settings, checkpoint: str) -> None:
    make(settings)
    make_tables(settings)
    sequence = put(settings)
    lease(settings, 0, sequence if checkpoint == "of another" else checkpoint)
    make_anew(settings)
    with pytest.raises(StartError, match=f"The lease of {SHARD} of the application .* is none of the stream"):
        origin.enter(settings)
    assert "is none of the stream" in (problem(settings) or "")


def test_a_shard_that_is_closed_and_finished_is_no_reason(settings: Settings) -> None:
    make(settings)
    boto3.client("kinesis").split_shard(
        StreamName=settings.stream.name, ShardToSplit=SHARD, NewStartingHashKey=str(2**127)
    )
    make_tables(settings)
    lease(settings, 0, SHARD_END)
    origin.enter(settings)


def test_kcl_may_create_its_tables_and_finds_ours() -> None:
    settings = named("may-create", may_create_tables=True)
    make(settings)
    assert origin.enter(settings).starts_at
    assert facts(settings).stream_created_ms


def test_no_tables_are_no_problem_and_no_stream_is_one_sentence(settings: Settings) -> None:
    assert problem(settings) is None
    make_tables(settings)
    with pytest.raises(ServiceError, match="There is no stream"):
        origin.enter(settings)
