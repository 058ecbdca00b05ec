"""Searching what is stored: what is found, what is shown of it, how fast it is read."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from consumer import tables
from consumer.commands.audit import audit
from consumer.dynamodb.item import ItemEncoder
from consumer.errors import ServiceError, UsageError
from consumer.record import AttributeValue, Record
from consumer.redactors.audit import Auditor, Place, scan
from consumer.settings import Settings
from redaction.engine import PolicyRedactor
from redaction.plugin import Released
from redaction.policy.file import parse_policy

CARD = "4111111111111111"
SPACED = " ".join(CARD[place : place + 4] for place in range(0, 16, 4))
SHARD = "shardId-000000000000"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.text(max_size=30)
    | st.sampled_from([CARD, "a@b.co"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3),
    max_leaves=12,
)


def policy(text: str = "extends: default") -> PolicyRedactor:
    return PolicyRedactor(parse_policy(f"name: t\nversion: '1'\n{text}", "t.yaml"))


def item(document: dict[str, Any], settings: Settings | None = None, sequence: str = "7") -> dict[str, AttributeValue]:
    """Return a document as the worker stores it, under whatever policy."""
    output = (settings or Settings()).output
    encoder = ItemEncoder(output, "transactions", SHARD, "t@1", "digest")
    return encoder.encode(document, Record(sequence, 0, 5, b"")).attributes


def auditor(redactor: Any = None, places: int = 10, output: dict[str, str] | None = None) -> Auditor:
    return Auditor(Settings.model_validate({"output": output or {}}), redactor or policy(), places)


USER = {"user_id": "12345", "timestamp": "2024-03-15T10:30:00Z"}


def test_what_the_policy_released_is_clean() -> None:
    redactor, audited = policy(), auditor()
    document = USER | {"credit_card": "4532-1234-5678-9012", "ssn": "123-45-6789", "email": "a@b.co", "amount": 149.99}
    verdict = redactor.redact([json.dumps(document).encode()])[0]
    assert isinstance(verdict, Released)
    audited.look_at(item(verdict.document))
    assert (audited.report.items, audited.report.affected, audited.report.found) == (1, 0, {})


@given(st.dictionaries(st.text(min_size=1, max_size=8), JSON, max_size=4))
def test_whatever_the_policy_released_is_clean(document: dict[str, Any]) -> None:
    redactor, audited = REDACTOR, auditor(REDACTOR)
    verdict = redactor.redact([json.dumps(USER | {"more": document}).encode()])[0]
    if isinstance(verdict, Released):
        audited.look_at(item(verdict.document))
        assert audited.report.found == {}


REDACTOR = policy()


def test_what_another_policy_let_through_is_counted_by_path_and_rule() -> None:
    audited = auditor()
    audited.look_at(item(USER | {"note": f"paid with {CARD}", "customer": {"email": "a@b.co"}}))
    audited.look_at(item(USER | {"note": f"{CARD} and {CARD}"}))
    audited.look_at(item(USER))
    report = audited.report
    assert (report.items, report.affected) == (3, 2)
    assert report.found == {("note", "card"): 2, ("customer.email", "email_field"): 1}
    assert report.places == [Place("12345", f"{USER['timestamp']}#{SHARD}#7#0", SHARD, "7", 0)] * 2


def test_what_the_policy_would_not_store_at_all_is_found() -> None:
    text = (
        "drop_records: [{id: tests, field: kind, equals: test}]\nfields: [{id: q, names: [iban], action: quarantine}]"
    )
    audited = auditor(policy(text))
    audited.look_at(item(USER | {"kind": "test"}))
    audited.look_at(item(USER | {"iban": "x"}))
    assert audited.report.found == {("(record)", "tests"): 1, ("(record)", "q"): 1}
    assert [place.partition for place in audited.report.places] == ["12345", "12345"]


@pytest.mark.parametrize(
    ("document", "output"),
    [
        (USER | {"user_id": SPACED}, {}),
        (USER | {"timestamp": f"at {CARD}"}, {}),
        (USER | {"customer": {"email": "a@b.co"}}, {"partition_key": "{customer.email}"}),
        (USER | {"pan": int(CARD)}, {"sort_key": "{pan}#{sequence}"}),
    ],
)
def test_a_key_that_holds_what_was_found_is_withheld(document: dict[str, Any], output: dict[str, str]) -> None:
    audited = auditor(output=output)
    audited.look_at(item(document, Settings.model_validate({"output": output})))
    assert audited.report.affected == 1
    assert audited.report.places == [Place(None, None, SHARD, "7", 0)]
    assert CARD not in str(audited.report)


def test_a_key_that_is_not_made_by_these_templates_is_withheld() -> None:
    audited = auditor()
    stored = item(USER | {"note": CARD})
    audited.look_at(stored | {"_sanitizer_pk": {"S": CARD}})
    audited.look_at(stored | {"_sanitizer": {"M": {"shard": {"S": CARD}, "sequence": {"S": "x"}, "sub": {"S": CARD}}}})
    audited.look_at({name: value for name, value in stored.items() if name != "_sanitizer"})
    assert audited.report.places == [
        Place(None, None, SHARD, "7", 0),
        Place(None, None, None, None, None),
        Place(None, None, None, None, None),
    ]


@pytest.mark.parametrize(
    "more",
    [{"x": {"B": b"1"}}, {"x": {"SS": [CARD]}}, {"x": {"N": "NaN"}}, {"_sanitizer": {"S": CARD}}, {"x": {}}],
)
def test_an_item_that_the_worker_did_not_write_is_found(more: dict[str, Any]) -> None:
    audited = auditor()
    audited.look_at(item(USER) | more)
    assert audited.report.found == {("(record)", "unreadable"): 1}
    assert audited.report.places == [Place(None, None, None, None, None)]


def test_only_the_first_places_are_named_and_odd_names_are_not_shown() -> None:
    audited = auditor(places=2)
    for number in range(5):
        audited.look_at(item(USER | {f"a name of {number}": CARD}))
    assert len(audited.report.places) == 2
    assert audited.report.found == {("?", "card"): 5}


def test_another_redactor_cannot_audit() -> None:
    with pytest.raises(UsageError, match="redactor 'policy'"):
        auditor(object())


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Put documents into the output table."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    with mock_aws():
        settings = Settings()
        tables.create(settings)
        client: Any = boto3.client("dynamodb")
        numbers = count(1)

        def put(*documents: dict[str, Any]) -> None:
            for document in documents:
                made = item(document, sequence=str(next(numbers)))
                client.put_item(TableName=settings.output.table, Item=made)

        yield put


def run(*arguments: str) -> Result:
    return CliRunner().invoke(audit, arguments)


def test_a_clean_table_has_status_0(stored: Any) -> None:
    stored(*(USER | {"user_id": f"user-{number}"} for number in range(30)))
    ran = run("--rate", "100000")
    assert ran.exit_code == 0
    assert ran.stdout == "30 items looked at, 0 hold something that the policy redacts.\n"


def test_findings_have_status_1_and_are_reported_without_values(stored: Any) -> None:
    stored(USER, USER | {"note": f"paid with {CARD}"}, USER | {"user_id": SPACED})
    ran = run()
    assert ran.exit_code == 1
    assert ran.stdout.splitlines()[0] == "3 items looked at, 2 hold something that the policy redacts."
    assert f"  12345  {USER['timestamp']}#{SHARD}#2#0" in ran.stdout
    assert f"  (withheld)  {SHARD} 3/0" in ran.stdout
    assert CARD not in ran.output
    ran = run("--json", "--show", "1")
    found = json.loads(ran.stdout)
    assert (found["items"], found["affected"], len(found["places"])) == (3, 2, 1)
    assert {"path": "note", "rule": "card", "items": 1} in found["found"]
    assert CARD not in ran.output


def test_no_more_items_are_read_than_the_limit(stored: Any) -> None:
    stored(*(USER | {"user_id": f"user-{number}"} for number in range(9)))
    assert json.loads(run("--limit", "4", "--rate", "1000", "--json").stdout)["items"] == 4


def test_every_page_is_read_at_the_rate_that_was_asked_for(stored: Any) -> None:
    stored(*(USER | {"user_id": f"user-{number}"} for number in range(25)))
    now, pauses = [0.0], []

    def sleep(seconds: float) -> None:
        now[0] += seconds
        pauses.append(seconds)

    table = Settings().output.table
    items = list(scan(table, 10, clock=lambda: now[0], sleep=sleep))
    assert len({found["_sanitizer_pk"]["S"] for found in items}) == len(items) == 25
    assert pauses == [0.0, 1.0, 1.0]
    pauses.clear()
    assert len(list(scan(table, 10, limit=12, clock=lambda: now[0], sleep=sleep))) == 12
    assert pauses == [0.0, 1.0]


def test_a_missing_table_is_one_sentence() -> None:
    with mock_aws(), pytest.raises(ServiceError, match=r"There is no table sanitized-transactions"):
        list(scan("sanitized-transactions", 10))


def test_wrong_configuration_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("redaction: {options: {policy: /nowhere.yaml}}")
    assert isinstance(run("--config", str(file)).exception, UsageError)
