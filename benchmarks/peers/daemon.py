"""The MultiLangDaemon as amazon_kclpy's helper starts it, with KCL's defaults but for what makes its start short."""

import shlex
import sys
from importlib.resources import files
from pathlib import Path
from typing import Final

from consumer.kcl.daemon import LOGBACK_FILE, MAIN_CLASS, PROPERTIES_FILE
from consumer.kcl.jvm.java import find_java
from consumer.settings import Settings

CHILD_FILE: Final = "peer-child"
ROOT: Final = Path(__file__).parents[2]


def properties(settings: Settings, kinesis: str, dynamodb: str) -> dict[str, str]:
    """Return KCL's properties: `maxRecords` (10,000) and the idle time (1.5 s) stay the defaults that users get."""
    return {
        "executableName": f"/bin/sh ./{CHILD_FILE}",
        "processingLanguage": "python",
        "streamName": settings.stream.name,
        "applicationName": settings.kcl.application,
        "AwsCredentialsProvider": "DefaultCredentialsProvider",
        "regionName": "us-east-1",
        "initialPositionInStream": "TRIM_HORIZON",
        "retrievalMode": "POLLING",
        "metricsLevel": "NONE",
        "kinesisEndpoint": kinesis,
        "dynamoDBEndpoint": dynamodb,
        # These make the start and the stop short, and cost nothing once it runs.
        "leaseAssignmentIntervalMillis": str(settings.kcl.lease_assignment_ms),
        "disableWorkerMetrics": "true",
        "shutdownGraceMillis": "10000",
    }


def prepare(folder: Path, made: dict[str, str], table: str) -> None:
    """Write the daemon's files and the children's start into a folder."""
    lines = "".join(f"{name}={value}\n" for name, value in made.items())
    (folder / PROPERTIES_FILE).write_text(lines, encoding="latin-1")
    (folder / LOGBACK_FILE).write_bytes((files("consumer") / LOGBACK_FILE).read_bytes())
    child = shlex.join([sys.executable, "-m", "benchmarks.peers.kclpy_sample", table])
    (folder / CHILD_FILE).write_text(f"cd {shlex.quote(str(ROOT))} && exec {child}\n", encoding="utf-8")


def command(settings: Settings) -> list[str]:
    """Return the command line, to be run in that folder."""
    jars = Path(str(files("amazon_kclpy"))) / "jars" / "*"
    return [
        str(find_java(settings)),
        *("-cp", str(jars), MAIN_CLASS),
        *("--properties-file", PROPERTIES_FILE, "--log-configuration", LOGBACK_FILE),
    ]
