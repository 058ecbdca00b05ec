"""The property names that KCL's MultiLangDaemon 3.1.3 understands.

KCL ignores an unknown or misspelt property without a word, so they are checked here, at start. The names were read in
the source of `MultiLangDaemonConfiguration` and its beans.
"""

import difflib
from collections.abc import Mapping
from typing import Final

OWNED: Final[Mapping[str, str]] = {
    "executableName": "it is the worker's own",
    "processingLanguage": "it is the worker's own",
    "streamName": "use stream.name",
    "streamArn": "use stream.name",
    "applicationName": "use kcl.application",
    "tableName": "use kcl.application",
    "workerId": "it must be unique for each container, so it is made at start: workers with one id both own the leases",
    "workerIdentifier": "it must be unique for each container, and is made at start",
    "initialPositionInStream": "use stream.initial_position",
    "initialPositionInStreamExtended": "use stream.initial_position",
    "regionName": "use AWS_REGION",
    "kinesisEndpoint": "use AWS_ENDPOINT_URL_KINESIS",
    "dynamoDBEndpoint": "use AWS_ENDPOINT_URL_DYNAMODB",
    "AwsCredentialsProvider": "credentials come from AWS's default chain",
    "awsCredentialsProvider": "credentials come from AWS's default chain",
    "awsCredentialsProviderDynamoDB": "credentials come from AWS's default chain",
    "awsCredentialsProviderCloudWatch": "credentials come from AWS's default chain",
    "retrievalMode": "use kcl.retrieval_mode",
    "maxRecords": "use kcl.max_records",
    "idleTimeBetweenReadsInMillis": "use kcl.idle_between_reads_ms",
    "failoverTimeMillis": "use kcl.failover_ms",
    "leaseAssignmentIntervalMillis": "use kcl.lease_assignment_ms",
    "shardSyncIntervalMillis": "use kcl.shard_sync_ms",
    "metricsLevel": "use kcl.metrics_level",
    "disableWorkerMetrics": "use kcl.worker_metrics",
    "shutdownGraceMillis": "use kcl.shutdown_grace_ms",
    "callProcessRecordsEvenForEmptyRecordList": "timed checkpoints need it to be true",
    "timeoutInSeconds": "its expiry halts the JVM without draining; the watchdog finds stuck batches instead",
    "validateSequenceNumberBeforeCheckpointing": "checkpoints are always explicit and always delivered numbers",
    "workerMetricsTableName": "use kcl.application",
    "coordinatorStateTableName": "use kcl.application",
    "maxActiveThreads": "a bounded pool can block the daemon's readers, and so all shards",
}
"""Properties that the worker sets itself, and what to use instead."""

FREE: Final = frozenset(
    {
        "cleanupLeasesUponShardCompletion",
        "allowThroughputOvershoot",
        "clientVersionConfig",
        "cloudWatchClient.endpointOverride",
        "enablePriorityLeaseAssignment",
        "fanoutConfig.consumerArn",
        "fanoutConfig.consumerName",
        "fanoutConfig.maxDescribeStreamConsumerRetries",
        "fanoutConfig.maxDescribeStreamSummaryRetries",
        "fanoutConfig.registerStreamConsumerRetries",
        "fanoutConfig.retryBackoffMillis",
        "gracefulLeaseHandoffTimeoutMillis",
        "ignoreUnexpectedChildShards",
        "initialLeaseTableReadCapacity",
        "initialLeaseTableWriteCapacity",
        "isGracefulLeaseHandoffEnabled",
        "leaseTableDeletionProtectionEnabled",
        "leaseTablePitrEnabled",
        "listShardsBackoffTimeInMillis",
        "logWarningForTaskAfterMillis",
        "dampeningPercentage",
        "inMemoryWorkerMetricsCaptureFrequencyMillis",
        "maxGetRecordsThreadPool",
        "maxLeaseRenewalThreads",
        "maxLeasesForWorker",
        "maxLeasesToStealAtOneTime",
        "maxListShardsRetryAttempts",
        "maxThroughputPerHostKBps",
        "metricsBufferTimeMillis",
        "metricsEnabledDimensions",
        "metricsMaxQueueSize",
        "noOfPersistedMetricsPerWorkerMetrics",
        "parentShardPollIntervalMillis",
        "reBalanceThresholdPercentage",
        "retryGetRecordsInSeconds",
        "schedulerInitializationBackoffTimeMillis",
        "skipShardSyncAtWorkerInitializationIfLeasesExist",
        "taskBackoffTimeMillis",
        "varianceBalancingFrequency",
        "workerMetricsEMAAlpha",
        "workerMetricsReporterFreqInMillis",
    }
)
"""Properties that a configuration may add."""


def check_extra_properties(extra: Mapping[str, str]) -> None:
    """Refuse what KCL would ignore or what the worker sets itself.

    :raises ValueError: names the property and says what to do.
    """
    for name, value in extra.items():
        if name in OWNED:
            msg = f"the KCL property {name} cannot be set: {OWNED[name]}"
            raise ValueError(msg)
        if name not in FREE:
            near = difflib.get_close_matches(name, [*FREE, *OWNED], n=1, cutoff=0.6)
            hint = (
                f" (did you mean {near[0]}?{f' For that, {OWNED[near[0]]}' if near[0] in OWNED else ''})"
                if near
                else ""
            )
            msg = f"{name} is no property of KCL's MultiLangDaemon, which would ignore it silently{hint}"
            raise ValueError(msg)
        if any(character in value for character in "\r\n\\"):
            msg = f"the value of the KCL property {name} holds a line break or a backslash"
            raise ValueError(msg)
