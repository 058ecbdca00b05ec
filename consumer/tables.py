"""The tables of the service: output, quarantine, and the three that KCL wants."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from consumer import aws
from consumer.dynamodb.item import key_names
from consumer.dynamodb.names import INDEX, names_of
from consumer.dynamodb.schema import (
    Table,
    call,
    create_each,
    key_schema,
    new_table,
    schema_problem,
    upkeep_problem,
)
from consumer.errors import ServiceError
from consumer.kcl.leases import origin
from consumer.kcl.leases.tables import LeaseTables, tables_of
from consumer.kinesis.shards import list_shards
from consumer.quarantine.entry import EXPIRES_AT, KEY_NAMES
from consumer.settings import Settings, lease_tables


def wanted(settings: Settings) -> list[Table]:
    """Return every table of the service, in the order in which they are created."""
    expires_by = EXPIRES_AT if settings.quarantine.ttl_days else None
    return [
        *([output_table(settings)] if settings.has_table else ()),
        replace(new_table(settings.quarantine.table, *KEY_NAMES, holds_data=True), expires_by=expires_by),
        *tables_of(settings.kcl.application),
    ]


def output_table(settings: Settings) -> Table:
    """Return the table of documents, with its second index if the settings have one."""
    output = settings.output
    names = names_of(output.reserved_attribute)
    more: dict[str, Any] = {}
    keys: tuple[str, ...] = ()
    if output.index is not None:
        keys = (names.index_partition, names.index_sort)[: 1 if output.index.sort_key is None else 2]
        index = {"IndexName": INDEX, "KeySchema": key_schema(*keys), "Projection": {"ProjectionType": "ALL"}}
        more["GlobalSecondaryIndexes"] = [index]
    made = new_table(output.table, *key_names(output), attributes=keys, holds_data=True, **more)
    return replace(made, expires_by=names.expires if output.ttl_days else None, may_add_index=True)


def require_stream(settings: Settings) -> None:
    """Look for the stream, without which there are no leases, before tables are made for it.

    :raises ServiceError: it is missing, out of reach or not permitted.
    """
    origin.look(aws.client("kinesis", retries=3), settings.stream.name)


def create(settings: Settings, tell: Callable[[str, str], object] = lambda *_: None) -> None:
    """Create what is missing.

    Ends when all are usable; DynamoDB takes minutes to hours to build an index of a table that holds much.

    :param tell: see `create_each`.
    :raises ServiceError: not permitted, or unreachable.
    :raises StartError: a table of that name has other keys.
    """
    create_each(wanted(settings), tell)


def check(settings: Settings) -> Iterator[tuple[str, str | None]]:
    """Yield each table's name and what is wrong with it, or None."""
    dynamodb = aws.client("dynamodb", retries=3)
    for table in wanted(settings):
        yield table.name, schema_problem(dynamodb, table) or upkeep_problem(dynamodb, table)


def seed_leases(settings: Settings) -> int:
    """Write the lease of each shard into an empty lease table, as KCL would at its first start.

    It saves a fresh worker the time in which KCL lists shards and waits. Only where it is plainly right: no lease is
    there yet, and the stream was never resharded (else parents must be read before their children).

    :return: how many leases were written.
    :raises ServiceError: stream or table cannot be read or written.
    :raises StartError: the leases are of another stream.
    """
    origin.enter(settings)
    dynamodb = aws.client("dynamodb", retries=3)
    leases = LeaseTables(dynamodb, settings.kcl.application)
    table = lease_tables(settings.kcl.application)[0]
    if call(dynamodb.scan, "dynamodb:Scan", table, TableName=table, Limit=1)["Items"]:
        return 0
    shards = list_shards(aws.client("kinesis", retries=3), settings.stream.name)
    if any(shard.get("ParentShardId") for shard in shards):
        return 0
    for shard in shards:
        try:
            leases.add(shard, origin.beginning(settings))  # unless a worker was faster
        except aws.CALL_ERRORS as error:
            raise ServiceError(aws.explain(error, "dynamodb:PutItem", f"table {table}")) from None
    return len(shards)
