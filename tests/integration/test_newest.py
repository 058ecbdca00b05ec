"""`write_mode: newest` with the real daemon: shards and redeliveries compete for items, and the newest is left."""

import random
from typing import Any

import orjson
import pytest

from .conftest import wait_for

pytestmark = pytest.mark.integration

KEYS = {"write_mode": "newest", "partition_key": "{user_id}", "sort_key": "latest#{user_id}"}
ACCOUNTS = 30
RECORDS = 600


def documents(seed: int) -> list[dict[str, Any]]:
    """Return documents of few accounts, each with a revision of its own, in no order."""
    rng = random.Random(seed)  # noqa: S311 - repeatable by design
    revisions = rng.sample(range(-RECORDS, RECORDS), RECORDS)
    return [
        {"user_id": f"account-{rng.randrange(ACCOUNTS)}", "revision": each, "credit_card": "4111 1111 1111 1111"}
        for each in revisions
    ]


@pytest.mark.parametrize("by", ["field", "place"])
def test_of_each_account_the_newest_is_left(lab: Any, by: str) -> None:
    """A pipeline process is killed in the middle. By a field, each account's records are spread over the shards."""
    is_by_place = by == "place"
    stream = {"name": lab.name} | ({"partition_key_field": "user_id"} if is_by_place else {})
    lab.set_up(shards=3, stream=stream, output=KEYS | ({} if is_by_place else {"version_field": "revision"}))
    lab.start(3)
    made = documents(7)
    keys = [each["user_id"] if is_by_place else f"any-{number}" for number, each in enumerate(made)]
    half = RECORDS // 2
    payloads = [(orjson.dumps(each), key) for each, key in zip(made, keys, strict=True)]
    lab.put(payloads[:half])
    wait_for(lambda: lab.metrics().get("outcome:stored", 0) > 0, "some are stored")
    lab.kill("sanitizer-pipeline")
    lab.put(payloads[half:])
    findings = lab.wait_until_found()

    newest: dict[str, int] = {}
    for each in made:
        account = each["user_id"]
        newest[account] = each["revision"] if is_by_place else max(each["revision"], newest.get(account, -RECORDS))
    items = lab.cloud.table(lab.settings.output.table)
    assert {item["user_id"]["S"]: int(item["revision"]["N"]) for item in items} == newest
    assert (findings.stored, findings.duplicates) == (len(newest), RECORDS - len(newest))
    assert lab.quarantine_codes() == {}
    lab.assert_books_balance()
    lab.assert_no_leaks()
    assert lab.stop() == 0
