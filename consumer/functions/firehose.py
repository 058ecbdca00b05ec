"""A Firehose transformation: released documents go back to Firehose, a line of JSON each, and nothing else does.

A record that is answered with ProcessingFailed, and a batch whose invocation failed too often, is delivered by Firehose
to the bucket's error prefix as it was read, raw. So ProcessingFailed is never answered: what cannot be released is
quarantined, and dropped once its entry is durable. Source: Amazon Data Firehose, "Handle failure in data
transformation".
"""

import time
from binascii import b2a_base64
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from consumer.decoder import DecoderUnavailable, Part, Undecodable
from consumer.decoding.chain import Chain
from consumer.decoding.documents import judged
from consumer.decoding.patience import Patient
from consumer.errors import StartError
from consumer.functions.environment import Context, Environment, guarded
from consumer.functions.events import firehose_batch
from consumer.record import Item, Outcome, Record
from consumer.sink import Fate
from redaction.plugin import Dropped, Released, Verdict

MAX_RESPONSE_BYTES: Final = 6_000_000
"""A little below what a synchronous invocation may answer (AWS: "Lambda quotas", 6 MB)."""

TOO_LARGE: Final = "response_too_large"
"""Code of a quarantine entry."""

NOT_IN_TIME: Final = "not_decoded_in_time"
"""Code of a quarantine entry."""

_ENVELOPE_BYTES: Final = 64
"""Of JSON around a record's id and data, at most."""

_POLL_SECONDS: Final = 0.5


class _InTime:
    """A chain that holds nobody up: whoever writes records could else have the invocation fail, and so all go on raw.

    With a schema that no registry knows, for example, or with what takes long to redact.

    :param until: what is not decoded then goes to quarantine; in time of `time.monotonic`.
    """

    def __init__(self, chain: Chain, until: float) -> None:
        self._chain = chain
        self._until = until
        self.to_decode = chain.to_decode

    def decode(self, data: bytes) -> Sequence[Part]:
        """See `Chain.decode`."""
        left = self._until - time.monotonic()
        if left > 0:
            with suppress(DecoderUnavailable):
                return Patient(self._chain, _slept, left).decode(data)
        return (Undecodable(NOT_IN_TIME),)


def _slept(seconds: float) -> bool:
    time.sleep(seconds)
    return False


class FirehoseFunction:
    """Transforms what Firehose reads from a Kinesis stream."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def handle(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """Return Firehose's answer: for each record Ok with the released document, or Dropped.

        :raises InvocationFailed: nothing is answered; Firehose tries again.
        """
        return guarded(lambda: self._handle(event, context))

    def _handle(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        began = time.perf_counter()
        environment = self._environment
        batch = firehose_batch(event)
        environment.expect(batch.stream)
        room = MAX_RESPONSE_BYTES - sum(len(each.id) + _ENVELOPE_BYTES for each in batch.records)
        answers: list[dict[str, str]] = []
        entries: dict[tuple[str, str], Item] = {}
        counts: Counter[Outcome] = Counter()
        records = [each.record for each in batch.records]
        until = time.monotonic() + context.get_remaining_time_in_millis() / 2000
        found = judged(_InTime(environment.decoding.chain, until), environment.redactor, records)
        for each, documents in zip(batch.records, found, strict=True):
            lines, refused = _sorted_out(documents, room)
            data = b2a_base64(b"".join(lines), newline=False).decode()
            room -= len(data)
            answers.append({"recordId": each.id} | ({"result": "Ok", "data": data} if lines else {"result": "Dropped"}))
            encoder = environment.pipelines.quarantine_encoder(each.shard)
            for record, code, rule in refused:
                entry = encoder.encode(record, code, rule, time.time())
                entries[entry.key] = entry  # a record that came twice has one entry
            counts[Outcome.QUARANTINED if refused else Outcome.STORED if lines else Outcome.DROPPED] += 1
        self._quarantine(list(entries.values()), context)
        environment.log.info(
            "invocation.ended",
            request_id=context.aws_request_id,
            records=len(answers),
            bytes=sum(len(each.record.data) for each in batch.records),
            seconds=round(time.perf_counter() - began, 3),
            released=counts[Outcome.STORED],
            quarantined=counts[Outcome.QUARANTINED],
            dropped=counts[Outcome.DROPPED],
        )
        return {"records": answers}

    def _quarantine(self, entries: list[Item], context: Context) -> None:
        """Return when each entry is durable.

        :raises StartError: time is too short for it.
        """
        if not entries:
            return
        with self._environment.until_time_is_short(context) as stop:
            writing = self._environment.outputs.quarantine.start(entries, stop)
            while not writing.wait(_POLL_SECONDS):
                pass
        if any(fate is not Fate.DURABLE for fate in writing.fates):
            raise StartError("The quarantine entries could not be written, so that nothing is answered.")


def _sorted_out(
    documents: list[tuple[Record, Verdict]], room: int
) -> tuple[list[bytes], list[tuple[Record, str, str | None]]]:
    """Return the lines that a record becomes, and what goes to quarantine: document, code, rule.

    :param room: what the answer may take, in base64.
    """
    lines: list[bytes] = []
    refused: list[tuple[Record, str, str | None]] = []
    size = 0
    for record, verdict in documents:
        if isinstance(verdict, Released):
            size += len(verdict.body) + 1
            if -(-size // 3) * 4 <= room:
                lines.append(verdict.body + b"\n")
            else:
                size -= len(verdict.body) + 1
                refused.append((record, TOO_LARGE, None))
        elif not isinstance(verdict, Dropped):
            refused.append((record, verdict.code, verdict.rule))
    return lines, refused
