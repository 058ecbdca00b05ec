"""Hands this worker's leases over when it stops.

KCL 3.1.3 checkpoints on a stop but leaves its name on the leases, so that the next worker waits until they expire
(`LeaseRefresher.evictLease` has no caller). Taking the name off lets them be assigned at once.
"""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from consumer import aws
from consumer.config import Settings, lease_tables

LEASE_OWNER_INDEX = "LeaseOwnerToLeaseKeyIndex"
"""The index that KCL 3 queries; it would build it itself, which takes minutes on a fresh table."""


def hand_over(settings: Settings, worker_id: str, log: Any) -> int:
    """Release every lease that bears `worker_id`, whose daemon must have ended.

    A failure costs the next worker the wait for the leases to expire, and is logged.

    :return: how many leases were released.
    """
    table = lease_tables(settings.kcl.application)[0]
    client = aws.client("dynamodb", timeout=2, retries=1)
    me = {":me": {"S": worker_id}}
    released = 0
    try:
        owned = client.query(
            TableName=table,
            IndexName=LEASE_OWNER_INDEX,
            KeyConditionExpression="leaseOwner = :me",
            ExpressionAttributeValues=me,
        )["Items"]
        for lease in owned:
            released += _release(client, table, lease["leaseKey"], me)
    except (ClientError, BotoCoreError, OSError) as error:
        log.warning("leases.not_handed_over", table=table, code=aws.error_code(error), count=released)
    return released


def _release(client: Any, table: str, key: dict[str, str], me: dict[str, dict[str, str]]) -> bool:
    try:
        # As KCL's own evictLease does it: the counter moves on, so that whoever watched it sees a change.
        client.update_item(
            TableName=table,
            Key={"leaseKey": key},
            UpdateExpression="REMOVE leaseOwner ADD leaseCounter :one",
            ConditionExpression="leaseOwner = :me",
            ExpressionAttributeValues=me | {":one": {"N": "1"}},
        )
    except ClientError as error:
        if aws.error_code(error) == "ConditionalCheckFailedException":
            return False  # another worker took it meanwhile, which is as good
        raise
    return True
