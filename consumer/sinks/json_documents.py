"""Documents as JSON: as they were released, with what the service adds under the reserved name."""

from collections.abc import Mapping

import orjson

from consumer.errors import EncodeError
from consumer.record import Record
from consumer.sink import SinkContext
from redaction.serialize import serialize


class JsonWriter:
    """Writes the documents of one shard."""

    def __init__(self, context: SinkContext, shard: str) -> None:
        self._reserved = context.reserved_attribute
        same = {"stream": context.stream, "shard": shard}
        same |= {"policy": context.policy, "digest": context.digest}
        # The reserved name comes last: what is the same in all is written once.
        self._added = orjson.dumps({self._reserved: same})[1:-2]

    def write(self, document: Mapping[str, object], record: Record) -> bytes:
        """Return compact JSON in UTF-8.

        :raises EncodeError: ``reserved_attribute`` when the document has that field, ``type_unsupported``.
        """
        if self._reserved in document:
            raise EncodeError("reserved_attribute")
        try:
            body = serialize(document)  # type: ignore[arg-type] # what is no JSON is refused
        except (TypeError, ValueError, RecursionError):
            raise EncodeError("type_unsupported") from None
        between = b"," if document else b""
        added = f',"sequence":"{record.sequence}","sub":{record.sub},"arrival_ms":{record.arrival_ms}'.encode()
        if record.part is not None:
            added += b',"part":%d' % record.part
        if record.schema:
            name, version = map(orjson.dumps, record.schema[:2])
            added += b',"schema":%b,"schema_version":%b' % (name, version)
        return b"%b%b%b%b}}" % (body[:-1], between, self._added, added)
