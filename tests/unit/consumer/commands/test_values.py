"""What is no value is refused before anything is done with it."""

import click
import pytest

from consumer.commands.values import TableName
from consumer.terminal.options import Seconds, Text
from tests.kits.cli import Run


@pytest.mark.parametrize(
    "arguments",
    [
        ["redact", "--policy", ""],
        ["redact", "--keys", ""],
        ["policy", "show", "default", "--name", ""],
        ["get", "1", "--page", ""],
        ["get", "1", "--sort-prefix", ""],
        ["quarantine", "list", "--shard", ""],
        ["quarantine", "list", "--code", ""],
        ["quarantine", "show", "", "1"],
        ["backfill", "--application", "", "--from", "1h"],
        ["produce", "--partition-key-field", ""],
    ],
    ids=" ".join,
)
def test_an_empty_text_is_not_taken_for_none(run: Run, arguments: list[str]) -> None:
    ran = run(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert "it is empty." in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["produce", "--seconds", "nan"],
        ["produce", "--seconds", "inf"],
        ["produce", "--rate", "5", "--ramp", "nan"],
        ["status", "--wait", "nan"],
        ["status", "--wait", "-1"],
        ["redact", "--keys", "nosuch.yaml"],
        ["policy", "try", "/dev/null", "--keys", "nosuch.yaml"],
        ["local", "up", "--seconds", "nan"],
        ["local", "up", "--seconds", "inf"],
        ["local", "up", "--seconds", "-1"],
        ["produce", "--rate", "1e3"],
        ["get", "1", "--after", "yesterday"],
        ["get", "1", "--before", "2024-13-45"],
        ["get", "1", "--limit", "0"],
        ["quarantine", "list", "--since", "24"],
        ["quarantine", "purge", "--before", "soon"],
    ],
    ids=" ".join,
)
def test_what_is_no_number_or_time_is_refused(run: Run, arguments: list[str]) -> None:
    ran = run(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert arguments[-2] in ran.err


@pytest.mark.parametrize("name", ["ab", "bad name!", "näme", "a" * 256, "name\n"])
def test_what_dynamodb_takes_for_no_name_is_refused(name: str) -> None:
    with pytest.raises(click.BadParameter, match="3 to 255"):
        TableName().convert(name, None, None)


def test_what_is_right_stays_as_it_is() -> None:
    assert Text().convert(" ", None, None) == " "
    assert TableName().convert("payments-backfill_2.b", None, None) == "payments-backfill_2.b"
    assert Seconds(0, 600).convert("1.5", None, None) == 1.5
