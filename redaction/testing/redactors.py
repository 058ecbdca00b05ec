"""What every redactor has to do."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from redaction.guard import TAG_UNKNOWN, redact_guarded, redactor_for
from redaction.parse import Limits, Unparsable, parse
from redaction.plugin import Dropped, Redactor, Rejected, Released, Verdict
from redaction.serialize import serialize, serialize_value
from redaction.testing.laws import law, require, require_seconds, same_in_threads


@dataclass(frozen=True, slots=True)
class Canary:
    """What a redactor is tried with.

    :param payload: that the redactor must not release as it is.
    :param secrets: texts that must not come out of it.
    """

    payload: bytes
    secrets: Sequence[str]


CANARY: Final = Canary(
    b'{"user_id": "12345", "credit_card": "4532-1234-5678-9012", "ssn": "123-45-6789", "amount": 149.99,'
    b' "merchant": "Amazon", "timestamp": "2024-03-15T10:30:00Z"}',
    ("4532-1234-5678-9012", "4532123456789012", "123-45-6789", "123456789"),
)
"""A transaction with a card number and a social security number."""

RedactorCheck: TypeAlias = Callable[[Redactor, Canary], None]
"""A law that a redactor has to keep; raises AssertionError where it does not."""

_HOSTILE = (
    b"",
    b" ",
    b"null",
    b"[]",
    b"{",
    b"\xff\xfe{\x00}\x00",
    b'{"a": "\\ud800"}',
    b'{"a": NaN}',
    b'{"a": 1, "a": 2}',
    b'{"a": 1e999999999999999999999}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
)
# Added to the canary's fields: what makes parsers fail, or differ.
_DAMAGE = (
    b', "zz": NaN}',
    b', "zz": 1e999999999999999999999}',
    b', "zz": "\\ud800"}',
    b', "zz": "\xff"}',
    b', "zz": 1, "zz": 2}',
    b', "zz": ' + b"9" * 5000 + b"}",
    b', "zz": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    b"} {}",
    b"",
)
_ITEM_BYTES: Final = 400 * 1024
"""What an item of DynamoDB holds: longer documents can't be stored, whatever a redactor says."""

_RECORD_BYTES: Final = 10 * 2**20
"""What a Kinesis record can hold."""

_SECONDS: Final = 2.0
_ANY: Final = Limits(max_depth=200, max_bytes=2 * _RECORD_BYTES, max_values=2 * _RECORD_BYTES)


@law
def one_verdict_each_in_order(redactor: Redactor, canary: Canary) -> None:
    """Require that a batch gives what its records give one by one."""
    payloads = [canary.payload, *_HOSTILE, b'{"conformance": 1}', canary.payload]
    together = list(redactor.redact(payloads))
    require(len(together) == len(payloads), "one verdict for each payload")
    alone = [verdict for payload in payloads for verdict in redactor.redact([payload])]
    require(together == alone, "a batch gives what its records give one by one, in their order")
    require(not list(redactor.redact([])), "an empty batch gives no verdicts")


@law
def never_raises(redactor: Redactor, canary: Canary) -> None:
    """Require that hostile input gives a verdict, and that the guard finds nothing to correct."""
    for payload in [*_HOSTILE, *_damaged(canary), canary.payload]:
        verdicts = list(redactor.redact([payload]))
        require(all(isinstance(each, Released | Dropped | Rejected) for each in verdicts), "verdicts only")
        require(redact_guarded(redactor, [payload]) == verdicts, "the guard finds every verdict well-formed")


@law
def deterministic(redactor: Redactor, canary: Canary) -> None:
    """Require equal verdicts for equal payloads: a record delivered again is stored as the same item."""
    first, digest = _one(redactor, canary.payload), redactor.digest
    require(first == _one(redactor, canary.payload), "the same payload, the same verdict")
    require(digest == redactor.digest, "the digest stays")


@law
def identified(redactor: Redactor, _canary: Canary) -> None:
    """Require name, version and digest: they stand in stored items and metrics."""
    for attribute in ("name", "version", "digest"):
        value = getattr(redactor, attribute)
        require(isinstance(value, str) and bool(value), f"{attribute} is a string that is not empty")


@law
def keeps_the_canary_in(redactor: Redactor, canary: Canary) -> None:
    """Require that neither the canary nor any of its secrets is in the verdict."""
    verdict = _one(redactor, canary.payload)
    if isinstance(verdict, Released):
        require(verdict.body != canary.payload, "the original is not released")
    require(not _shows(verdict, canary), "no secret is in the verdict")


@law
def keeps_the_canary_in_when_it_fails(redactor: Redactor, canary: Canary) -> None:
    """Require the same of canaries that were cut short or damaged: what can't be judged isn't passed on."""
    for payload in _damaged(canary):
        require(not _shows(_one(redactor, payload), canary), "no secret of a damaged payload is in the verdict")


@law
def body_is_the_document(redactor: Redactor, canary: Canary) -> None:
    """Require that body and document of a release are the same: one is stored, the other looked at."""
    for payload in (b'{"conformance":1.50}', canary.payload):
        verdict = _one(redactor, payload)
        if isinstance(verdict, Released):
            try:
                shown = serialize(parse(verdict.body, _ANY))
            except Unparsable:
                shown = b""
            require(shown == serialize(verdict.document), "the body is the document as JSON, in its order of fields")


@law
def thread_safe(redactor: Redactor, canary: Canary) -> None:
    """Require that threads that share the redactor get the verdicts that one alone gets."""
    payloads = [b'{"thread_safe_%d": {"conformance": %d}}' % (number, number) for number in range(8)]
    payloads += [canary.payload, b"", canary.payload[:-1]]
    same = same_in_threads(lambda payload: _one(redactor, payload), payloads)
    require(same, "several threads get the same verdicts as one")


@law
def bounded_time(redactor: Redactor, canary: Canary) -> None:
    """Require a verdict in two seconds of CPU for any payload, as large as they come and made to take long."""
    for payload in _large(canary):
        require_seconds(_SECONDS, partial(_one, redactor, payload))


@law
def refuses_tags_that_it_does_not_know(redactor: Redactor, _canary: Canary) -> None:
    """Require that a schema's tag, whose meaning nobody has told the redactor, keeps documents back."""
    found = redactor_for(redactor, [(("conformance",), "a tag that nobody has heard of")])
    require(found == Rejected(TAG_UNKNOWN), f"documents with an unknown tag are rejected, as {TAG_UNKNOWN}")


CHECKS: Final[tuple[RedactorCheck, ...]] = (
    one_verdict_each_in_order,
    never_raises,
    deterministic,
    identified,
    keeps_the_canary_in,
    keeps_the_canary_in_when_it_fails,
    body_is_the_document,
    thread_safe,
    bounded_time,
    refuses_tags_that_it_does_not_know,
)
"""All laws that a redactor has to keep, to be tried one by one."""


def _one(redactor: Redactor, payload: bytes) -> Verdict:
    verdicts = redactor.redact([payload])
    require(len(verdicts) == 1, "one verdict for one payload")
    return verdicts[0]


def _shows(verdict: Verdict, canary: Canary) -> bool:
    shown = repr(verdict)
    if isinstance(verdict, Released):
        shown += verdict.body.decode(errors="replace")
    return any(secret in shown for secret in canary.secrets)


def _damaged(canary: Canary) -> Iterator[bytes]:
    payload = canary.payload.rstrip()
    yield from (payload[:-1] + damage for damage in _DAMAGE)
    yield from (payload[: len(payload) * cut // 8] for cut in range(1, 8))
    yield b"\xef\xbb\xbf" + payload
    yield b"[" + payload + b"]"
    yield payload.decode().encode("utf-16")
    yield payload.decode().encode("utf-16-le")


def _large(canary: Canary) -> Iterator[bytes]:
    secrets = " ".join(canary.secrets)
    for unit in (secrets, *canary.secrets, "4", "4 ", "a@", "a.", "1.", ":", "%25", "{", '{"a":'):
        quoted = serialize_value(unit)[1:-1]
        yield b'{"conformance":"%b"}' % (quoted * ((_ITEM_BYTES - 20) // len(quoted))).encode()
    fields = (b'"%b %d":%b' % (b"x" * 8, number, serialize_value(secrets).encode()) for number in range(2000))
    yield b"{" + b",".join(fields) + b"}"
    yield b'{"conformance":[' + b"1," * (_ITEM_BYTES // 2 - 20) + b"1]}"
    yield b'{"conformance":"' + b"4 " * (_RECORD_BYTES // 2 - 20) + b'"}'
