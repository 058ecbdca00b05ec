"""Hands this worker's leases over when it stops.

KCL checkpoints on a stop but leaves its name on the leases and its report among the living workers, so that the
next worker waits until they expire (`LeaseRefresher.evictLease` has no caller). Taking them away lets the leases be
assigned at once.
"""

import time

from consumer import aws
from consumer.errors import StartError
from consumer.kcl.leases.roster import Roster
from consumer.kcl.leases.tables import LeaseTables
from consumer.logs import Logger
from consumer.settings import Settings

HAND_OVER_SECONDS = 5.0


def hand_over(settings: Settings, worker_id: str, log: Logger) -> int:
    """Release every lease that bears `worker_id`, and the leadership; its daemon must have ended.

    A lease that was on its way from this worker to another is the other's at once.

    A failure costs the next worker the wait for the leases to expire, and is logged.

    :return: how many leases were released.
    """
    table = settings.kcl.application
    client = aws.client("dynamodb", timeout=2, retries=1)
    tables = LeaseTables(client, table)
    released = 0
    try:
        # Not by the index, which lags behind: a lease that came a moment ago must not be left.
        own = [lease for lease in tables.leases() if worker_id in (lease.owner, lease.drained_by)]
        give_up_at = time.monotonic() + HAND_OVER_SECONDS
        for lease in own:
            if time.monotonic() > give_up_at:
                log.warning("leases.not_handed_over", table=table, reason="too slow", count=released)
                return released
            if lease.drained_by == worker_id:
                tables.pass_on(lease)
            else:
                released += tables.release(lease.shard, worker_id)
        # Else the leader goes on assigning leases to this worker until its last report is a minute old.
        tables.forget(worker_id)
        tables.resign(worker_id)
        Roster(client, table).leave(worker_id)
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
    costs a wait (see `takeover.LEFT_LYING`), and is logged.
    """
    try:
        LeaseTables(aws.client("dynamodb", timeout=1, retries=0), settings.kcl.application).resign(worker_id)
    except (*aws.CALL_ERRORS, StartError) as error:
        log.warning("leases.not_resigned", error=type(error).__name__)
