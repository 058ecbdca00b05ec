"""The conformance kit: what every redactor has to do, whatever its rules are.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_redactor_conforms(check):
        check(my_redactor, CANARY)

A check raises AssertionError; its message holds no content.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from redaction.guard import redact_guarded
from redaction.plugin import Dropped, Redactor, Rejected, Released, Verdict


@dataclass(frozen=True, slots=True)
class Canary:
    """A payload the redactor must not release as it is, and the texts that must not come out of it."""

    payload: bytes
    secrets: Sequence[str]


CANARY = Canary(
    b'{"user_id": "12345", "credit_card": "4532-1234-5678-9012", "ssn": "123-45-6789", "amount": 149.99,'
    b' "merchant": "Amazon", "timestamp": "2024-03-15T10:30:00Z"}',
    ("4532-1234-5678-9012", "4532123456789012", "123-45-6789", "123456789"),
)
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


def one_verdict_each_in_order(redactor: Redactor, canary: Canary) -> None:
    """Require that a batch gives what its records give one by one."""
    payloads = [canary.payload, *_HOSTILE, b'{"conformance": 1}', canary.payload]
    try:
        together = list(redactor.redact(payloads))
    except Exception:  # noqa: BLE001 - its message may hold content
        raise AssertionError("a batch of odd payloads raises nothing") from None
    _require(len(together) == len(payloads), "one verdict for each payload")
    alone = [verdict for payload in payloads for verdict in redactor.redact([payload])]
    _require(together == alone, "a batch gives what its records give one by one, in their order")
    _require(not list(redactor.redact([])), "an empty batch gives no verdicts")


def never_raises(redactor: Redactor, canary: Canary) -> None:
    """Require that hostile input gives a verdict, and that the guard finds nothing to correct."""
    payloads = [*_HOSTILE, canary.payload]
    for payload in payloads:
        try:
            verdicts = list(redactor.redact([payload]))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            message = f"raised {type(error).__name__} for a record"
            raise AssertionError(message) from None
        _require(all(isinstance(each, Released | Dropped | Rejected) for each in verdicts), "verdicts only")
        _require(redact_guarded(redactor, [payload]) == verdicts, "the guard finds every verdict well-formed")


def deterministic(redactor: Redactor, canary: Canary) -> None:
    """Require equal verdicts for equal payloads: a record delivered again is stored as the same item."""
    first, digest = _one(redactor, canary.payload), redactor.digest
    _require(first == _one(redactor, canary.payload), "the same payload, the same verdict")
    _require(digest == redactor.digest, "the digest stays")


def identified(redactor: Redactor, _canary: Canary) -> None:
    """Require name, version and digest: they stand in stored items and metrics."""
    for attribute in ("name", "version", "digest"):
        value = getattr(redactor, attribute)
        _require(isinstance(value, str) and bool(value), f"{attribute} is a string that is not empty")


def keeps_the_canary_in(redactor: Redactor, canary: Canary) -> None:
    """Require that neither the canary nor any of its secrets is in the verdict."""
    verdict = _one(redactor, canary.payload)
    shown = repr(verdict)
    if isinstance(verdict, Released):
        _require(verdict.body != canary.payload, "the original is not released")
        shown += verdict.body.decode(errors="replace")
    _require(not any(secret in shown for secret in canary.secrets), "no secret is in the verdict")


CHECKS: tuple[Callable[[Redactor, Canary], None], ...] = (
    one_verdict_each_in_order,
    never_raises,
    deterministic,
    identified,
    keeps_the_canary_in,
)


def _one(redactor: Redactor, payload: bytes) -> Verdict:
    verdicts = redactor.redact([payload])
    _require(len(verdicts) == 1, "one verdict for one payload")
    return verdicts[0]


def _require(fulfilled: object, law: str) -> None:
    if not fulfilled:
        message = f"violated: {law}"
        raise AssertionError(message)
