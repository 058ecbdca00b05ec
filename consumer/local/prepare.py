"""Makes what the worker needs: the stream, the tables, and the leases of a fresh stream."""

from consumer import aws, tables
from consumer.errors import ServiceError
from consumer.kinesis.shards import list_shards, open_shards
from consumer.settings import Settings


def prepare(settings: Settings, shards: int) -> int:
    """Create what is missing.

    :param shards: of a stream that is made; one that is there stays as it is.
    :return: how many are open.
    :raises ServiceError: the cloud does not answer.
    :raises StartError: a table of that name has other keys.
    """
    name = settings.stream.name
    try:
        aws.client("kinesis", retries=3).create_stream(StreamName=name, ShardCount=shards)
    except aws.CALL_ERRORS as error:
        if aws.error_code(error) != "ResourceInUseException":  # it exists
            raise ServiceError(aws.explain(error, "kinesis:CreateStream", f"stream {name}")) from None
        shards = len(open_shards(list_shards(aws.client("kinesis", retries=3), name)))
    tables.create(settings)
    tables.seed_leases(settings)
    return shards
