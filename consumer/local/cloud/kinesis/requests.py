"""What Kinesis requests consist of, read and checked: sizes, ranges, hash keys, tokens.

Messages name the member that is wrong, as AWS's do, and never show its value.
"""

import base64
import binascii
import math
import re
from typing import Any, get_args

import orjson

from consumer.local.cloud.kinesis.shard import HASH_SPACE, KinesisError, NewRecord, Shard, invalid_argument
from consumer.local.cloud.kinesis.store import Mode, Stream

MIN_RECORD_KIB, MAX_RECORD_KIB = 1024, 10 * 1024
"""AWS: MaxRecordSizeInKiB of a stream, of data and partition key together."""

MAX_KEY_CHARACTERS = 256
_DECIMAL = re.compile(r"0|[1-9]\d{0,38}", re.ASCII)

Request = dict[str, Any]


def new_record(entry: object, path: str, stream: Stream) -> NewRecord:
    """Read one record for a stream; `path` stands before the member's name in an error. The data stays base64."""
    if not isinstance(entry, dict):
        raise constraint(path or "record")
    data, key = entry.get("Data"), entry.get("PartitionKey")
    if not isinstance(data, str) or len(data) % 4:
        member = f"{path}data"
        raise constraint(member)
    if not isinstance(key, str) or not 1 <= len(key) <= MAX_KEY_CHARACTERS:
        member = f"{path}partitionKey"
        raise constraint(member)
    size = len(data) // 4 * 3 - data.count("=", -2) + len(key.encode())
    if size > stream.max_record_kib * 1024:
        member = f"{path}data"
        raise constraint(member)
    explicit = entry.get("ExplicitHashKey")
    return NewRecord(data, key, size, None if explicit is None else hash_key(explicit))


def hash_key(value: object) -> int:
    """Read a hash key: a decimal number smaller than 2**128."""
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise constraint("hashKey")
    number = int(value)
    if number >= HASH_SPACE:
        msg = "A hash key must be smaller than 2^128."
        raise invalid_argument(msg)
    return number


def parsed(body: bytes) -> Request:
    """Read a request's body: a JSON object."""
    try:
        request = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        request = None
    if not isinstance(request, dict):
        msg = "The request is no JSON object; Java clients need -Daws.cborEnabled=false."
        raise KinesisError("SerializationException", msg)
    return request


def constraint(member: str) -> KinesisError:
    """Return the error for a member that breaks its constraint."""
    msg = f"1 validation error detected: Value at '{member}' failed to satisfy constraint."
    return KinesisError("ValidationException", msg)


def text(request: Request, name: str, longest: int) -> str:
    """Read a text of 1 to `longest` characters that must be there."""
    value = request.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise constraint(name[0].lower() + name[1:])
    return value


def optional_text(request: Request, name: str) -> str:
    """Read a text that may be missing: then it is empty."""
    return text(request, name, 4096) if request.get(name) else ""


def integer(request: Request, name: str, least: int, most: int, *, default: int | None = None) -> int:
    """Read a number within its bounds; without a default it must be there."""
    value = request.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise constraint(name[0].lower() + name[1:])
    return value


def mode(request: Request, default: Mode | None = None) -> Mode:
    """Read a capacity mode; without a default it must be there."""
    details = request.get("StreamModeDetails")
    if details is None and default is not None:
        return default
    value = details.get("StreamMode") if isinstance(details, dict) else None
    for known in get_args(Mode):
        if value == known:
            found: Mode = known
            return found
    raise constraint("streamModeDetails.streamMode")


def timestamp(request: Request) -> float:
    """Read a time, in seconds since the epoch."""
    value = request.get("Timestamp")
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise constraint("timestamp")
    return float(value)


def token(value: dict[str, Any]) -> str:
    """Return `value` as an opaque text."""
    return base64.b64encode(orjson.dumps(value)).decode()


def from_token(token: object, name: str) -> dict[str, Any]:
    """Return the value behind an opaque text that came back."""
    try:
        value = orjson.loads(base64.b64decode(str(token), validate=True))
    except (binascii.Error, ValueError):
        value = None
    if not isinstance(value, dict):
        msg = f"Invalid {name}."
        raise invalid_argument(msg)
    return value


def filtered_shards(stream: Stream, shard_filter: object) -> list[Shard]:
    """Return the shards a ShardFilter asks for. Nothing is trimmed: the horizon is the stream's creation."""
    if shard_filter is None:
        return stream.shards
    if not isinstance(shard_filter, dict):
        raise constraint("shardFilter")
    kind = shard_filter.get("Type")
    if kind == "FROM_TRIM_HORIZON":
        return stream.shards
    if kind == "AT_TRIM_HORIZON":
        return [shard for shard in stream.shards if not shard.parents]
    if kind == "AT_LATEST":
        return [shard for shard in stream.shards if shard.is_open]
    if kind == "AFTER_SHARD_ID":
        after = text(shard_filter, "ShardId", 128)
        return [shard for shard in stream.shards if shard.shard_id > after]
    if kind in {"AT_TIMESTAMP", "FROM_TIMESTAMP"}:
        when = timestamp(shard_filter)
        alive = [shard for shard in stream.shards if shard.closed is None or shard.closed >= when]
        return alive if kind == "FROM_TIMESTAMP" else [shard for shard in alive if shard.opened <= when]
    raise constraint("shardFilter.type")
