"""How the reads of a stream are divided, and as which consumer it is read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from consumer.kcl import properties as daemon
from consumer.settings import Settings
from consumer.settings.shard_limits import RECORDS_A_SECOND
from consumer.settings.stream import SHARD_READS, Kcl, Stream, check_reading, idle_ms

ARN = "arn:aws:kinesis:eu-central-1:123456789012:stream/orders/consumer/{}:1700000000"


def settings(polling: int = 1, **kcl: Any) -> Settings:
    return Settings.model_validate({"stream": {"name": "orders", "polling_applications": polling}, "kcl": kcl})


def refusal(polling: int = 1, **kcl: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        settings(polling, **kcl)
    return str(refused.value)


@given(polling=st.integers(1, 20), least=st.integers(200, 60_000), records=st.integers(1, 10_000))
def test_all_together_never_read_too_often_and_each_can_keep_up(polling: int, least: int, records: int) -> None:
    stream, kcl = Stream(polling_applications=polling), Kcl(idle_between_reads_ms=least, max_records=records)
    pause = idle_ms(stream, kcl)
    assert pause >= least
    assert polling * 1000 / pause <= SHARD_READS
    keeps_up = records * 1000 / pause >= RECORDS_A_SECOND
    if polling == 1 or keeps_up:
        check_reading(stream, kcl)
    else:
        with pytest.raises(ValueError, match=r"set kcl\.max_records to \d+ or more"):
            check_reading(stream, kcl)


def test_the_number_that_is_said_is_enough() -> None:
    assert "set kcl.max_records to 750 or more" in refusal(3)
    made = daemon.properties(settings(3, max_records=750), "w")
    assert (made["idleTimeBetweenReadsInMillis"], made["maxRecords"]) == ("750", "750")


def test_fan_out_by_arn_by_name_and_by_default() -> None:
    arn = ARN.format("mine")
    by_arn = daemon.properties(settings(retrieval_mode="FANOUT", consumer_arn=arn), "w")
    assert by_arn["fanoutConfig.consumerArn"] == arn
    assert "fanoutConfig.consumerName" not in by_arn
    named = settings(retrieval_mode="FANOUT", consumer_name="mine")
    assert daemon.properties(named, "w")["fanoutConfig.consumerName"] == "mine"
    plain = settings(retrieval_mode="FANOUT", application="alerts")
    assert plain.kcl.registered_name == "alerts"
    assert not any(name.startswith("fanoutConfig") for name in daemon.properties(plain, "w"))
    older = settings(retrieval_mode="FANOUT", extra_properties={"fanoutConfig.consumerArn": arn})
    assert older.kcl.registered_arn == daemon.properties(older, "w")["fanoutConfig.consumerArn"] == arn


@pytest.mark.parametrize(
    ("polling", "kcl", "said"),
    [
        (2, {"retrieval_mode": "FANOUT"}, "which shares its reads with nobody"),
        (1, {"consumer_name": "a"}, "consumer_name is set, but retrieval_mode is POLLING"),
        (1, {"consumer_arn": ARN.format("a")}, "consumer_arn is set, but retrieval_mode is POLLING"),
        (1, {"retrieval_mode": "FANOUT", "consumer_arn": "arn:aws:sns:x"}, "kcl.consumer_arn"),
        (1, {"retrieval_mode": "FANOUT", "consumer_arn": ARN.format("a"), "consumer_name": "a"}, "one of them out"),
        (
            1,
            {"retrieval_mode": "FANOUT", "consumer_arn": ARN.format("a").replace("orders", "others")},
            "a consumer of the stream others, but stream.name is orders",
        ),
        (
            1,
            {
                "retrieval_mode": "FANOUT",
                "consumer_name": "a",
                "extra_properties": {"fanoutConfig.consumerName": "b"},
            },
            "take the latter out",
        ),
    ],
)
def test_contradictions_are_refused(polling: int, kcl: dict[str, Any], said: str) -> None:
    assert said in refusal(polling, **kcl)
