"""`sanitizer doctor`, as the worker's role: it may try what it tries, and tries all that the role is granted."""

from pathlib import Path
from typing import Any

import boto3
import pytest

from consumer import tables
from consumer.doctor import aws
from consumer.local.cloud.process import Cloud
from consumer.settings import Settings
from tests.deploy.iam import Grant, compare
from tests.deploy.iam_assumed import LEAST, granted
from tests.deploy.iam_recorder import Recorder
from tests.deploy.iam_runs import NAME
from tests.deploy.template import stack
from tests.faults.loop import Loop
from tests.faults.proxy import DynamoDbProxy

MODES: dict[str, dict[str, Any]] = {
    "put": {},
    "newest": {"write_mode": "newest", "version_field": "at", "sort_key": "latest#{user_id}"},
}
UPKEEP = {"dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTimeToLive"}
"""The operators' matter; the doctor says that it could not look."""


@pytest.mark.parametrize("mode", MODES)
def test_all_that_the_worker_is_granted_is_tried_and_little_else(
    mode: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings.model_validate(
        {
            "stream": {"name": NAME},
            "kcl": {"application": f"{NAME}-app"},
            "output": {"table": f"{NAME}-output", **MODES[mode]},
            "quarantine": {"table": f"{NAME}-quarantine"},
            "runtime_dir": tmp_path,
        }
    )
    recorder = Recorder()
    with Cloud() as cloud, Loop() as loop:
        for name, value in cloud.environment().items():
            monkeypatch.setenv(name, value)
        boto3.client("kinesis").create_stream(StreamName=NAME, ShardCount=1)
        tables.create(settings)
        proxy = DynamoDbProxy(loop, cloud.endpoint)
        try:
            recorder.listen(proxy.rules)
            for service in ("KINESIS", "DYNAMODB"):
                monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", proxy.url)
            findings = list(aws.check(settings))
        finally:
            proxy.close()
    assert [each for each in findings if each.state in ("failed", "skipped")] == []
    assert recorder.strange == set()
    missing, unused = compare(granted(stack(**{**LEAST, "WriteMode": mode}), "TaskRole"), recorder.calls)
    assert {action for action, _ in missing} == UPKEEP
    assert {each for each in unused if not each.action.startswith("kms:")} == set[Grant]()
