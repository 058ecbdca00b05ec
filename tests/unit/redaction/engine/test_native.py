"""The compiled part: what Python tells it, and what it leaves to Python. `test_properties` has the law: both agree."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.compiled import VARIABLE, installed
from redaction.detectors.base import fold_table, view
from redaction.engine import PolicyRedactor, field_tree, values
from redaction.engine.values import SECRET, is_it, looks_like, sure
from redaction.plugin import PluginInvalid, Released
from redaction.policy import load_policy
from redaction.policy.file import parse_policy
from tests.kits.needs import needs_native

KINDS = (None, SECRET, "card", "email", "phone", "ip", "iban", "ssn", "national_id")


@pytest.fixture
def redactor() -> PolicyRedactor:
    needs_native()
    return PolicyRedactor(load_policy("default"))


@pytest.fixture
def left(redactor: PolicyRedactor, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was left to Python."""
    return _left_by(redactor, monkeypatch)


def _left_by(redactor: PolicyRedactor, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    payloads: list[bytes] = []
    redact = redactor._python.redact

    def noted(batch: list[bytes]) -> Any:
        payloads.extend(batch)
        return redact(batch)

    monkeypatch.setattr(redactor._python, "redact", noted)
    return payloads


def test_the_table_gives_the_view_of_every_character() -> None:
    table = fold_table()
    for first in range(0, sys.maxunicode + 1, 1 << 12):
        text = "".join(chr(code) for code in range(first, first + (1 << 12)))
        assert table[first : first + (1 << 12)].ljust(1 << 12, b"?") == view(text), hex(first)


@pytest.mark.parametrize("hint", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sure_counts(kind: str | None, hint: bool) -> None:  # noqa: FBT001
    pattern = sure(kind, hint=hint)
    if pattern is None:
        return
    tests = [looks_like(kind, bool)] if hint else [is_it(kind), is_it(kind, masks=True)]
    for outcome in values._OUTCOMES:
        for text in (
            outcome,
            outcome.replace("_", " "),
            outcome.upper(),
            outcome.replace("_", "@", 1).replace("_", "."),
        ):
            _check(pattern, text, tests)
    for masked in ("****", "************1111", "xxxx xxxx xxxx 1111", "4111 11** **** 1111", "DE** **** 1234", "1234"):
        _check(pattern, masked, tests)

    @given(st.from_regex(pattern.decode(), fullmatch=True, alphabet=st.characters(codec="ascii")))
    def always(text: str) -> None:
        for test in tests:
            assert test(text), text
        assert "*" not in text
        assert json.dumps(text) == f'"{text}"'

    always()


def _check(pattern: bytes, text: str, tests: list[Callable[[Any], bool]]) -> None:
    if re.fullmatch(pattern.decode(), text):
        for test in tests:
            assert test(text), text


@pytest.mark.parametrize(
    "body",
    [
        '{"a": 1, "b": [true, null, {"c": "d"}], "e": {}, "f": [], "g": "\\u0041\\n\\ud83d\\ude00\\/", "h": -1.50}',
        ' {"user_id":"1","credit_card":"4532-1234-5678-9012","ssn":"123-45-6789","amount":149.99} ',
        '{"note":"paid 4111 1111 1111 1111","phones":["2025550143"],"ip":"198.51.100.7"}',
        '{"a":1559729468470000000,"b":-9223372036854775808,"c":-47.74104242992852,"d":1234567890.1234567}',
    ],
)
def test_a_record_whose_fields_are_known_is_not_left(redactor: PolicyRedactor, left: list[bytes], body: str) -> None:
    payload = body.encode()
    first = redactor.redact([payload])
    assert left == [payload]
    assert redactor.redact([payload]) == first
    assert left == [payload]


@pytest.mark.parametrize(
    "body",
    [
        *(
            '{"a":1,"a":2}',
            '{"a":9223372036854775808}',
            '{"a":47.741042429928523}',
            '{"a":1}}',
            '{"a":01}',
            '{"a":1e5}',
            '{"a":-0}',
            '{"a":0.12345678901234567890}',
            '{"a":"\\ud800"}',
        ),
        *('{"a":tru}', '{"a":"\t"}', "[1]", "", '{"a":"' + "x" * 70_000 + '"}', '{"\\u0061":1}', '\ufeff{"a":1}'),
        *('{"b":1}', '{"a":{"b":1}}', '{"a":"\\x"}', '{"a":1,}', '{"a":' + "[" * 60 + "]" * 60 + "}", '{"a" 1}'),
    ],
)
def test_what_is_unusual_is_left(redactor: PolicyRedactor, left: list[bytes], body: str) -> None:
    redactor.redact([b'{"a":1}'])
    left.clear()
    payload = body.encode()
    python = PolicyRedactor(load_policy("default"), native=False)
    assert redactor.redact([payload, b'{"a":1}']) == python.redact([payload, b'{"a":1}'])
    assert left == [payload]


_TELLING = [
    '{"bank":{"routing":"021000021","account":"9900009606"},"name":"x"}',
    '{"bank":{"account":9900009606,"routing":"021000021"},"sort_code":"x"}',
    '{"bank":{"account":{"number":"9900009606","a":["123456"]},"routing":"1"}}',
    '{"bank":{"account":{"email":"jane@example.com"},"routing":"1"}}',
    '{"Othr":[{"Id":"123456789","SchmeNm":{"Cd":"SOSE"}},{"Id":"5523","SchmeNm":{"Prtry":"LOYALTY"}}]}',
    '{"Othr":{"Id":"123456789","SchmeNm":"SSN"}}',
    '{"Othr":{"Id":{"number":"123456789"},"SchmeNm":{"Cd":"TXID"},"Value":"123456789"}}',
    '{"Othr":{"Id":"123456789","Type":"SSN"}}',
    '{"Othr":{"SchmeNm":{"Cd":"PAN","email":"jane@example.com"},"Id":"4111111111111111"}}',
    '{"Othr":{"SchmeNm":{"Cd":"CVV"},"Id":"123"}}',
]


@pytest.mark.parametrize("rule", ["", "fields: [{id: ours, names: [account number, ssn], action: quarantine}]\n"])
def test_what_a_field_tells_of_another_is_heard(rule: str) -> None:
    needs_native()
    policy = parse_policy('name: t\nversion: "1"\nextends: default\n' + rule, "t.yaml")
    redactor, python = PolicyRedactor(policy), PolicyRedactor(policy, native=False)
    payloads = [body.encode() for body in _TELLING]
    for _ in range(3):
        assert redactor.redact(payloads) == python.redact(payloads)
    assert sorted(redactor.coverage()) == sorted(python.coverage())


def test_what_a_field_tells_of_another_is_not_left(redactor: PolicyRedactor, left: list[bytes]) -> None:
    payloads = [_TELLING[number].encode() for number in (0, 1, 4, 5, 7)]
    redactor.redact(payloads)
    redactor.redact(payloads)
    left.clear()
    redactor.redact(payloads)
    assert left == []


def test_records_that_a_rule_drops_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_native()
    rules = [
        "{id: pings, field: type, equals: ping}",
        "{id: tests, field: meta.test, equals: true}",
        "{id: ones, field: n, equals: 1}",
        "{id: nothing, field: meta.nothing, equals: null}",
    ]
    policy = parse_policy(f'name: t\nversion: "1"\nextends: default\ndrop_records: [{", ".join(rules)}]\n', "t.yaml")
    redactor, python = PolicyRedactor(policy), PolicyRedactor(policy, native=False)
    payloads = [
        body.encode()
        for body in (
            '{"type":"ping","note":"a@b.example"}',
            '{"type":"p\\u0069ng"}',
            '{"type":"pong","meta":{"test":false,"nothing":0}}',
            '{"meta":{"test":true},"type":["ping"],"pairs":[{"name":"ssn","value":"123456789"}]}',
            '{"meta":[{"test":true}],"type":{"type":"ping"}}',
            '{"meta":{"test":1,"nothing":null}}',
            *('{"n":1}', '{"n":1.0}', '{"n":true}', '{"n":"1"}', '{"n":[1]}', '{"n":10}', '{"meta":"x"}'),
        )
    ]
    for _ in range(3):
        assert redactor.redact(payloads) == python.redact(payloads)
    assert sorted(redactor.coverage()) == sorted(python.coverage())
    left = _left_by(redactor, monkeypatch)
    redactor.redact(payloads)
    assert [payloads.index(payload) for payload in left] == [0, 1, 3, 5, 6, 7]


def test_fields_that_are_forgotten_are_met_again(redactor: PolicyRedactor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_tree, "_MEMORY", 50)
    python = PolicyRedactor(load_policy("default"), native=False)
    for number in range(200):
        batch = [
            b'{"ssn":"123-45-6789","note":"a@b.example"}',
            json.dumps({f"n{number}": {"cvv": "123", "x": number}}).encode(),
        ]
        assert redactor.redact(batch) == python.redact(batch)
        assert redactor.redact(batch) == python.redact(batch)
    assert sorted(redactor.coverage()) == sorted(python.coverage())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    installed.cache_clear()
    yield monkeypatch
    installed.cache_clear()


def test_it_can_be_left_out(asked: pytest.MonkeyPatch) -> None:
    asked.setenv(VARIABLE, "off")
    redactor = PolicyRedactor(load_policy("default"))
    assert not redactor.is_native
    assert isinstance(redactor.redact([b"{}"])[0], Released)


def test_it_can_be_required(asked: pytest.MonkeyPatch) -> None:
    asked.setenv(VARIABLE, "required")
    asked.setitem(sys.modules, "redaction_native", None)
    with pytest.raises(PluginInvalid, match="REDACTION_NATIVE is 'required'"):
        PolicyRedactor(load_policy("default"))
    asked.setenv(VARIABLE, "")
    installed.cache_clear()
    assert not PolicyRedactor(load_policy("default")).is_native
