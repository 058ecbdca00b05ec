"""Subscriptions of CloudWatch Logs: a record holds the events of a log stream, each of which becomes a document.

AWS: "Log group-level subscription filters": gzip around one object with `messageType`, `logEvents` and where they are
from. The step before this one inflates it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from consumer.decoder import PART_BYTES, Decoded, DecoderContext, Kind, LeftOut, Part, Undecodable
from consumer.decoding.chain import TOO_LARGE
from consumer.decoding.envelope import Refused, kept, limits_of, opened, with_envelope
from consumer.decoding.options import check_names
from redaction.parse import INVALID_JSON, Unparsable, parse_text
from redaction.plugin import Document, JSONValue

MALFORMED: Final = "cloudwatch_logs_malformed"
"""Code of a quarantine entry."""

CONTROL_MESSAGE: Final = "cloudwatch_control_message"
"""Rule by which it is left out: so CloudWatch tries whether it may write."""

_SOURCE: Final = (("owner",), ("logGroup",), ("logStream",))
_EVENT: Final = (("id",), ("timestamp",))


class CloudWatchLogs:
    """Log events as documents.

    A message that is a JSON object is the document; any other stands in one, in the field `message`.
    """

    takes: Final = Kind.JSON
    gives: Final = Kind.JSON

    def __init__(self, options: Mapping[str, Any], context: DecoderContext) -> None:
        check_names(options)
        self._limits = limits_of(context)

    def decode(self, data: bytes) -> Sequence[Part]:
        """Return one document for each event."""
        try:
            envelope = opened(data, self._limits)
        except Refused as refusal:
            return (Undecodable(refusal.code),)
        events = envelope.get("logEvents")
        if envelope.get("messageType") == "CONTROL_MESSAGE":
            return (LeftOut(CONTROL_MESSAGE),)
        if envelope.get("messageType") != "DATA_MESSAGE" or not isinstance(events, list) or not events:
            return (Undecodable(MALFORMED),)
        source = kept(envelope, _SOURCE)
        made: list[Part] = []
        left = self._limits.max_bytes
        for event in events:
            part = self._part(event, source)
            left -= PART_BYTES + (len(part.data) if isinstance(part, Decoded) else 0)
            if left < 0:
                return (Undecodable(TOO_LARGE),)
            made.append(part)
        return made

    def _part(self, event: JSONValue, source: Document) -> Part:
        message = event.get("message") if isinstance(event, dict) else None
        if not isinstance(event, dict) or not isinstance(message, str):
            return Undecodable(MALFORMED)
        about = kept(event, _EVENT)
        try:
            document = self._object(message)
            if document is None:
                document = {**about, "message": message}
            return Decoded(with_envelope(document, {**source, **about}))
        except Refused as refusal:
            return Undecodable(refusal.code)

    def _object(self, message: str) -> "Document | None":
        if not message.lstrip().startswith("{"):
            return None
        try:
            document = parse_text(message, self._limits)
        except Unparsable as refusal:
            if refusal.code == INVALID_JSON:
                return None  # a text that only begins so
            raise Refused(refusal.code) from None
        return document if isinstance(document, dict) else None
