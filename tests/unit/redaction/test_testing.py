from collections.abc import Callable, Iterator, Sequence
from itertools import count

import pytest

from redaction import testing
from redaction.engine import from_options
from redaction.plugin import Rejected, Released, Verdict
from redaction.testing import CANARY, CHECKS

POLICY = from_options({})
calls: Iterator[int] = count()


class Plugin:
    name, version, digest = "plugin", "1", "0"

    def __init__(self, redact: Callable[[Sequence[bytes]], list[Verdict]]) -> None:
        self.redact = redact


def raising(payloads: Sequence[bytes]) -> list[Verdict]:
    if b"null" in payloads:
        raise ValueError(payloads)
    return POLICY.redact(payloads)


def test_a_redactor_that_rejects_all_conforms() -> None:
    for check in CHECKS:
        check(Plugin(lambda payloads: [Rejected("closed") for _ in payloads]), CANARY)


@pytest.mark.parametrize(
    ("check", "redact"),
    [
        (testing.one_verdict_each_in_order, lambda payloads: POLICY.redact(payloads)[:1]),
        (testing.one_verdict_each_in_order, lambda payloads: POLICY.redact(payloads)[::-1]),
        (testing.never_raises, raising),
        (testing.never_raises, lambda payloads: [None for _ in payloads]),
        (testing.never_raises, lambda payloads: [Released({}, "{}") for _ in payloads]),  # type: ignore[arg-type]
        (testing.deterministic, lambda payloads: [Rejected(f"c{next(calls)}") for _ in payloads]),
        (testing.keeps_the_canary_in, lambda payloads: [Released({}, payload) for payload in payloads]),
        (testing.keeps_the_canary_in, lambda payloads: [Rejected(repr(payload)) for payload in payloads]),
        (
            testing.keeps_the_canary_in,
            lambda payloads: [Released({"a": "123-45-6789"}, b"{}") for _ in payloads],
        ),
    ],
)
def test_each_check_can_fail_without_showing_content(
    check: Callable[[Plugin, testing.Canary], None], redact: Callable[[Sequence[bytes]], list[Verdict]]
) -> None:
    with pytest.raises(AssertionError) as failure:
        check(Plugin(redact), CANARY)
    assert "6789" not in str(failure.value)


def test_a_nameless_redactor_does_not_conform() -> None:
    nameless = Plugin(POLICY.redact)
    nameless.name = ""
    with pytest.raises(AssertionError, match="name"):
        testing.identified(nameless, CANARY)
