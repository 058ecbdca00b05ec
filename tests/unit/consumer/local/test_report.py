import pytest

from consumer.local.report import Report, show


def report(stored: int, quarantined: int, codes: dict[str, tuple[int, int]]) -> Report:
    return Report(
        produced=stored + quarantined,
        stored=stored,
        quarantined=quarantined,
        dropped=0,
        duplicates=0,
        lost=0,
        leaks=0,
        seconds_to_first_document=1.0 if stored else None,
        records_per_second=1.0 if stored else None,
        latency_ms={"p50": None},
        shards=1,
        leaking_channels=[],
        codes=codes,
    )


def test_quarantine_is_told_by_code_with_what_to_do_the_most_frequent_first(capsys: pytest.CaptureFixture[str]) -> None:
    show(report(5, 4, {"invalid_json": (1, 7), "key_missing": (3, 2), "of_a_plugin": (1, 9)}), b"{}", b"{}", 9)
    out = capsys.readouterr().out
    assert out.index("quarantined as key_missing: 3, the first is record 2") < out.index(
        "quarantined as invalid_json: 1"
    )
    assert "what to do: ask the producer, or take another field into `output.partition_key`" in out
    assert "quarantined as of_a_plugin: 1" in out
    assert "Verdict: every record is accounted for, and nothing leaked." in out


def test_where_nothing_was_stored_nothing_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    none = report(0, 3, {"key_missing": (3, 1)})
    assert not none.is_good
    show(none, b"{}", b"{}", 3)
    out = capsys.readouterr().out
    assert "Verdict: NOT GOOD: nothing was stored." in out
    assert "accounted for" not in out
    assert none.to_json()["codes"] == {"key_missing": 3}
