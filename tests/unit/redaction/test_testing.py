"""The conformance kit: each check can fail, and says so without content."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from redaction.actions.base import HIDDEN, Scalar
from redaction.detectors.base import Detector, Span, mask_digits
from redaction.engine import from_options
from redaction.plugin import JSONValue, Redactor, Rejected, Released, Tag, Verdict
from redaction.testing import (
    ACTION_CHECKS,
    CANARY,
    CHECKS,
    DETECTOR_CHECKS,
    ActionCheck,
    DetectorCheck,
    Examples,
    RedactorCheck,
    Values,
    actions,
    detectors,
    laws,
    redactors,
)

POLICY = from_options({})
SECRET = re.compile("6789|1234|Jane", re.IGNORECASE)
calls: Iterator[int] = count()


class Plugin:
    name, version, digest = "plugin", "1", "0"

    def __init__(self, redact: Callable[[Sequence[bytes]], list[Verdict]]) -> None:
        self.redact = redact


def raising(payloads: Sequence[bytes]) -> list[Verdict]:
    if b"null" in payloads:
        raise ValueError(payloads)
    return POLICY.redact(payloads)


def exiting(payloads: Sequence[bytes]) -> list[Verdict]:
    raise SystemExit(payloads)


def open_on_failure(payloads: Sequence[bytes]) -> list[Verdict]:
    return [
        Released({"raw": payload.decode(errors="replace")}, b"") if isinstance(verdict, Rejected) else verdict
        for payload, verdict in zip(payloads, POLICY.redact(payloads), strict=True)
    ]


def slow(payloads: Sequence[bytes]) -> list[Verdict]:
    if len(payloads[0]) > 100_000:
        began = time.process_time()
        while time.process_time() < began + 0.2:
            pass
    return POLICY.redact(payloads)


class Racing(Plugin):
    """Remembers the batch where another thread finds it."""

    def __init__(self) -> None:
        super().__init__(self._redact)

    def _redact(self, payloads: Sequence[bytes]) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for payload in payloads:
            self.last = payload
            time.sleep(0)  # lets the others run
            verdicts += POLICY.redact([self.last])
        return verdicts


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_redactor_that_rejects_all_conforms(check: RedactorCheck) -> None:
    check(Plugin(lambda payloads: [Rejected("closed") for _ in payloads]), CANARY)


@pytest.mark.parametrize(
    ("check", "redact"),
    [
        (redactors.one_verdict_each_in_order, lambda payloads: POLICY.redact(payloads)[:1]),
        (redactors.one_verdict_each_in_order, lambda payloads: POLICY.redact(payloads)[::-1]),
        (redactors.never_raises, raising),
        (redactors.never_raises, exiting),
        (redactors.never_raises, lambda payloads: [None for _ in payloads]),
        (redactors.never_raises, lambda payloads: [Released({}, "{}") for _ in payloads]),  # type: ignore[arg-type]
        (redactors.deterministic, lambda payloads: [Rejected(f"c{next(calls)}") for _ in payloads]),
        (redactors.keeps_the_canary_in, lambda payloads: [Released({}, payload) for payload in payloads]),
        (redactors.keeps_the_canary_in, lambda payloads: [Rejected(repr(payload)) for payload in payloads]),
        (redactors.keeps_the_canary_in, lambda payloads: [Released({"a": "123-45-6789"}, b"{}") for _ in payloads]),
        (redactors.keeps_the_canary_in_when_it_fails, open_on_failure),
        (redactors.body_is_the_document, lambda payloads: [Released({}, b'{"a":1}') for _ in payloads]),
        (redactors.body_is_the_document, lambda _: [Released({"a": 1, "b": 2}, b'{"b":2,"a":1}')]),
        (redactors.body_is_the_document, lambda _: [Released({"a": Decimal("1.50")}, b"no JSON")]),
        (redactors.thread_safe, Racing().redact),
        (redactors.bounded_time, slow),
    ],
)  # fmt: skip
def test_each_check_of_redactors_can_fail_without_showing_content(
    check: RedactorCheck,
    redact: Callable[[Sequence[bytes]], list[Verdict]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redactors, "_SECONDS", 0.1)
    with pytest.raises(AssertionError) as failure:
        check(Plugin(redact), CANARY)
    assert not SECRET.search(str(failure.value))


def test_a_redactor_that_lets_unknown_tags_pass_does_not_conform() -> None:
    class Lenient(Plugin):
        def tagged(self, _tags: Sequence[Tag]) -> Redactor:
            return self

    with pytest.raises(AssertionError, match="unknown tag"):
        redactors.refuses_tags_that_it_does_not_know(Lenient(POLICY.redact), CANARY)


def test_a_nameless_redactor_does_not_conform() -> None:
    nameless = Plugin(POLICY.redact)
    nameless.name = ""
    with pytest.raises(AssertionError, match="name"):
        redactors.identified(nameless, CANARY)


class Voucher:
    """`V-` and four digits."""

    name = "voucher"
    candidate = rb"[Vv]-[0-9]{4}"

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        return [] if view[end : end + 1].isdigit() else [(start, end)]

    def mask(self, text: str) -> str:
        return mask_digits(text)

    def normalise(self, text: str) -> str:
        return text.upper()


EXAMPLES = Examples(
    sensitive=["V-1234", ("voucher ", "v-6789")],
    near_misses=["V-123", "V-12345", "V 1234"],
    spellings=[["V-1234", "v-1234"], ["V-1235"]],
)


@pytest.mark.parametrize("check", DETECTOR_CHECKS, ids=lambda check: check.__name__)
def test_a_sound_detector_conforms(check: DetectorCheck) -> None:
    check(Voucher(), EXAMPLES)


def candidate(pattern: bytes) -> Detector:
    return type("Odd", (Voucher,), {"candidate": pattern})()  # type: ignore[no-any-return]


def finding(find: Callable[[bytes, int, int], Sequence[Span]]) -> Detector:
    return type("Odd", (Voucher,), {"find": lambda _, view, start, end: find(view, start, end)})()  # type: ignore[no-any-return]


def masking(mask: Callable[[str], object]) -> Detector:
    return type("Odd", (Voucher,), {"mask": lambda _, text: mask(text)})()  # type: ignore[no-any-return]


def normalising(normalise: Callable[[str], object]) -> Detector:
    return type("Odd", (Voucher,), {"normalise": lambda _, text: normalise(text)})()  # type: ignore[no-any-return]


def whole(_view: bytes, start: int, end: int) -> Sequence[Span]:
    return [(start, end)]


def empty(_view: bytes, _start: int, end: int) -> Sequence[Span]:
    return [(end, end)]


def named(name: object) -> Detector:
    return type("Odd", (Voucher,), {"name": name})()  # type: ignore[no-any-return]


def across_texts(view: bytes, start: int, end: int) -> Sequence[Span]:
    return [] if view[max(0, start - 30) : start].count(b"v-6789") else [(start, end)]


class Remembering(Voucher):
    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        self.view = view, start, end
        time.sleep(0)  # lets the others run
        return super().find(*self.view)

    def mask(self, text: str) -> str:
        self.text = text
        time.sleep(0)  # lets the others run
        return mask_digits(self.text)


class Unpicklable(Voucher):
    def __init__(self) -> None:
        self.upper = lambda text: text.upper()


@pytest.mark.parametrize(
    ("check", "detector"),
    [
        (detectors.named, named("Voucher No")),
        (detectors.named, named(None)),
        (detectors.named, named("v12345")),
        (detectors.candidate_is_sound, candidate(b"V-(")),
        (detectors.candidate_is_sound, candidate(b"V-[0-9]{4}$")),
        (detectors.candidate_is_sound, candidate(rb"\bV-[0-9]{4}")),
        (detectors.candidate_is_sound, candidate(rb"V-[0-9]{4}[^0-9]")),
        (detectors.candidate_is_sound, candidate(rb"V\s[0-9]{4}")),
        (detectors.candidate_is_sound, candidate(rb"(?s:V.[0-9]{4})")),
        (detectors.candidate_is_sound, candidate(rb"(?s)V.[0-9]{4}")),
        (detectors.candidate_is_sound, candidate(b"V\n?[0-9]{4}")),
        (detectors.finds_its_examples, candidate(rb"V-[0-9]{4}")),
        (detectors.finds_its_examples, finding(lambda _, start, end: [(start - 1, end)])),
        (detectors.finds_its_examples, finding(lambda _, start, end: [(start, end)] if start < 9 else [])),
        (detectors.leaves_near_misses, candidate(rb"[Vv][ -][0-9]{4}")),
        (detectors.leaves_near_misses, finding(whole)),
        (detectors.found_in_serialised_json, candidate(rb'[Vv][-"][0-9]{4}')),
        (detectors.found_in_serialised_json, candidate(rb'[^\n\\"]{0}(?:"|[a-z] |\x1d)[Vv]-[0-9]{4}')),
        (detectors.spans_lie_in_their_text, finding(lambda _, start, end: [(start, end), (start, end)])),
        (detectors.spans_lie_in_their_text, finding(empty)),
        (detectors.spans_lie_in_their_text, finding(lambda _, start, end: [(start - 2, end)])),
        (detectors.spans_lie_in_their_text, finding(across_texts)),
        (detectors.mask_hides, masking(lambda text: text + "!")),
        (detectors.mask_hides, masking(str.upper)),
        (detectors.mask_hides, masking(lambda _: "V-0000")),
        (detectors.mask_hides, masking(lambda _: "4111111111111111")),
        (detectors.mask_hides, masking(lambda _: None)),
        (detectors.normalises_spellings, normalising(lambda text: text)),
        (detectors.normalises_spellings, normalising(lambda _: "V")),
        (detectors.normalises_spellings, normalising(lambda _: "")),
        (detectors.normalises_spellings, normalising(lambda text: text.encode())),
        (detectors.deterministic, masking(lambda _: f"V{next(calls)}")),
        (detectors.thread_safe, Remembering()),
        (detectors.pickles, Unpicklable()),
    ],
)  # fmt: skip
def test_each_check_of_detectors_can_fail_without_showing_content(check: DetectorCheck, detector: Detector) -> None:
    with pytest.raises(AssertionError) as failure:
        check(detector, EXAMPLES)
    assert not SECRET.search(str(failure.value))


def test_a_detector_that_takes_long_for_long_texts_does_not_conform(monkeypatch: pytest.MonkeyPatch) -> None:
    def quadratic(view: bytes, start: int, end: int) -> Sequence[Span]:
        return [(start, end)] if view.count(b"-", 0, end) else []

    monkeypatch.setattr(detectors, "_SECONDS", 0.005)
    with pytest.raises(AssertionError, match="CPU"):
        detectors.linear_time(finding(quadratic), EXAMPLES)


def test_examples_that_show_nothing_are_refused() -> None:
    with pytest.raises(AssertionError, match="sensitive"):
        detectors.finds_its_examples(Voucher(), Examples([], ["V-1"]))
    with pytest.raises(AssertionError, match="near miss"):
        detectors.leaves_near_misses(Voucher(), Examples(["V-1234"], []))


class Initial:
    """The first letter of a text; nothing of anything else."""

    name = "initial"

    def __call__(self, value: Scalar, kind: Detector | None) -> JSONValue:
        del kind
        return value[:1] if isinstance(value, str) and value[:1].isalpha() else HIDDEN


VALUES = Values(["Jane Doe", "6789-1234", 12346789], ["J", True])


@pytest.mark.parametrize("check", ACTION_CHECKS, ids=lambda check: check.__name__)
def test_a_sound_action_conforms(check: ActionCheck) -> None:
    check(Initial(), VALUES)


class Acting(Initial):
    def __init__(self, act: Callable[[Any], Any]) -> None:
        self._act = act

    def __call__(self, value: Scalar, kind: Detector | None) -> JSONValue:
        del kind
        result: JSONValue = self._act(value)
        return result


class Forgetful(Initial):
    def __call__(self, value: Scalar, kind: Detector | None) -> JSONValue:
        self.value = value
        time.sleep(0)  # lets the others run
        return super().__call__(self.value, kind)


def burning(value: Scalar) -> str:
    began = time.process_time()
    while len(str(value)) > 100_000 and time.process_time() < began + 0.2:
        pass
    return HIDDEN


@pytest.mark.parametrize(
    ("check", "action"),
    [
        (actions.named, type("Odd", (Initial,), {"name": "No-Name"})()),
        (actions.never_raises, Acting(lambda value: value[0])),
        (actions.never_raises, Acting(lambda value: str(value).encode("ascii", "replace"))),
        (actions.never_raises, Acting(lambda value: str(value).encode().decode())),
        (actions.text_for_text, Acting(lambda value: len(str(value)))),
        (actions.idempotent, Acting(lambda value: f"<{value}>")),
        (actions.idempotent, Acting(lambda value: value.swapcase() if isinstance(value, str) else HIDDEN)),
        (actions.idempotent, Acting(lambda value: 1 if value == "J" else True)),
        (actions.deterministic, Acting(lambda _: f"x{next(calls)}")),
        (actions.hides, Acting(str)),
        (actions.hides, Acting(lambda value: str(value).lower())),
        (actions.hides, Acting(lambda value: " ".join(str(value)))),
        (actions.hides, Acting(lambda value: {"kept": [value]})),
        (actions.hides, Acting(lambda value: value if str(value).startswith(HIDDEN) else HIDDEN)),
        (actions.results_are_clean, Acting(lambda _: "jane@example.com")),
        (actions.results_are_clean, Acting(lambda _: 4111111111111111)),
        (actions.bounded_time, Acting(burning)),
        (actions.thread_safe, Forgetful()),
    ],
)  # fmt: skip
def test_each_check_of_actions_can_fail_without_showing_content(
    check: ActionCheck, action: Initial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "_SECONDS", 0.1)
    with pytest.raises(AssertionError) as failure:
        check(action, VALUES)
    assert not SECRET.search(str(failure.value))


def test_names_are_those_that_the_guard_lets_pass() -> None:
    assert all(map(laws.is_name, ("a", "ssn_last4", "a" * 64, "a1b2c3d4")))
    assert not any(map(laws.is_name, ("", "A", "1a", "a" * 65, "a12345", "a-b", b"a")))
