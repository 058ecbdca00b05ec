"""What KCL does too late when a whole worker dies: its leases go to the living at once.

In KCL 3.1.3 one worker, the leader, assigns the leases of the dead. It takes a worker for alive as long as its last
report (WorkerMetricStats) is no older than a minute, and gives it its own leases back; so the supervisors take the
report of a silent worker away. If the leader itself dies, nobody assigns leases until its lock of 120 s has run out and
the others have noticed (`DynamoDBLockBasedLeaderDecider`; issue 1803 of amazon-kinesis-client); so each supervisor
watches the lease table as a leader does, and does for a dead leader what a living one would have done: it assigns
expired leases, here to its own worker, and clears the place for another leader.

Of several that live each takes its fair share, so that those who report themselves alive count, leases or not: in a
rolling deployment the new workers have none yet, and the first one to look would take everything. What the others leave
lying for too long is taken all the same.

It is as sound as KCL's own: a lease counts as expired when its counter has stood still for longer than the failover
time, and each is taken under the condition that it still does. A leader that was only frozen finds its leases lost, as
after any expiry.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from consumer import aws
from consumer.dynamodb.schema import if_unchanged
from consumer.errors import StartError
from consumer.kcl.lease_table import LEADER_KEY, SHARD_END, Leader, Lease, read_leader, reporting
from consumer.logs import Logger
from consumer.metrics import Metrics
from consumer.settings import Settings, lease_tables

LOOKS: Final = 4
"""Looks at the lease table for each failover time."""

PATIENCE: Final = 1.25
"""Failover times for which a lease has to stand still: a little more than KCL's leader asks for."""

SILENCE: Final = 0.75
"""Failover times without a renewal after which a worker gets no new leases. KCL renews three times in each; the leader
must not count it among the living any more when its leases expire, or it would have them for another failover time."""

COUNT_SECONDS: Final = 15.0
"""Between two counts of the workers."""


class Takeover:
    """Watches for one worker.

    :param is_serving: whether this worker could serve more shards now.
    :param metrics: shows what it sees of the application; None: nobody asks.
    """

    def __init__(
        self,
        settings: Settings,
        worker_id: str,
        is_serving: Callable[[], bool],
        log: Logger,
        metrics: Metrics | None = None,
    ) -> None:
        self._leases, self._worker_metrics, self._coordinator = lease_tables(settings.kcl.application)
        self._failover = settings.kcl.failover_ms / 1000
        self._me = worker_id
        self._is_serving = is_serving
        self._log = log
        self._metrics = metrics
        self._finished = 0
        self._counted_at = -COUNT_SECONDS
        self._still: dict[str, tuple[Lease, float]] = {}
        self._silent: set[str] = set()
        self._client: Any = None
        self._out_of_reach = False
        self._woken = threading.Event()

    def wake(self) -> None:
        """Look now: this worker has become able to serve shards."""
        self._woken.set()

    def start(self) -> None:
        """Watch in a thread of its own, for as long as the process lives."""
        threading.Thread(target=self._run, name="takeover", daemon=True).start()

    def _run(self) -> None:
        pause = self._failover / LOOKS
        before = time.monotonic()
        while True:
            self._woken.wait(pause)
            self._woken.clear()
            now = time.monotonic()
            # Time in which this process itself was asleep says nothing of the others.
            passed, before = min(now - before, 2 * pause), now
            try:
                self.look(passed)
                self.show()
            except (*aws.CALL_ERRORS, StartError) as error:
                if not self._out_of_reach:
                    code = type(error).__name__ if isinstance(error, StartError) else aws.error_code(error)
                    self._log.warning(
                        "takeover.not_watching", table=self._leases, code=code, request_id=aws.request_id(error)
                    )
                self._out_of_reach = True
            else:
                self._out_of_reach = False

    def look(self, passed: float) -> int:
        """Look once, and take over what has to be.

        :param passed: seconds since the last look.
        :return: how many leases were taken.
        """
        self._client = self._client or aws.client("dynamodb", timeout=2, retries=1)
        leases = self._read_leases()
        self._still = {
            key: (lease, self._still[key][1] + passed if key in self._still and self._still[key][0] == lease else 0.0)
            for key, lease in leases.items()
        }
        self._forget_the_silent(leases)
        expired = {
            key: lease
            for key, (lease, seconds) in self._still.items()
            # One without an owner was let go: nobody can come back for it, so it is taken at first sight.
            if not lease.owner or (lease.owner != self._me and seconds > PATIENCE * self._failover)
        }
        if not expired or not self._is_serving():
            return 0
        leader = self._read_leader()
        if leader and not self._is_dead(leader.owner, leases, expired):
            return 0  # it will assign them
        taken = self._take(expired, leases)
        if leader:
            self._depose(leader)
        self._log.warning("leases.taken_over", count=taken, leader=leader.owner if leader else None)
        return taken

    def show(self) -> None:
        """Enter what the last look saw into the metrics: of the workers no more than a few times a minute."""
        if self._metrics is None:
            return
        limit = PATIENCE * self._failover
        owned = [lease.owner for lease, seconds in self._still.values() if lease.owner and seconds <= limit]
        unowned = sum(not lease.owner for lease, _ in self._still.values())
        states = {
            "owned": len(owned),
            "unowned": unowned,
            "expired": len(self._still) - len(owned) - unowned,
            "finished": self._finished,
        }
        for state, count in states.items():
            self._metrics.application_leases.labels(state).set(count)
        now = time.monotonic()
        if now - self._counted_at >= COUNT_SECONDS:
            self._counted_at = now
            self._metrics.application_workers.set(len(set(owned) | reporting(self._client, self._worker_metrics)))

    def _forget_the_silent(self, leases: dict[str, Lease]) -> None:
        """Take away the reports of workers none of whose leases is renewed; one that lives writes the next soon."""
        limit = SILENCE * self._failover
        owners = {lease.owner for lease in leases.values()} - {self._me, ""}
        renewing = {lease.owner for lease, seconds in self._still.values() if seconds <= limit}
        for owner in owners - renewing - self._silent:
            self._client.delete_item(TableName=self._worker_metrics, Key={"wid": {"S": owner}})
            self._log.warning("worker.silent", worker_id=owner)
        self._silent = owners - renewing

    def _read_leases(self) -> dict[str, Lease]:
        """Return all leases of shards that are not read to their end; the others are only counted."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._leases,
            ConsistentRead=True,
            ProjectionExpression="leaseKey, leaseOwner, leaseCounter, checkpoint",
        )
        items = [item for page in pages for item in page["Items"] if "leaseCounter" in item]
        unread = [item for item in items if item.get("checkpoint", {}).get("S") != SHARD_END]
        self._finished = len(items) - len(unread)
        return {
            item["leaseKey"]["S"]: Lease(item.get("leaseOwner", {}).get("S", ""), item["leaseCounter"]["N"])
            for item in unread
        }

    def _read_leader(self) -> Leader | None:
        return read_leader(self._client, self._coordinator)

    def _is_dead(self, worker: str, leases: dict[str, Lease], expired: dict[str, Lease]) -> bool:
        """Tell whether all leases of a worker have expired. Of one without leases nothing is known."""
        its_own = [key for key, lease in leases.items() if lease.owner == worker]
        return worker != self._me and bool(its_own) and all(key in expired for key in its_own)

    def _take(self, expired: dict[str, Lease], leases: dict[str, Lease]) -> int:
        """Assign a fair share to this worker; the others that live take theirs."""
        renewing = {lease.owner for key, lease in leases.items() if key not in expired and lease.owner} | {self._me}
        dead = {lease.owner for lease in expired.values()} - renewing
        share = -(-len(leases) // len(renewing | (reporting(self._client, self._worker_metrics) - dead)))
        share_of_all = -(-len(leases) // len(renewing))
        mine = sum(lease.owner == self._me for lease in leases.values())
        taken = 0
        for key, lease in sorted(expired.items()):
            waited = self._still[key][1] - (PATIENCE * self._failover if lease.owner else 0)
            if mine + taken >= (share if waited <= PATIENCE * self._failover else share_of_all):
                continue
            # As KCL's own assignLease does it, with the counter as a condition besides the owner.
            taken += if_unchanged(
                self._client.update_item,
                TableName=self._leases,
                Key={"leaseKey": {"S": key}},
                UpdateExpression="SET leaseOwner = :me REMOVE checkpointOwner "
                "ADD leaseCounter :one, ownerSwitchesSinceCheckpoint :one",
                ConditionExpression="leaseCounter = :counter AND "
                + ("leaseOwner = :owner" if lease.owner else "attribute_not_exists(leaseOwner)"),
                ExpressionAttributeValues={
                    ":me": {"S": self._me},
                    ":one": {"N": "1"},
                    ":counter": {"N": lease.counter},
                    **({":owner": {"S": lease.owner}} if lease.owner else {}),
                },
            )
        return taken

    def _depose(self, leader: Leader) -> None:
        """Clear the place of a dead leader."""
        if_unchanged(
            self._client.delete_item,
            TableName=self._coordinator,
            Key=LEADER_KEY,
            ConditionExpression="recordVersionNumber = :version",
            ExpressionAttributeValues={":version": {"S": leader.version}},
        )
