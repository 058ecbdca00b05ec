"""What the last minutes' metrics are reason for, and what they are not."""

from consumer.web.history import SAMPLE_SECONDS, History
from consumer.web.noticed import noticed
from tests.kits.page import Figures, watched

LOGGER = "software.amazon.kinesis.leases.dynamodb.DynamoDBLeaseRenewer"
AGGREGATES = "software.amazon.kinesis.retrieval.AggregatorUtil"


def codes(history: History) -> list[str]:
    return [reason.code for reason in noticed(history.view)]


def errors(count: float, logger: str = LOGGER, level: str = "ERROR") -> str:
    return f'sanitizer_daemon_log_lines_total{{logger="{logger}",level="{level}"}} {count}'


def quarantined(count: float, code: str = "too_large") -> list[str]:
    return [
        f'sanitizer_records_total{{shard="shardId-000000000000",outcome="quarantined"}} {count}',
        f'sanitizer_quarantined_total{{code="{code}"}} {count}',
    ]


def test_nothing_is_noticed_before_there_is_something_to_compare() -> None:
    for samples in range(3):
        assert codes(watched(Figures(1), samples)) == []
    assert codes(watched(Figures(2), 200)) == []


def test_errors_of_kcl_are_a_reason_while_there_are_more_than_one_a_minute() -> None:
    figures = Figures(1)
    figures.more = [errors(3)]  # of the start
    history = watched(figures, 60)
    figures.more = [errors(8), errors(100, AGGREGATES), errors(100, level="WARN")]
    assert codes(watched(figures, 2, history)) == []
    figures.more = [errors(9)]
    watched(figures, 1, history)
    [reason] = noticed(history.view)
    assert reason == ("kcl_errors", "KCL has logged 6 errors in the last 5 minutes")
    assert codes(watched(figures, int(50 / SAMPLE_SECONDS), history)) == ["kcl_errors"]
    assert codes(watched(figures, int(20 / SAMPLE_SECONDS), history)) == []  # none for a minute


def test_quarantine_is_a_reason_when_much_goes_there_now() -> None:
    figures = Figures(1)
    history = watched(figures, 60)  # 100 records a second
    figures.more = quarantined(9)
    assert codes(watched(figures, 2, history)) == []
    figures.more = quarantined(290)
    assert codes(watched(figures, 2, history)) == []
    figures.more = quarantined(400)
    watched(figures, 1, history)
    [reason] = noticed(history.view)
    assert reason.code == "quarantining"
    assert "400 of 30,400 records went to quarantine in the last 5 minutes (1.32 %, 80 a minute): " in reason.detail
    assert reason.detail.endswith("too_large 400, invalid_json 60")
    assert codes(watched(figures, 60, history)) == []


def test_a_few_broken_records_of_a_quiet_stream_are_no_reason() -> None:
    figures = Figures(0)
    figures.more = quarantined(0)
    history = watched(figures, 5)
    figures.more = quarantined(9)
    assert codes(watched(figures, 2, history)) == []


def test_one_suspected_leak_is_a_reason() -> None:
    figures = Figures(1)
    figures.more = ['sanitizer_quarantined_total{code="leak_suspected"} 2']
    history = watched(figures, 5)
    assert codes(history) == []
    figures.more = ['sanitizer_quarantined_total{code="leak_suspected"} 3']
    assert codes(watched(figures, 2, history)) == ["leak_suspected"]


def test_a_field_that_is_no_longer_redacted_is_a_reason_for_as_long_as_it_is_so() -> None:
    figures = Figures(1)
    figures.more = [f'sanitizer_field_drift{{path="customer.field-{n}"}} {int(n < 5)}' for n in range(8)]
    [reason] = noticed(watched(figures, 1).view)
    assert reason.code == "field_drift"
    assert "customer.field-0, customer.field-1, customer.field-2 and 2 more" in reason.detail
