"""Hands this worker's leases over when it stops.

KCL 3.1.3 checkpoints on a stop but leaves its name on the leases and its report among the living workers, so that the
next worker waits until they expire (`LeaseRefresher.evictLease` has no caller). Taking them away lets the leases be
assigned at once.
"""

import time
from typing import Any

from consumer import aws
from consumer.dynamodb.schema import if_unchanged
from consumer.errors import StartError
from consumer.kcl.lease_table import LEASE_OWNER_INDEX
from consumer.logs import Logger
from consumer.settings import Settings, lease_tables

HAND_OVER_SECONDS = 5.0


def hand_over(settings: Settings, worker_id: str, log: Logger) -> int:
    """Release every lease that bears `worker_id`, and the leadership; its daemon must have ended.

    A failure costs the next worker the wait for the leases to expire, and is logged.

    :return: how many leases were released.
    """
    table, worker_metrics, coordinator = lease_tables(settings.kcl.application)
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
        give_up_at = time.monotonic() + HAND_OVER_SECONDS
        for lease in owned:
            if time.monotonic() > give_up_at:
                log.warning("leases.not_handed_over", table=table, reason="too slow", count=released)
                return released
            released += if_unchanged(
                # As KCL's own evictLease does it: the counter moves on, so that whoever watched it sees a change. Not a
                # lease on its way to us, whose last owner still drains: it would lose it before its last checkpoint.
                client.update_item,
                TableName=table,
                Key={"leaseKey": lease["leaseKey"]},
                UpdateExpression="REMOVE leaseOwner ADD leaseCounter :one",
                ConditionExpression="leaseOwner = :me AND attribute_not_exists(checkpointOwner)",
                ExpressionAttributeValues=me | {":one": {"N": "1"}},
            )
        # Else the leader goes on assigning leases to this worker until its last report is a minute old.
        client.delete_item(TableName=worker_metrics, Key={"wid": {"S": worker_id}})
        _resign(client, coordinator, me)
    except aws.CALL_ERRORS as error:
        log.warning(
            "leases.not_handed_over",
            table=table,
            code=aws.error_code(error),
            request_id=aws.request_id(error),
            count=released,
        )
    return released


def resign(settings: Settings, worker_id: str, log: Logger) -> None:
    """Clear the leader's place, if it is this worker's; its daemon must have ended.

    The next daemon of the same worker would find its own lock, and assign nothing before that has run out. A failure
    costs that wait, and is logged.
    """
    try:
        client = aws.client("dynamodb", timeout=1, retries=0)
        _resign(client, lease_tables(settings.kcl.application)[2], {":me": {"S": worker_id}})
    except (*aws.CALL_ERRORS, StartError) as error:
        log.warning("leases.not_resigned", error=type(error).__name__)


def _resign(client: Any, coordinator: str, me: dict[str, Any]) -> None:
    # Else nobody would lead before KCL's lock of 120 s has run out.
    if_unchanged(
        client.delete_item,
        TableName=coordinator,
        Key={"key": {"S": "Leader"}},
        ConditionExpression="ownerName = :me",
        ExpressionAttributeValues=me,
    )
