"""A hand-over of a lease that KCL begins and does not end, with the real daemon."""

from typing import Any

import boto3
import pytest

from consumer.kcl.leases.tables import Lease, LeaseTables
from tests.integration.conftest import Lab, wait_for

pytestmark = pytest.mark.integration

PARENT, SHARD = "shardId-000000000000", "shardId-000000000001"
KCLS_OWN_SECONDS = 30.0
"""For so long KCL waits for a hand-over before it ends it by force, if it does."""
RENEWALS = 3
"""After so many KCL has found the lease, and begun to wait for the parent: it looks every second."""


def test_a_shard_that_goes_on_before_its_session_has_begun_is_passed_on(lab: Lab) -> None:
    """It waits for a parent, so that its session does not begin, when the leader gives it to another worker."""
    lab.set_up(shards=2)
    dynamodb: Any = boto3.client("dynamodb")
    row: dict[str, Any] = {"TableName": lab.settings.kcl.application, "Key": {"leaseKey": {"S": SHARD}}}
    dynamodb.update_item(
        **row, UpdateExpression="SET parentShardId = :parents", ExpressionAttributeValues={":parents": {"SS": [PARENT]}}
    )
    lab.start(shards=1)
    me = str(lab.events("worker.started")[-1]["worker_id"])

    def lease() -> Lease:
        (found,) = (each for each in LeaseTables(dynamodb, row["TableName"]).leases() if each.shard == SHARD)
        return found

    wait_for(lambda: lease().owner == me and lease().counter > RENEWALS, "its daemon renews it")
    lab.put_transactions(60)
    dynamodb.update_item(
        **row,
        UpdateExpression="SET leaseOwner = :other, checkpointOwner = :me REMOVE parentShardId",
        ExpressionAttributeValues={":other": {"S": "another"}, ":me": {"S": me}},
    )
    wait_for(lambda: lab.events("lease.passed_on"), "it is the other's", KCLS_OWN_SECONDS / 2)
    assert (lease().owner, lease().drained_by) == ("another", None)
    # The other never comes for it, so it is taken over from that one, and read.
    lab.wait_until_found()
    assert lab.stop() == 0
