"""A Firehose transformation: released documents go back to Firehose, a line of JSON each, and nothing else does.

A record that is answered with ProcessingFailed, and a batch whose invocation failed too often, is delivered by Firehose
to the bucket's error prefix as it was read, raw. So ProcessingFailed is never answered: what cannot be released is
quarantined, and dropped once its entry is durable. Source: Amazon Data Firehose, "Handle failure in data
transformation".
"""

import time
from binascii import b2a_base64
from collections.abc import Mapping
from typing import Any, Final

from consumer.errors import StartError
from consumer.functions.environment import Context, Environment, guarded
from consumer.functions.events import FirehoseRecord, firehose_batch
from consumer.record import Item
from consumer.sink import Fate
from redaction.guard import redact_guarded
from redaction.plugin import Dropped, Released

MAX_RESPONSE_BYTES: Final = 6_000_000
"""A little below what a synchronous invocation may answer (AWS: "Lambda quotas", 6 MB)."""

TOO_LARGE: Final = "response_too_large"
"""Code of a quarantine entry."""

_ENVELOPE_BYTES: Final = 64
"""Of JSON around a record's id and data, at most."""

_POLL_SECONDS: Final = 0.5


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
        verdicts = redact_guarded(environment.redactor, [each.record.data for each in batch.records])
        room = MAX_RESPONSE_BYTES - sum(len(each.id) + _ENVELOPE_BYTES for each in batch.records)
        answers: list[dict[str, str]] = []
        refused: list[tuple[FirehoseRecord, str, str | None]] = []
        for each, verdict in zip(batch.records, verdicts, strict=True):
            answer = {"recordId": each.id, "result": "Dropped"}
            if isinstance(verdict, Released):
                data = b2a_base64(verdict.body + b"\n", newline=False).decode()
                if len(data) <= room:
                    room -= len(data)
                    answer |= {"result": "Ok", "data": data}
                else:
                    refused.append((each, TOO_LARGE, None))
            elif not isinstance(verdict, Dropped):
                refused.append((each, verdict.code, verdict.rule))
            answers.append(answer)
        self._quarantine(refused, context)
        released = sum(answer["result"] == "Ok" for answer in answers)
        environment.log.info(
            "invocation.ended",
            request_id=context.aws_request_id,
            records=len(answers),
            bytes=sum(len(each.record.data) for each in batch.records),
            seconds=round(time.perf_counter() - began, 3),
            released=released,
            quarantined=len(refused),
            dropped=len(answers) - released - len(refused),
        )
        return {"records": answers}

    def _quarantine(self, refused: list[tuple[FirehoseRecord, str, str | None]], context: Context) -> None:
        """Return when each entry is durable.

        :raises StartError: time is too short for it.
        """
        if not refused:
            return
        entries: dict[tuple[str, str], Item] = {}
        now = time.time()
        for each, code, rule in refused:
            entry = self._environment.pipelines.quarantine_encoder(each.shard).encode(each.record, code, rule, now)
            entries[entry.key] = entry  # a record that came twice has one entry
        with self._environment.until_time_is_short(context) as stop:
            writing = self._environment.outputs.quarantine.start(list(entries.values()), stop)
            while not writing.wait(_POLL_SECONDS):
                pass
        if any(fate is not Fate.DURABLE for fate in writing.fates):
            raise StartError("The quarantine entries could not be written, so that nothing is answered.")
