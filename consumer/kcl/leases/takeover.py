"""What KCL does too late when a whole worker dies: its leases go to the living at once.

In KCL 3 one worker, the leader, assigns the leases of the dead. It takes a worker for alive as long as its last
report (WorkerMetricStats) is no older than a minute, and gives it its own leases back; so the supervisors take the
report of a silent worker away. If the leader itself dies, nobody assigns leases until its lock of 120 s has run out and
the others have noticed (`DynamoDBLockBasedLeaderDecider`; issue 1803 of amazon-kinesis-client); so each supervisor
watches the lease table as a leader does, and does for one that is dead, or does nothing, what another would have done:
it assigns expired leases, here to its own worker, and clears the place for another leader.

Of several that live each takes its fair share, so that those who report themselves alive count, leases or not: in a
rolling deployment the new workers have none yet, and the first one to look would take everything. What the others leave
lying for too long is taken all the same, by whoever sees it first; a lease that bears a living worker's name, and that
its daemon does not renew, would be served by nobody.

And it ends hand-overs that KCL forgets. The leader moves a lease by naming the new owner beside the old one, which
drains the shard and then takes its own name off. If that one is told so before its session has begun (by two moves
within seconds, as in a rollout), KCL 3.4.2 ends the session, but leaves its name there and goes on renewing. Nobody
reads the shard then until the leader moves it again, which takes half a minute and may never come (pull requests 1729
and 1743 of amazon-kinesis-client). So each supervisor takes its worker's name off what that drains without a session.

It is as sound as KCL's own: a lease counts as expired when its counter has stood still for longer than the failover
time, and each is taken under the condition that it still does. A leader that was only frozen finds its leases lost, as
after any expiry.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Final

from consumer import aws
from consumer.errors import StartError
from consumer.kcl.leases.renewals import Renewals
from consumer.kcl.leases.tables import Lease, LeaseTables
from consumer.logs import Logger
from consumer.metrics import Metrics
from consumer.periodic import Periodic
from consumer.settings import Settings

LOOKS: Final = 4
"""Looks at the lease table for each failover time."""

PATIENCE: Final = 1.25
"""Failover times for which a lease has to stand still: a little more than KCL's leader asks for."""

LEFT_LYING: Final = 2.5
"""Failover times after which leases that nobody was given say that nobody leads, whoever holds the leader's lock: one
that died with no lease of its own, an earlier daemon of this very worker, or one that lives and assigns nothing. KCL's
leader assigns every second or two."""

SILENCE: Final = 0.75
"""Failover times without a renewal after which a worker gets no new leases. KCL renews three times in each; the leader
must not count it among the living any more when its leases expire, or it would have them for another failover time."""

DRAINED: Final = 1.0
"""Failover times for which a shard that is to be handed over has to be without a session: one may just begin or end."""

BEGIN_SECONDS: Final = 20.0
"""What it takes after a takeover, generously, until the new owner's sessions have begun."""

COUNT_SECONDS: Final = 15.0
"""Between two counts of the workers."""


class Takeover:
    """Watches for one worker.

    :param is_serving: whether this worker could serve more shards now.
    :param served: returns the shards that have a session here.
    :param metrics: shows what it sees of the application; None: nobody asks.
    :ivar longest_seconds: within which a lease that nobody renews is taken over, and served.
    :ivar has_others: whether, at the last look, another worker renewed a lease.
    :ivar ownerless: by shard whose lease had no living owner at the last look, the seconds since it last changed.
    """

    def __init__(
        self,
        settings: Settings,
        worker_id: str,
        is_serving: Callable[[], bool],
        served: Callable[[], Collection[str]],
        log: Logger,
        metrics: Metrics | None = None,
    ) -> None:
        self._application = settings.kcl.application
        self._failover = settings.kcl.failover_ms / 1000
        self._me = worker_id
        self._is_serving = is_serving
        self._served = served
        self._log = log
        self._metrics = metrics
        self._leases: dict[str, Lease] = {}
        self._drained: dict[str, float] = {}
        self._finished = 0
        self._counted_at = -COUNT_SECONDS
        self._renewals = Renewals()
        self._silent: set[str] = set()
        self._seen_at = time.monotonic()
        self.has_others = False
        self.ownerless: Mapping[str, float] = {}
        self.longest_seconds = LEFT_LYING * self._failover + BEGIN_SECONDS
        self._rounds = Periodic(
            "takeover",
            self._failover / LOOKS,
            self._round,
            errors=(*aws.CALL_ERRORS, StartError),
            failed=self._not_watching,
        )

    def wake(self) -> None:
        """Look now: this worker has become able to serve shards."""
        self._rounds.wake()

    def start(self) -> None:
        """Watch in a thread of its own, for as long as the process lives."""
        self._rounds.start()

    def leased(self) -> set[str]:
        """Return the shards whose leases were this worker's at the last look."""
        return {shard for shard, lease in self._leases.items() if lease.owner == self._me}

    def seen_ago(self) -> float:
        """Return the seconds since the lease table was last read."""
        return time.monotonic() - self._seen_at

    def _round(self, passed: float) -> None:
        self.look(passed)
        self.show()

    def _not_watching(self, error: Exception) -> None:
        code = type(error).__name__ if isinstance(error, StartError) else aws.error_code(error)
        self._log.warning("takeover.not_watching", table=self._application, code=code, request_id=aws.request_id(error))

    @cached_property
    def _tables(self) -> LeaseTables:
        return LeaseTables(aws.client("dynamodb", timeout=2, retries=1), self._application)

    def look(self, passed: float) -> int:
        """Look once, and take over what has to be.

        :param passed: seconds since the last look.
        :return: how many leases were taken.
        """
        leases = self._tables.leases()
        self._seen_at = time.monotonic()
        self._leases = {lease.shard: lease for lease in leases if not lease.is_finished}
        self._finished = len(leases) - len(self._leases)
        self._renewals.look(self._leases.values(), passed)
        self._judge()
        self._pass_on(passed)
        self._forget_the_silent()
        expired = {shard: lease for shard, lease in self._leases.items() if self._is_to_be_had(lease)}
        if not expired or not self._is_serving():
            return 0
        leader = self._tables.leader()
        if leader and not self._is_dead(leader.owner, expired) and not self._are_left_lying(expired):
            return 0  # it will assign them
        taken = self._take(expired)
        if leader:
            self._tables.depose(leader)
        self._log.warning("leases.taken_over", count=taken, leader=leader.owner if leader else None)
        return taken

    def _judge(self) -> None:
        ownerless = [shard for shard, lease in self._leases.items() if lease.owner is None or self._has_expired(lease)]
        # New ones each time: the health check asks from another thread.
        self.ownerless = {shard: self._renewals.unchanged(shard) for shard in ownerless}
        self.has_others = any(
            lease.owner != self._me for shard, lease in self._leases.items() if shard not in self.ownerless
        )

    def _pass_on(self, passed: float) -> None:
        """End this worker's hand-overs of shards that have had no session for a while."""
        draining = [lease for lease in self._leases.values() if lease.drained_by == self._me]
        served = self._served() if draining else ()
        self._drained = {
            lease.shard: self._drained[lease.shard] + passed if lease.shard in self._drained else 0.0
            for lease in draining
            if lease.shard not in served
        }
        for shard, seconds in self._drained.items():
            if seconds >= DRAINED * self._failover and self._tables.pass_on(self._leases[shard]):
                self._log.warning("lease.passed_on", shard=shard, worker_id=self._leases[shard].owner)

    def show(self) -> None:
        """Enter what the last look saw into the metrics: of the workers no more than a few times a minute."""
        if self._metrics is None:
            return
        owned = [lease.owner for lease in self._leases.values() if lease.owner and not self._has_expired(lease)]
        unowned = sum(not lease.owner for lease in self._leases.values())
        states = {
            "owned": len(owned),
            "unowned": unowned,
            "expired": len(self._leases) - len(owned) - unowned,
            "finished": self._finished,
        }
        for state, count in states.items():
            self._metrics.application_leases.labels(state).set(count)
        now = time.monotonic()
        if now - self._counted_at >= COUNT_SECONDS:
            self._counted_at = now
            self._metrics.application_workers.set(len(set(owned) | self._tables.reporting()))

    def _has_expired(self, lease: Lease) -> bool:
        return self._renewals.unchanged(lease.shard) > PATIENCE * self._failover

    def _is_to_be_had(self, lease: Lease) -> bool:
        # One without an owner was let go: nobody can come back for it, so it is taken at first sight. One of its own
        # its daemon may have lost sight of, while it renews the others: taken anew it is found again, or given up.
        return (
            not lease.owner
            or (lease.owner != self._me and self._has_expired(lease))
            or self._renewals.unchanged(lease.shard) > LEFT_LYING * self._failover
        )

    def _forget_the_silent(self) -> None:
        """Take away the reports of workers none of whose leases is renewed; one that lives writes the next soon."""
        limit = SILENCE * self._failover
        silent = {owner for owner in self._renewals.owners - {self._me} if self._renewals.silence(owner) > limit}
        for owner in silent - self._silent:
            self._tables.forget(owner)
            self._log.warning("worker.silent", worker_id=owner)
        self._silent = silent

    def _is_dead(self, worker: str, expired: Mapping[str, Lease]) -> bool:
        """Tell whether all leases of a worker have expired. Of one without leases nothing is known."""
        its_own = [shard for shard, lease in self._leases.items() if lease.owner == worker]
        return worker != self._me and bool(its_own) and all(shard in expired for shard in its_own)

    def _are_left_lying(self, expired: Iterable[str]) -> bool:
        return any(self._renewals.unchanged(shard) > LEFT_LYING * self._failover for shard in expired)

    def _take(self, expired: Mapping[str, Lease]) -> int:
        """Assign a fair share to this worker; the others that live take theirs."""
        leases = self._leases
        renewing = {lease.owner for shard, lease in leases.items() if shard not in expired and lease.owner} | {self._me}
        dead = {lease.owner for lease in expired.values()} - renewing
        share = -(-len(leases) // len(renewing | (self._tables.reporting() - dead)))
        share_of_all = -(-len(leases) // len(renewing))
        mine = sum(lease.owner == self._me for lease in leases.values())
        taken = 0
        for shard, lease in sorted(expired.items()):
            patience = PATIENCE * self._failover
            waited = self._renewals.unchanged(shard) - (patience if lease.owner else 0)
            most = share if waited <= patience else share_of_all
            # In the end whoever sees it, since who should have it does not come for it.
            if mine + taken < most or lease.owner == self._me or waited > LEFT_LYING * self._failover:
                taken += self._tables.take(lease, self._me)
        return taken
