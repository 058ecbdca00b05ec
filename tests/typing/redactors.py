"""A redactor of another package and the test of it, as its type checker sees them. Checked by mypy, run by nobody."""

from collections.abc import Mapping, Sequence
from typing import assert_type

from redaction.guard import redact_guarded
from redaction.parse import Limits, Unparsable, parse
from redaction.plugin import (
    Document,
    Dropped,
    JSONValue,
    PolicyError,
    Redactor,
    RedactorFactory,
    Rejected,
    Released,
    Verdict,
    load_redactor,
)
from redaction.serialize import serialize
from redaction.testing import (
    ACTION_CHECKS,
    CHECKS,
    DETECTOR_CHECKS,
    ActionCheck,
    Canary,
    DetectorCheck,
    Examples,
    RedactorCheck,
    Values,
)


class Vouchers:
    name, version, digest = "vouchers", "1", "1"

    def redact(self, payloads: Sequence[bytes]) -> list[Verdict]:
        return [self._one(payload) for payload in payloads]

    def _one(self, payload: bytes) -> Verdict:
        try:
            document = parse(payload, Limits(max_depth=10, max_bytes=1000, max_values=100))
        except Unparsable as error:
            return Rejected(error.code)
        assert_type(document, Document)
        if document.get("test"):
            return Dropped("test")
        document["voucher"] = "****"
        return Released(document, serialize(document), (("voucher", "mask"),))


class Speechless:
    name, version, digest = "speechless", "1", "1"

    def redact(self, payloads: Sequence[bytes]) -> list[bytes]:
        return list(payloads)


def from_options(options: Mapping[str, object]) -> Vouchers:
    if options:
        raise PolicyError("vouchers: there are no options")
    return Vouchers()


factory: RedactorFactory = from_options
redactor: Redactor = Vouchers()
wrong: Redactor = Speechless()  # type: ignore[assignment]  # it gives no verdicts
assert_type(load_redactor("vouchers", {}), Redactor)

for verdict in redact_guarded(redactor, [b"{}"]):
    assert_type(verdict, Verdict)
    match verdict:
        case Released(document, body, applied):
            assert_type(document, Document)
            assert_type(document["voucher"], JSONValue)
            assert_type(body, bytes)
            assert_type(applied, tuple[tuple[str, str], ...])
        case Dropped(rule):
            assert_type(rule, str)
        case Rejected(code, because):
            assert_type(code, str)
            assert_type(because, str | None)
            verdict.code = "other"  # type: ignore[misc]  # frozen

assert_type(CHECKS, tuple[RedactorCheck, ...])
assert_type(DETECTOR_CHECKS, tuple[DetectorCheck, ...])
assert_type(ACTION_CHECKS, tuple[ActionCheck, ...])
for check in CHECKS:
    check(redactor, Canary(b'{"voucher": "V-1234"}', ["V-1234"]))
    check(redactor, b"{}")  # type: ignore[arg-type]  # a canary says what must not come out
Examples(sensitive=["V-1234", ("voucher ", "1234")], near_misses=["V-12"])
Values(hidden=["Jane Doe", 4111111111111111, 1.5, True], shown=["J. D."])
Values(hidden=[b"bytes"])  # type: ignore[list-item]
