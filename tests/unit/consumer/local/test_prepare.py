from collections.abc import Iterator

import pytest

from consumer import aws, tables
from consumer.errors import ServiceError
from consumer.local.cloud.process import Cloud
from consumer.local.prepare import prepare
from consumer.settings import Settings, lease_tables, load_settings
from tests.kits.cli import Run


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with Cloud() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def settings() -> Settings:
    return load_settings(None)


def test_stream_tables_and_leases_are_there_and_a_second_time_nothing_is_changed(
    cloud: Cloud, settings: Settings
) -> None:
    for _ in range(2):
        assert prepare(settings, 3) == 3
        summary = aws.client("kinesis").describe_stream_summary(StreamName=settings.stream.name)
        assert summary["StreamDescriptionSummary"]["OpenShardCount"] == 3
        assert not any(dict(tables.check(settings)).values())
        assert len(cloud.table(lease_tables(settings.kcl.application)[0])) == 3


def test_a_stream_that_is_there_with_other_shards_is_told_of(run: Run, cloud: Cloud, settings: Settings) -> None:
    del cloud
    prepare(settings, 1)
    ran = run("local", "prepare", "--shards", "2")
    assert (ran.status, ran.out) == (0, f"The stream {settings.stream.name} and its tables are there.\n")
    assert ran.err == "Its open shards are 1, as before: --shards 2 is for one that is made anew.\n"
    assert run("local", "prepare", "--shards", "1").err == ""


def test_a_cloud_that_does_not_answer_is_one_sentence(cloud: Cloud, settings: Settings) -> None:
    cloud.close()
    with pytest.raises(ServiceError, match="cannot be reached"):
        prepare(settings, 1)
