"""Who renews his leases, as it shows by looking again and again.

A lease table says who owns a shard, not whether the owner lives. KCL renews each lease three times in the failover
time, by its counter.
"""

from collections.abc import Iterable

from consumer.kcl.leases.tables import Lease


class Renewals:
    """What the looks so far have shown; of what the last one did not see, nothing is remembered."""

    def __init__(self) -> None:
        self._leases: dict[str, tuple[Lease, float]] = {}
        self._silence: dict[str, float] = {}
        self._have_renewed: set[str] = set()

    def look(self, leases: Iterable[Lease], passed: float) -> None:
        """Take the leases as they are now.

        :param passed: seconds since the last look.
        """
        seen: dict[str, tuple[Lease, float]] = {}
        renewing: set[str] = set()
        for lease in leases:
            before, seconds = self._leases.get(lease.shard, (None, 0.0))
            if before and (before.owner, before.counter) == (lease.owner, lease.counter):
                seen[lease.shard] = lease, seconds + passed
                continue
            seen[lease.shard] = lease, 0.0
            # Another owner's name may have been written by the leader, and says nothing of the owner.
            if before and lease.owner and before.owner == lease.owner:
                renewing.add(lease.owner)
        owners = {lease.owner for lease, _ in seen.values() if lease.owner}
        quiet = {owner: seconds + passed for owner, seconds in self._silence.items() if owner not in renewing}
        self._silence = {owner: quiet.get(owner, 0.0) for owner in owners}
        self._have_renewed = (self._have_renewed & owners) | renewing
        self._leases = seen

    @property
    def owners(self) -> set[str]:
        """Those who own a lease."""
        return set(self._silence)

    def unchanged(self, shard: str) -> float:
        """Return the seconds since a lease was seen to change, or first seen."""
        return self._leases[shard][1]

    def silence(self, owner: str) -> float:
        """Return the seconds since an owner was seen to renew any lease, or first seen."""
        return self._silence[owner]

    def has_renewed(self, owner: str) -> bool:
        """Tell whether an owner was seen to renew a lease at all."""
        return owner in self._have_renewed
