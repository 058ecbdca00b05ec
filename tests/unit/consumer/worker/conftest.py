"""Settings with which a whole worker can be started, but for a daemon that does anything."""

from pathlib import Path

import boto3
import pytest
import yaml

from consumer import tables
from consumer.local.cloud.process import Cloud
from consumer.settings import load_settings


@pytest.fixture
def config(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\nexec sleep 1000\n")
    java.chmod(0o755)
    name = f"early-{abs(hash(tmp_path))}"
    file = tmp_path / "settings.yaml"
    file.write_text(
        yaml.safe_dump(
            {
                "stream": {"name": name},
                "kcl": {"application": f"{name}-app", "java": str(java)},
                "output": {"table": f"{name}-out"},
                "quarantine": {"table": f"{name}-q"},
                "http": {"host": "127.0.0.1", "port": 0},
                "pipeline": {"processes": 1},
                "logs": {"format": "json"},
            }
        )
    )
    boto3.client("kinesis").create_stream(StreamName=name, ShardCount=1)
    tables.create(load_settings(file))
    return file
