"""Enhanced fan-out, and a split, against kinesis-local: the embedded Kinesis has no SubscribeToShard.

Leases and output are in the embedded cloud. The emulator pushes about once a second: nothing here is about speed. It
does not end a subscription when its shard is closed (ChildShards stay null), so the split is read by polling.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumer import aws
from consumer.local.cloud.process import Cloud
from tests.faults.applications import Application, Together
from tests.faults.kinesis_local import KinesisLocal, NotAvailableError, fetch
from tests.faults.lab import FaultLab
from tests.faults.load import Load
from tests.faults.loop import Loop
from tests.faults.shards import has_ended, open_shards, split
from tests.kits.needs import lacks
from tests.lab.watched import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def endpoint(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where kinesis-local is."""
    folder = tmp_path_factory.mktemp("kinesis-local")
    try:
        package = fetch(folder)
    except NotAvailableError as error:
        lacks(str(error))
    with KinesisLocal(package, folder / "log", cloud.region) as running:
        yield running.endpoint


@pytest.fixture(autouse=True)
def _at_kinesis_local(endpoint: str, _at_the_cloud: None, lab: FaultLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Test and worker find Kinesis there, and all else in the cloud."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", endpoint)
    lab.variables["AWS_ENDPOINT_URL_KINESIS"] = endpoint


@pytest.fixture
def other(lab: FaultLab, loop: Loop, tmp_path: Path) -> Iterator[Application]:
    """Another application on the same stream."""
    made = Application(lab, "other", tmp_path / "other", loop)
    made.variables |= lab.variables
    try:
        yield made
    finally:
        if sys.exc_info()[0]:
            sys.stderr.writelines(made.log_tails())
        made.close()


def fan_out(**kcl: str) -> dict[str, Any]:
    return {"kcl": {"retrieval_mode": "FANOUT"} | kcl, "pipeline": {"processes": 1}}


def stream_arn(lab: FaultLab) -> str:
    made: str = aws.client("kinesis").describe_stream_summary(StreamName=lab.name)["StreamDescriptionSummary"][
        "StreamARN"
    ]
    return made


def consumers(lab: FaultLab) -> dict[str, str]:
    """Return the registered consumers' ARNs by name."""
    listed = aws.client("kinesis").list_stream_consumers(StreamARN=stream_arn(lab))["Consumers"]
    return {each["ConsumerName"]: each["ConsumerARN"] for each in listed}


@pytest.mark.sample
def test_a_restarted_worker_keeps_its_consumer(lab: FaultLab) -> None:
    lab.set_up(shards=2, **fan_out(consumer_name="the-reader"))
    lab.start()
    lab.feed(200, seed=1)
    lab.settle()
    registered = consumers(lab)
    assert list(registered) == ["the-reader"]
    assert lab.stop() == 0
    lab.feed(100, seed=2)
    lab.start()
    lab.settle()
    assert consumers(lab) == registered
    assert lab.stop() == 0


def test_a_consumer_by_its_arn(lab: FaultLab) -> None:
    """Somebody else registered it; the worker registers none."""
    lab.set_up(shards=2, **fan_out())
    client = aws.client("kinesis")
    made = client.register_stream_consumer(StreamARN=stream_arn(lab), ConsumerName="given")["Consumer"]["ConsumerARN"]
    wait_for(
        lambda: client.describe_stream_consumer(ConsumerARN=made)["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE",
        "the consumer is active",
    )
    lab.configure(**fan_out(consumer_arn=made))
    lab.start()
    lab.feed(200)
    lab.settle()
    assert consumers(lab) == {"given": made}
    assert lab.stop() == 0


def test_two_applications_each_with_its_consumer(lab: FaultLab, other: Application) -> None:
    lab.set_up(shards=2, **fan_out())
    other.set_up(**fan_out())
    every = [lab, other]
    for each in every:
        each.launch()
    for each in every:
        each.wait_until_owned(2, [each])
    with Load(Together(every), 60) as load:
        load.wait_for(300)
    for each in every:
        each.settle()
    assert set(consumers(lab)) == {each.settings.kcl.application for each in every}
    for each in every:
        assert each.stop() == 0


def test_a_split_read_by_polling(lab: FaultLab) -> None:
    """A second opinion to `test_reshard`."""
    lab.set_up(shards=2, pipeline={"processes": 1})
    lab.start()
    with Load(lab, 60) as load:
        load.wait_for(100)
        parent = open_shards(lab)[0]
        split(lab, parent)
        load.wait_for(100)
        wait_for(lambda: has_ended(lab, parent["ShardId"]), "the parent's end", 25)
        load.wait_for(100)
    lab.settle(20)
    assert lab.stop() == 0
