"""The daemon's properties, out of the settings."""

import sys
from typing import Final

from consumer import aws
from consumer.kcl.daemon import SHIM_FILE
from consumer.kcl.leases.tables import LATEST
from consumer.settings import Settings
from consumer.settings import stream as reading

MAX_RECORDS: Final = "maxRecords"


def properties(settings: Settings, worker_id: str, starts_at: int | None = None) -> dict[str, str]:
    """Return KCL's properties.

    :param worker_id: stable over restarts of the JVM, unique for each container.
    :param starts_at: what ``LATEST`` was, in epoch seconds; see `Facts`.
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
    if settings.stream.initial_position == LATEST and starts_at is not None:
        made["initialPositionInStreamExtended"] = str(starts_at)  # AT_TIMESTAMP
    else:
        made["initialPositionInStream"] = settings.stream.initial_position
    if kcl.retrieval_mode == "POLLING":
        made[MAX_RECORDS] = str(kcl.max_records)
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
