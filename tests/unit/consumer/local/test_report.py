import pytest

from consumer.local.ledger import Documents
from consumer.local.report import Report, show


def report(
    stored: int, quarantined: int, codes: dict[str, tuple[int, int]], documents: Documents | None = None
) -> Report:
    return Report(
        produced=stored + quarantined,
        stored=stored,
        quarantined=quarantined,
        dropped=0,
        duplicates=0,
        lost=0,
        documents=documents or Documents(produced=stored + quarantined, stored=stored, quarantined=quarantined),
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


def test_a_record_that_is_no_utf_8_is_shown_nonetheless(capsys: pytest.CaptureFixture[str]) -> None:
    show(report(5, 4, {"invalid_utf8": (1, 1)}), b'{"a":"\xff"}', b"Rejected", 5)
    assert capsys.readouterr().out.startswith('\nbefore  {"a":"\\xff"}\nafter   Rejected\n')


def test_where_nothing_was_stored_nothing_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    none = report(0, 3, {"key_missing": (3, 1)})
    assert not none.is_good
    show(none, b"{}", b"{}", 3)
    out = capsys.readouterr().out
    assert "Verdict: NOT GOOD: nothing was stored." in out
    assert "accounted for" not in out
    assert none.to_json()["codes"] == {"key_missing": 3}


def test_of_records_of_one_document_it_tells_what_it_told_before(capsys: pytest.CaptureFixture[str]) -> None:
    show(report(5, 0, {}), b"{}", b"{}", 5)
    out = capsys.readouterr().out
    assert "documents" not in out
    assert "throughput 1 records/s over 1 shards" in out
    assert report(5, 1, {}).to_json()["documents"] == {
        "produced": 6, "stored": 5, "quarantined": 1, "dropped": 0, "duplicates": 0, "lost": 0
    }  # fmt: skip


def test_of_records_of_several_documents_it_counts_both(capsys: pytest.CaptureFixture[str]) -> None:
    several = report(5, 1, {"invalid_json": (2, 7)}, Documents(produced=120, stored=118, quarantined=2))
    assert several.is_good
    show(several, b"{}", b"{}", 6)
    lines = capsys.readouterr().out.splitlines()
    assert "               records documents" in lines
    assert "produced             6       120" in lines
    assert "quarantined          1         2" in lines
    assert "quarantined as invalid_json: 2, the first is document 7" in lines
    assert "throughput 1 records/s, 20 documents/s, over 1 shards" in lines


@pytest.mark.parametrize(
    "documents",
    [Documents(produced=5, stored=4), Documents(produced=5, stored=4, lost=1), Documents(produced=5, quarantined=5)],
)
def test_documents_that_do_not_add_up_are_not_good(documents: Documents) -> None:
    assert not report(5, 0, {}, documents).is_good
