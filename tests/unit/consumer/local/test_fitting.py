import json
from typing import Any

import pytest

from consumer.local.fitting import fit, record_key_field
from consumer.settings import Output
from redaction.engine import PolicyRedactor, from_options
from redaction.policy import load_policy

OUTPUT = Output()


@pytest.fixture(scope="module")
def redactor() -> PolicyRedactor:
    return from_options({})


def lines(*documents: Any) -> list[bytes]:
    return [json.dumps(document).encode() for document in documents]


def keys(output: dict[str, Any]) -> tuple[str, str]:
    Output(**output)  # valid as settings
    return output["partition_key"], output["sort_key"]


def test_the_configured_keys_are_taken_where_their_fields_stand(redactor: PolicyRedactor) -> None:
    one = {"user_id": "a", "timestamp": "t"}
    fitted = fit(OUTPUT, redactor, lines(*[one] * 99, {"user_id": "b"}))
    assert keys(fitted.output) == (OUTPUT.partition_key, OUTPUT.sort_key)
    assert fitted.told == f"Keys of the items: {OUTPUT.partition_key} and {OUTPUT.sort_key}"


def test_where_they_do_not_no_two_records_share_an_item(redactor: PolicyRedactor) -> None:
    fitted = fit(OUTPUT, redactor, lines(*[{"id": 1, "timestamp": "t"}] * 10, {"user_id": "b", "timestamp": "t"}))
    # The configured sort key tells all records apart, and so may stay.
    assert keys(fitted.output) == ("{shard}", OUTPUT.sort_key)
    assert "The configured partition key cannot be made of 10 of 11 documents." in fitted.told
    assert "--partition-key" in fitted.told
    assert keys(fit(OUTPUT, redactor, lines({"id": 1})).output) == ("{shard}", "{sequence}#{sub}")
    by_kind = OUTPUT.model_copy(update={"sort_key": "{kind}"})
    assert keys(fit(by_kind, redactor, lines({"kind": "x"})).output) == ("{shard}", "{sequence}#{sub}")
    assert keys(fit(OUTPUT, redactor, lines({"user_id": "a"})).output) == ("{user_id}", "{shard}#{sequence}#{sub}")


def test_a_field_without_a_value_is_its_records_fault_unless_it_is_the_rule(redactor: PolicyRedactor) -> None:
    sound, empty = {"user_id": "a", "timestamp": "t"}, {"user_id": "", "timestamp": "t"}
    assert keys(fit(OUTPUT, redactor, lines(sound, sound, empty)).output)[0] == "{user_id}"
    assert keys(fit(OUTPUT, redactor, lines(sound, empty, empty)).output)[0] == "{shard}"


def test_the_documents_count_as_the_policy_releases_them() -> None:
    policy = load_policy("default").model_copy(update={"unknown_fields": "drop"})
    fitted = fit(OUTPUT, PolicyRedactor(policy), lines({"user_id": "a", "timestamp": "t"}))
    assert keys(fitted.output) == ("{shard}", "{sequence}#{sub}")


def test_what_was_asked_for_is_taken_whatever_stands_there(redactor: PolicyRedactor) -> None:
    chosen = OUTPUT.model_copy(update={"partition_key": "{account.id}"})
    fitted = fit(chosen, redactor, lines({"id": 1}), asked=["partition_key"])
    assert keys(fitted.output) == ("{account.id}", "{shard}#{sequence}#{sub}")
    chosen = OUTPUT.model_copy(update={"sort_key": "{kind}"})
    fitted = fit(chosen, redactor, lines({"id": 1}), asked=["sort_key"])
    assert keys(fitted.output) == ("{shard}", "{kind}")


def test_other_keys_are_not_compared_by_the_configured_version(redactor: PolicyRedactor) -> None:
    newest = Output(write_mode="newest", version_field="v", sort_key="{kind}")
    assert fit(newest, redactor, lines({"user_id": "a", "kind": "k"})).output["write_mode"] == "newest"
    assert fit(newest, redactor, lines({"id": 1})).output["write_mode"] == "put"


def test_nothing_released_is_no_reason_for_other_keys(redactor: PolicyRedactor) -> None:
    assert keys(fit(OUTPUT, redactor, [b"{broken", b""]).output) == (OUTPUT.partition_key, OUTPUT.sort_key)


def test_records_go_to_shards_by_the_field_of_the_items_key() -> None:
    assert record_key_field({"partition_key": "{shard}#{account}"}) == "account"
    assert record_key_field({"partition_key": "{shard}"}) is None
