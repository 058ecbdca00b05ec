"""What the daemon's next fetches will hold: found out by fetching the same, a shard after the other."""

import random
from typing import Final, NamedTuple

from consumer import aws
from consumer.errors import ServiceError
from consumer.kcl.leases.application_item import Facts
from consumer.kcl.leases.tables import AT_TIMESTAMP, Lease, LeaseTables
from consumer.kinesis.reader import NotInShard, ShardReader, Start
from consumer.settings import Settings

SHARDS: Final = 4
_TIMEOUT_SECONDS: Final = 5
_RETRIES: Final = 2


class FetchSample(NamedTuple):
    """The largest of a few fetches.

    :ivar records: of Kinesis, an aggregate being one.
    :ivar size: bytes of their data.
    """

    records: int
    size: int


def take(settings: Settings, worker_id: str, facts: Facts, limit: int) -> FetchSample | None:
    """Read what follows the checkpoints of a few of this worker's shards.

    :param limit: records that a fetch holds at most.
    :return: None: nothing waits there.
    :raises ServiceError: stream or lease table cannot be read.
    """
    stream = settings.stream.name
    kinesis = aws.client("kinesis", timeout=_TIMEOUT_SECONDS, retries=_RETRIES)
    dynamodb = aws.client("dynamodb", timeout=_TIMEOUT_SECONDS, retries=_RETRIES)
    try:
        leases = LeaseTables(dynamodb, settings.kcl.application).leases()
    except aws.CALL_ERRORS as error:
        raise ServiceError(aws.explain(error, "dynamodb:Scan", f"table {settings.kcl.application}")) from None
    unread = [lease for lease in leases if not lease.is_finished]
    own = [lease for lease in unread if lease.owner == worker_id] or unread
    found = None
    for lease in random.sample(own, min(SHARDS, len(own))):
        try:
            page = ShardReader(kinesis, stream, lease.shard, _start(lease, facts), limit).read(limit)
        except NotInShard:
            continue
        sample = FetchSample(len(page.records), sum(len(each.data) for each in page.records))
        if sample.records and (found is None or sample.size > found.size):
            found = sample
    return found


def _start(lease: Lease, facts: Facts) -> Start:
    if lease.position is not None:
        return Start(after=lease.checkpoint)
    if lease.checkpoint == AT_TIMESTAMP and facts.starts_at is not None:
        return Start(at_ms=facts.starts_at * 1000)
    return Start()
