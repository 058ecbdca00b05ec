"""Lines of the Kinesis Client Library that may stand in our log: by logger and message template.

All are literals of KCL (awslabs/amazon-kinesis-client, at the tags of the versions in `jars.txt`), so none can hold
content; what is put into their places does not pass. A line whose text KCL makes while running is in no such list.
"""

from typing import Final

_KCL: Final = "software.amazon.kinesis."

_TEMPLATES: Final = {
    "checkpoint.ShardRecordProcessorCheckpointer": (
        "Caught exception setting checkpoint.",
        "Caught exception setting prepareCheckpoint.",
    ),
    "common.DiagnosticUtils": (
        (
            "{}: Record delivery time to shard consumer is high at {} millis. Check the ExecutorStateEvent logs "
            "to see the state of the executor service. Also check if the RecordProcessor's processing time is "
            "high. "
        ),
    ),
    "coordinator.CoordinatorStateDAO": (
        "Provisioned throughput on {} has exceeded. It is recommended to increase the IOPs on the table.",
    ),
    "coordinator.PeriodicShardSyncManager": (
        "Caught exception while running periodic shard syncer.",
        "Error during runShardSync.",
        "Failed to submit shard sync task for stream {}. This could be due to the previous pending shard sync task.",
        "Incomplete hash range found for stream {} between {} and {}.",
        "Incomplete hash range found for {} between {} and {}.",
        "No leases with valid hashranges found for stream {}",
        (
            "Unable to update hash range key information for lease {} of stream {}. This may result in explicit "
            "lease sync."
        ),
    ),
    "coordinator.Scheduler": (
        "All record processors have been shutdown successfully.",
        "Caught exception when initializing LeaseCoordinator",
        (
            "Exception encountered during WorkerMetricStats selection. If this is persistent please try setting "
            "the WorkerMetricStats explicitly."
        ),
        "Initialization complete. Starting worker loop.",
        "Initializing LeaseCoordinator attempt {}",
        "Lease failover time is reached, so forcing shutdown.",
        "Lease table is still empty. Checking again in {} ms",
        "Shutdown requested a second time.",
        "Starting LeaseCoordinator",
        "Unable to initialize after {} attempts. Shutting down.",
        "Worker executor service has been shutdown, so record processors cannot be shutdown.",
        "Worker loop is complete. Exiting from worker.",
        "Worker shutdown requested.",
        "Worker.run caught exception, sleeping for {} milli seconds!",
    ),
    "coordinator.assignment.LeaseAssignmentManager": (
        "Failed to load : {}, retrying",
        "Failed to perform assignment {} times in a row{}, releasing leadership from worker : {}",
        "LeaseAssignmentManager failed to perform lease assignment.",
        "Leases that failed deserialization : {}",
        "List of workerIds with invalid entries : {}",
        "Not able to assign all expiredOrUnAssignedLeases",
    ),
    "leader.DynamoDBLockBasedLeaderDecider": (
        "Acquiring lock was interrupted in between",
        "Failed to close DynamoDB lock client for worker {}",
        "Failed to complete releaseLeadershipIfHeld call.",
    ),
    "leases.HierarchicalShardSyncer": (
        "Incomplete hash range found between {} and {}.",
        "Skipping shard sync for {} as no shards found from service.",
        "{} : shardId {} is an inconsistent child.  Not creating a lease",
    ),
    "leases.KinesisShardDetector": (
        "Even after cache refresh shard '{}' wasn't found. This could indicate a bigger problem.",
        "Got LimitExceededException when listing shards {}. Backing off for {} millis.",
        "Got ResourceNotFoundException when fetching shard list for {}. Stream no longer exists.",
        "Stream is not in Active/Updating status, returning null (wait until stream is in Active or Updating)",
    ),
    "leases.LeaseCleanupManager": (
        "Cannot enqueue {} for {} as instance doesn't hold the lease for that shard.",
        "Deleting lease {} as it is not present in the stream.",
        "Failed to cleanup lease {} for {}. Will re-enqueue for deletion and retry on next scheduled execution.",
        "Lease {} has a parent lease {} which is still present in the lease table, skipping deletion for this lease.",
        "No child shards returned from service for shard {} for {} while cleaning up lease.",
        "Unable to clean up lease {} for {} due to {}",
        "Unable to cleanup lease for shard {} in {}",
        "Unable to enqueue lease {} for deletion.",
    ),
    "leases.ShardSyncTask": ("Caught exception while sync'ing Kinesis shards and leases",),
    "leases.ShardSyncTaskManager": (
        "Caught exception running {} task: ",
        "Caught exception running {} task: {}",
        "{} task encountered exception.",
    ),
    "leases.dynamodb.DynamoDBLeaseCoordinator": (
        "Failed to execute lease discovery",
        "LeasingException encountered in lease renewing thread",
        "LeasingException encountered in lease taking thread",
        "Throwable encountered in lease renewing thread",
        "Throwable encountered in lease taking thread",
    ),
    "leases.dynamodb.DynamoDBLeaseDiscoverer": ("GetLease failed for leaseKey : {}",),
    "leases.dynamodb.DynamoDBLeaseRefresher": (
        "Failed to deserialize lease",
        "Failed to fetch {} status",
        "Failed to get table status for {}",
        (
            "Lease and checkpoint owners are the same for the updatedLease. Not expected so not renewing this lease. "
            "Lease {}, updatedLease {}"
        ),
        "Lease and updatedLease have different owners. Lease {}, updatedLease {}",
        "Lease update failed for lease with key {} because the lease did not exist at the time of the update",
        (
            "Provisioned Throughput on the lease table has been exceeded. It's recommended that you increase the "
            "IOPs on the table. Failure to increase the IOPs may cause the application to not make progress."
        ),
    ),
    "leases.dynamodb.DynamoDBLeaseRenewer": (
        "Encountered an exception while renewing a lease.",
        "LeaseRefresher failed in initialization during renewing of pre assigned leases",
        "List of leaseKeys failed to deserialize : {} ",
        "Worker {} could not renew lease with key {} on try {} out of {} due to capacity",
        "Worker {} could not update lease with key {} because it does not hold it",
        "Worker {} lost lease with key {}",
        "Worker {} lost lease with key {} - discovered during update",
        "Worker {} not renewing shutdown-requested lease {} with checkpointOwner {}",
        "Worker {} refusing to update lease with key {} because concurrency tokens don't match",
    ),
    "leases.dynamodb.DynamoDBLeaseTaker": (
        "Failed to fetch latest state of the lease {} that needs to be stolen, defaulting to existing lease",
        "Worker {} could not scan leases table, aborting TAKE_LEASES_DIMENSION. Exception caught by last retry:",
        (
            "Worker {} target is {} leases and maxLeasesForWorker is {}. Resetting target to {}, lease spillover "
            "is {}. Note that some shards may not be processed if no other workers are able to pick them up."
        ),
    ),
    "lifecycle.BlockOnParentShardTask": (
        "Caught exception when checking for parent shard checkpoint",
        "Sleep interrupted when waiting on parent shard(s) of {}",
    ),
    "lifecycle.InitializeTask": (
        "Application initialize() threw exception: ",
        "Caught exception: ",
    ),
    "lifecycle.LeaseGracefulShutdownHandler": (
        "Calling graceful shutdown for lease {}",
        "Error in graceful shutdown for lease {}",
        "Failed to transfer lease for key {}. Will retry",
        "Lease {} checkpoint owner mismatch found {} but it should be {}",
        (
            "Lease {} took {} milliseconds to complete the shutdown. Consider tuning the "
            "GracefulLeaseHandoffTimeoutMillis to prevent timeouts, if necessary."
        ),
        (
            "Timeout {} millisecond reached waiting for lease {} to graceful handoff. Attempting to transfer the "
            "lease to {}"
        ),
    ),
    "lifecycle.ProcessTask": (
        (
            "Cannot get the shard for this ProcessTask, so duplicate KPL user records in the event of resharding "
            "will not be dropped during deaggregation of Amazon Kinesis records."
        ),
        "Reached end of shard {} and have no records to process",
        "Reached end of shard {}, and processed {} records",
        "ShardId {}: Application processRecords() threw an exception when processing shard ",
        "ShardId {}: Caught exception: ",
    ),
    "lifecycle.ShardConsumer": (
        "{} : Exception occurred while dispatching incoming data.  The incoming data has been skipped",
        "{} : Last time data arrived: {} ({})",
        "{} : No handler for outcome of {}",
    ),
    "lifecycle.ShardConsumerSubscriber": (
        "{}: Caught exception from handleInput",
        (
            "{}: onError().  Cancelling subscription, and marking self as failed. KCL will recreate the "
            "subscription as necessary to continue processing. If you are seeing this warning frequently consider"
            " increasing the SDK timeouts by providing an OverrideConfiguration to the kinesis client. "
            "Alternatively you can configure LifecycleConfig.readTimeoutsToIgnoreBeforeWarning to suppress "
            "intermittent ReadTimeout warnings. Last successful request details -- {}"
        ),
        (
            "{}: onError().  Cancelling subscription, and marking self as failed. KCL will recreate the "
            "subscription as necessary to continue processing. Last successful request details -- {}"
        ),
    ),
    "lifecycle.ShutdownTask": (
        (
            "Lease {}: Invalid state encountered while shutting down shardConsumer with SHARD_END reason. "
            "Dropping the lease and shutting down shardConsumer using LEASE_LOST reason."
        ),
        "Shard {}: Application exception.",
        "Shard {}: Caught exception:",
        "Shard {}: Unable to find the lease for shard. Will shutdown the shardConsumer directly.",
        "Shard {}: Updated current lease {} with child shard information: {}",
        "{} - Shard {}: Created child shard lease: {}",
    ),
    "metrics.CloudWatchMetricsPublisher": (
        "Could not publish {} datums to CloudWatch",
        "Unknown exception while publishing {} datums to CloudWatch",
    ),
    "metrics.CloudWatchPublisherRunnable": (
        "Caught exception thrown by metrics Publisher in CloudWatchPublisherRunnable",
    ),
    "multilang.MultiLangDaemon": (
        "Caught throwable while processing data",
        "Encountered an error during shutdown.",
        "Encountered an error while running daemon",
        "Process shutdown is complete.",
        "Process terminated, will initiate shutdown.",
    ),
    "multilang.MultiLangProtocol": (
        "Failed to get status message for {} action for shard {}",
        "Failed to write {} message for shard {}",
        "Interrupted while waiting for {} message for shard {}",
        "Interrupted while writing {} message for shard {}",
        "Timedout to get status message for {} action for shard {}. Terminating...",
    ),
    "multilang.MultiLangShardRecordProcessor": (
        "Child process failed to complete shutdown notification.",
        "Encountered an error while trying to initialize record processor",
        "Encountered an error while trying to process records",
        "Encountered an error while trying to shutdown child process",
        "Encountered error while trying to shutdown",
        "Encountered error while {} for shard {}",
        "Encountered exception while trying to close output stream.",
        "Encountered exception while trying to close {} stream.",
        "Interrupted before process finished exiting. Attempting to kill process.",
    ),
    "retrieval.AggregatorUtil": ("Error in deaggregation",),
    "retrieval.fanout.FanOutRecordsPublisher": (
        (
            "An acquire timeout occurred which usually indicates that the KinesisAsyncClient supplied has a low "
            "maximum streams limit.  Please use the software.amazon.kinesis.common.KinesisClientUtil to setup the"
            " client, or refer to the class to setup the client manually."
        ),
        "{}: A subscribe occurred while there was an active subscriber.  Sending error to current subscriber",
        "{}: Exception while calling subscriber.onError. Last successful request details -- {}",
        "{}: Unable to deliver event to the shard consumer.",
        (
            "{}: Unable to enqueue the payload due to capacity restrictions in delivery queue with remaining "
            "capacity {}. Last successful request details -- {}"
        ),
        (
            "{}: [SubscriptionLifetime] - (FanOutRecordsPublisher#errorOccurred) -- Subscriber and flow are null."
            " Last successful request details -- {}"
        ),
        (
            "{}: [SubscriptionLifetime] - (FanOutRecordsPublisher#errorOccurred) @ {} id: {} -- Subscriber is "
            "null. Last successful request details -- {}"
        ),
    ),
    "retrieval.polling.AsynchronousGetRecordsRetrievalStrategy": (
        "ExecutionException thrown while trying to get records",
        "Out of resources, unable to start additional requests.",
        "Thread was interrupted",
    ),
    "retrieval.polling.KinesisDataFetcher": (
        "Caught ResourceNotFoundException when fetching records for shard {}",
        "Caught ResourceNotFoundException when getting an iterator for shard {}",
    ),
    "retrieval.polling.PollingConfig": (
        (
            "idleTimeBetweenReadsInMillis must be greater than or equal to {} but current value is {}. Defaulting"
            " to minimum {}."
        ),
    ),
    "retrieval.polling.PrefetchRecordsPublisher": (
        "Executor service didn't terminate",
        "{} :  Exception thrown while fetching records from Kinesis",
        "{} :  Timeout occurred while waiting for response from Kinesis.  Will retry the request.",
        (
            "{} :  Unexpected exception was thrown. This could probably be an issue or a bug. Please search for "
            "the exception/error online to check what is going on. If the issue persists or is a recurring "
            "problem, feel free to open an issue on, https://github.com/awslabs/amazon-kinesis-client."
        ),
        "{} :  records threw ExpiredIteratorException - restarting after greatest seqNum passed to customer",
        "{} :  records threw InvalidArgumentException - iterator will be refreshed before retrying",
        "{} : Prefetch thread was interrupted.",
        "{} : ProvisionedThroughputExceededException thrown while fetching records from Kinesis",
    ),
}

ALLOWED: Final = frozenset((_KCL + name, template) for name, templates in _TEMPLATES.items() for template in templates)
"""(logger, template) of lines that pass, as a template, without its arguments."""
