"""Makes what the worker needs: the stream, the tables, and the leases of a fresh stream."""

from consumer import aws, tables
from consumer.errors import ServiceError
from consumer.settings import Settings


def prepare(settings: Settings, shards: int) -> None:
    """Create what is missing.

    :raises ServiceError: the cloud does not answer.
    :raises StartError: a table of that name has other keys.
    """
    name = settings.stream.name
    try:
        aws.client("kinesis", retries=3).create_stream(StreamName=name, ShardCount=shards)
    except aws.CALL_ERRORS as error:
        if aws.error_code(error) != "ResourceInUseException":  # it exists
            raise ServiceError(aws.explain(error, "kinesis:CreateStream", f"stream {name}")) from None
    tables.create(settings)
    tables.seed_leases(settings)
