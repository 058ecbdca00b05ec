"""Who reads a stream: counted in the embedded cloud, told by the log and the doctor."""

from typing import Any

import boto3
import pytest

from consumer import aws
from consumer.doctor import stream_readers
from consumer.kinesis import registered_consumers
from consumer.local.cloud.process import Cloud
from consumer.settings import Settings
from tests.kits.door import Door

REGION = "eu-central-1"


@pytest.fixture
def kinesis(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    return boto3.client("kinesis")


@pytest.fixture
def stream(kinesis: Any, request: pytest.FixtureRequest) -> str:
    name = f"s{abs(hash(request.node.name))}"
    kinesis.create_stream(StreamName=name, ShardCount=2)
    return name


def summary(kinesis: Any, stream: str) -> dict[str, Any]:
    found: dict[str, Any] = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    return found


def register(kinesis: Any, stream: str, *names: str) -> list[str]:
    arn = summary(kinesis, stream)["StreamARN"]
    made = [kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=name) for name in names]
    return [each["Consumer"]["ConsumerARN"] for each in made]


def settings(stream: str, polling: int = 1, **kcl: Any) -> Settings:
    return Settings.model_validate({"stream": {"name": stream, "polling_applications": polling}, "kcl": kcl})


def states(stream: str, kinesis: Any, polling: int = 1, **kcl: Any) -> list[tuple[str, str]]:
    return [(each.state, each.text) for each in stream_readers.check(settings(stream, polling, **kcl), kinesis)]


def test_registered_consumers_are_counted_and_named(kinesis: Any, stream: str) -> None:
    register(kinesis, stream, *(f"app-{number:02}" for number in range(12)))
    found = registered_consumers.look(kinesis, summary(kinesis, stream))
    assert found.number == summary(kinesis, stream)["ConsumerCount"] == 12
    assert found.consumers is not None
    assert {each.status for each in found.consumers} == {"ACTIVE"}
    mine = found.own(settings(stream, retrieval_mode="FANOUT", consumer_name="app-07"))
    assert mine is not None
    assert found.own(settings(stream, retrieval_mode="FANOUT", consumer_arn=mine.arn)) == mine
    assert found.own(settings(stream, retrieval_mode="FANOUT")) is None


def test_without_the_permission_the_streams_own_count_is_left(
    kinesis: Any, stream: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(kinesis, stream, "one")
    with Door(cloud.endpoint) as door:
        door.refused["ListStreamConsumers"] = "AccessDeniedException"
        monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", door.url)
        client = aws.client("kinesis")
        found = registered_consumers.look(client, summary(client, stream))
        assert found == registered_consumers.Readers(1, None, "AccessDeniedException")
        ((state, text), _) = states(stream, client)
        assert state == "skipped"
        assert "grant kinesis:ListStreamConsumers" in text


def test_the_log_tells_at_the_start(kinesis: Any, stream: str, log: Any) -> None:
    common = {"stream": stream, "limit": 20, "code": None}
    registered_consumers.tell(settings(stream, 2), kinesis, summary(kinesis, stream), log)
    assert log.events.pop() == (
        "info",
        "stream.readers",
        common | {"consumers": 0, "polling": 2, "read_every_ms": 500},
    )
    (arn,) = register(kinesis, stream, "mine")
    by_arn = settings(stream, retrieval_mode="FANOUT", consumer_arn=arn)
    registered_consumers.tell(by_arn, kinesis, summary(kinesis, stream), log)
    assert log.events.pop() == (
        "info",
        "stream.readers",
        common | {"consumers": 1, "name": arn, "status": "ACTIVE"},
    )
    assert not log.events
    kinesis.deregister_stream_consumer(ConsumerARN=arn)
    registered_consumers.tell(by_arn, kinesis, summary(kinesis, stream), log)
    assert log.events.pop() == ("warning", "stream.not_registered", {"name": arn, "status": None})


def test_the_doctor_of_a_fan_out_application(kinesis: Any, stream: str) -> None:
    ((state, text),) = states(stream, kinesis, retrieval_mode="FANOUT", application="alerts")
    assert (state, text.endswith("KCL registers alerts at its first start.")) == ("ok", True)
    (arn,) = register(kinesis, stream, "alerts")
    ((state, text),) = states(stream, kinesis, retrieval_mode="FANOUT", consumer_arn=arn)
    assert (state, text.endswith("This application reads as alerts.")) == ("ok", True)
    kinesis.deregister_stream_consumer(ConsumerARN=arn)
    ((state, text),) = states(stream, kinesis, retrieval_mode="FANOUT", consumer_arn=arn)
    assert (state, "is not among them" in text) == ("failed", True)


def test_a_stream_with_all_the_consumers_that_it_may_have(kinesis: Any, stream: str, log: Any) -> None:
    register(kinesis, stream, *(f"app-{number}" for number in range(20)))
    with pytest.raises(kinesis.exceptions.LimitExceededException):
        register(kinesis, stream, "one-more")
    ((state, text),) = states(stream, kinesis, retrieval_mode="FANOUT")
    assert (state, "deregister one that nobody needs" in text) == ("warning", True)
    registered_consumers.tell(settings(stream, retrieval_mode="FANOUT"), kinesis, summary(kinesis, stream), log)
    assert [event for _, event, _ in log.events] == ["stream.readers", "stream.not_registered"]


@pytest.mark.parametrize(
    ("reads", "throttled", "state", "said"),
    [
        (None, 0, "ok", "no figures"),
        (2 * 300 * 4, 0, "ok", "4.0 times a second"),
        (2 * 300 * 5, 0, "warning", "more than so many should need"),
        (2 * 300 * 4, 7, "warning", "7 reads were throttled"),
    ],
)
def test_cloudwatch_gives_those_away_who_poll(
    kinesis: Any, stream: str, monkeypatch: pytest.MonkeyPatch, reads: int | None, throttled: int, state: str, said: str
) -> None:
    figures: dict[str, list[dict[str, float]]] = {
        "GetRecords.Success": [{"SampleCount": 1}, {"SampleCount": reads}] if reads else [],
        "ReadProvisionedThroughputExceeded": [{"Sum": throttled}, {"Sum": 0}],
    }

    class CloudWatch:
        def get_metric_statistics(self, **asked: Any) -> dict[str, Any]:
            assert asked["Dimensions"] == [{"Name": "StreamName", "Value": stream}]
            return {"Datapoints": figures[asked["MetricName"]]}

    monkeypatch.setattr(aws, "client", lambda *_, **__: CloudWatch())
    (_, (found, text)) = states(stream, kinesis, polling=2)
    assert (found, said in text) == (state, True), text


def test_a_cloudwatch_that_nobody_may_ask_is_no_failure(kinesis: Any, stream: str, cloud: Cloud) -> None:
    with Door(cloud.endpoint) as door, pytest.MonkeyPatch.context() as patch:
        door.refused["*"] = "AccessDeniedException"
        patch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", door.url)
        (_, (state, text)) = states(stream, kinesis)
    assert (state, "no figures" in text) == ("ok", True)
