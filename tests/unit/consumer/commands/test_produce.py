"""`sanitizer produce`: what it makes up, and what it says of an attempt that failed."""

import json
from itertools import islice
from pathlib import Path

import boto3
import pytest

from consumer.commands import produce
from consumer.errors import ServiceError
from consumer.kinesis.sender import Sender
from consumer.local.transactions import CANONICAL_USER
from tests.kits.cli import Run

_LINES = b'{"user_id": "u"}\n{"user_id": "v"}\n'


@pytest.mark.parametrize("run", [1, 20])
def test_the_example_that_all_pages_look_up_is_not_made_up_again_and_again(run: int) -> None:
    made = list(produce._generated(100, run))
    assert len(made) == 100
    assert CANONICAL_USER not in {put.partition_key for put in made}
    assert len(list(islice(produce._generated(produce._ENDLESS, run), 30))) == 30


@pytest.mark.usefixtures("_in_the_cloud")
def test_what_an_attempt_that_failed_has_left_is_said(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("stream: {name: produced-to}")
    arguments = ["produce", "--config", config]
    assert run(*arguments, stdin=_LINES).err == (
        "sanitizer: There is no stream produced-to (ResourceNotFoundException): create it, or correct its name, region "
        "or account.\n"
    )
    boto3.client("kinesis").create_stream(StreamName="produced-to", ShardCount=1)
    assert json.loads(run(*arguments, "--json", stdin=_LINES).out)["records"] == 2
    send = Sender._send_window

    def failing(sender: Sender, *window: object) -> None:
        send(sender, *window)  # type: ignore[arg-type]
        if is_at_once:
            sender.sent.records = 0
        raise ServiceError("It failed.")

    monkeypatch.setattr(Sender, "_send_window", failing)
    is_at_once = False
    assert run(*arguments, stdin=_LINES).err.endswith("It failed. At least the first 2 lines are on the stream.\n")
    is_at_once = True
    assert run(*arguments, stdin=_LINES).err.endswith("It failed. Some of the first 2000 lines are on the stream.\n")
