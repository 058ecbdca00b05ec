"""`sanitizer get`: what it says where there is nothing is true."""

import json
from pathlib import Path

import pytest

from consumer.local.cloud.process import Cloud
from tests.kits.cli import Run
from tests.kits.stream import World


@pytest.mark.usefixtures("_in_the_cloud")
def test_nothing_is_told_from_nothing_more_and_nothing_in_a_range(run: Run, cloud: Cloud, tmp_path: Path) -> None:
    world = World(cloud, tmp_path, "looked-up")
    world.put({"user_id": "u", "timestamp": "2024-03-15T10:30:00Z"}, {"user_id": "u", "timestamp": "2024-03-16"})
    world.work()
    look = ["get", "u", "--config", world.config]
    assert len(run(*look).out.splitlines()) == 2
    token = json.loads(run(*look, "--json", "--limit", 1).out)["next"]
    oldest, _ = world.stored()
    key = {name: oldest[name] for name in ("_sanitizer_pk", "_sanitizer_sk")}
    world.dynamodb.delete_item(TableName=world.settings.output.table, Key=key)
    assert run(*look, "--page", token) == (1, "", "No further document has this key.\n")
    assert run(*look, "--before", "2024-03") == (1, "", "No document has this key in this range.\n")
    assert run(*look, "--after", "2024-03", "--before", "2024-03")[:2] == (1, "")  # as `Documents` has it: no error
    assert run("get", "v", "--config", world.config) == (1, "", "No document has this key.\n")
