"""The digest changes with what decides about a record, and with nothing else; and it is made of no secret."""

from typing import Any

import pytest

from consumer.settings import Settings, outcome_digest


def digest(**sections: Any) -> str:
    return outcome_digest(Settings.model_validate(sections))


DEFAULT = digest()


@pytest.mark.parametrize(
    "sections",
    [
        {"kcl": {"heap_mb": 512}},
        {"pipeline": {"processes": 3}},
        {"http": {"port": 1}},
        {"logs": {"level": "debug"}},
        {"runtime_dir": "/run/sanitizer"},
        {"stream": {"polling_applications": 2, "initial_position": "LATEST"}},
        {"output": {"concurrency": 3, "timeout_seconds": 1}},
        {"quarantine": {"fingerprint_key": "k" * 32, "max_share": 0.1}},
        {"quarantine": {"fingerprint_secret": "secretsmanager:fingerprints"}},
        {"redaction": {"options": {"policy": "strict"}, "candidate": {"policy": "next"}}},
        {"output": {"table": "sanitized-transactions", "partition_key": "{user_id}"}},
        {"sinks": [{"plugin": "dynamodb", "options": {}}]},
    ],
)
def test_what_decides_nothing_or_is_the_default_changes_nothing(sections: dict[str, Any]) -> None:
    assert digest(**sections) == DEFAULT


DECIDING: list[dict[str, Any]] = [
    {"stream": {"name": "other"}},
    {"output": {"table": "other"}},
    {"output": {"sort_key": "{timestamp}#{sequence}#{sub}#{shard}"}},
    {"output": {"ttl_days": 3}},
    {"output": {"index": {"partition_key": "{transaction_id}"}}},
    {"sinks": [{"plugin": "jsonl", "options": {"path": "-"}}]},
    {"sinks": [{"plugin": "jsonl", "options": {"path": "other.jsonl"}}]},
    {"sinks": [{"plugin": "own"}]},
    {"quarantine": {"table": "other"}},
    {"redaction": {"plugin": "own"}},
    {"redaction": {"keys": "keys.yaml"}},
]


def test_what_decides_changes_it() -> None:
    assert len({DEFAULT, *(digest(**sections) for sections in DECIDING)}) == 1 + len(DECIDING)


def test_options_that_may_hold_secrets_are_no_part_of_it() -> None:
    sinks = [digest(sinks=[{"plugin": "own", "options": {"password": value}}]) for value in ("a", "b")]
    assert sinks[0] == sinks[1]
    redactors = [digest(redaction={"plugin": "own", "options": {"password": value}}) for value in ("a", "b")]
    assert redactors[0] == redactors[1]
