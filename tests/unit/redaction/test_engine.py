import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction import mending
from redaction.detectors import DETECTORS, Detector
from redaction.engine import PolicyRedactor, from_options
from redaction.fields import mask_card
from redaction.plugin import Dropped, Rejected, Released, Verdict
from redaction.policy import parse_policy
from redaction.testing import CANARY, CHECKS

DEFAULT = from_options({})
VISA = "4111111111111111"


def redact(value: Any) -> Verdict:
    [verdict] = DEFAULT.redact([value if isinstance(value, bytes) else json.dumps(value).encode()])
    return verdict


def released(value: Any) -> Any:
    verdict = redact(value)
    assert isinstance(verdict, Released), verdict
    read = json.loads(verdict.body, parse_float=Decimal)
    assert read == verdict.document
    return read


def with_policy(text: str) -> PolicyRedactor:
    return PolicyRedactor(parse_policy('name: t\nversion: "1"\n' + text, "t.yaml"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_built_in_policy_conforms(check: Any) -> None:
    check(DEFAULT, CANARY)


def test_the_canonical_example_to_the_letter() -> None:
    assert redact(CANARY.payload) == Released(
        {
            "user_id": "12345",
            "credit_card": "****-****-****-9012",
            "amount": Decimal("149.99"),
            "merchant": "Amazon",
            "timestamp": "2024-03-15T10:30:00Z",
        },
        b'{"user_id":"12345","credit_card":"****-****-****-9012","amount":149.99,"merchant":"Amazon",'
        b'"timestamp":"2024-03-15T10:30:00Z"}',
        (("card_field", "mask"), ("ssn_field", "drop")),
    )


@pytest.mark.parametrize("name", ["creditCard", "credit-card", "CREDIT_CARD", "Credit Card", "credit.card", "\uff30AN"])
def test_names_are_one_whatever_their_case_and_separators(name: str) -> None:
    assert released({"a": [{name: "4532123456789012"}]}) == {"a": [{name: "************9012"}]}


@pytest.mark.parametrize("name", ["ssn", "SSN", "socialSecurityNumber", "tax-id", "itin", "CVV2", "pin", "track2Data"])
@pytest.mark.parametrize("value", ["x", 123456789, None, {"deep": ["x"]}])
def test_fields_named_as_secrets_are_dropped_at_any_depth(name: str, value: Any) -> None:
    assert released({name: value, "a": {"b": [[{name: value}]]}}) == {"a": {"b": [[{}]]}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("4532-1234-5678-9012", "****-****-****-9012"),
        ("4532 1234 5678 9012 ", "**** **** **** 9012 "),
        ("4532/1234/5678/9012", "****/****/****/9012"),
        ("4532_1234_5678_9012", "****_****_****_9012"),
        ("\uff14" * 12, "*" * 8 + "\uff14" * 4),
        ("****-****-****-9012", "****-****-****-9012"),
        (4532123456789012, "************9012"),
        (Decimal("4532123456789012.0"), "************9012"),
        (Decimal("4.532123456789012E+15"), "************9012"),
        (453212345678, "********5678"),
        (45321234567, "****"),
        ("45321234567", "****"),
        ("45321234567890123456", "****"),
        ("4532-1234-5678-9012 12/26 cvv 123", "****"),
        ("visa", "****"),
        ("", "****"),
        (True, "****"),
        (Decimal("12.5"), "****"),
        (Decimal("1E+6000"), "****"),
        (-4532123456789012, "-************9012"),
        (None, None),
    ],
)
def test_values_of_fields_named_as_cards(value: Any, expected: Any) -> None:
    assert mask_card(value) == expected
    assert mask_card(mask_card(value)) == expected


def test_everything_below_a_field_named_as_a_card_is_masked() -> None:
    card = {
        "number": "4532-1234-5678-9012",
        "exp": "12/26",
        "cvv": "123",
        "ok": True,
        "list": [4532123456789012, 1],
    }
    assert released({"card": card}) == {
        "card": {
            "number": "****-****-****-9012",
            "exp": "****",
            "ok": "****",
            "list": ["************9012", "****"],
        }
    }


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"note": f"paid with {VISA}"}, {"note": "paid with ************1111"}),
        ({"note": "my ssn is 123-45-6789"}, {"note": "my ssn is ***-**-****"}),
        ({"a": [{"b": [[VISA]]}]}, {"a": [{"b": [["************1111"]]}]}),
        ({"n": int(VISA)}, {"n": "************1111"}),
        (b'{"n": 4111111111111111.0}', {"n": "************1111.0"}),
        (b'{"n": 4.91761E15}', {"n": "************0000"}),
        (b'{"n": "4\\u0031\\u00311 1111 1111 1111"}', {"n": "**** **** **** 1111"}),
        ({VISA: 1, "x 123-45-6789": 2}, {"************1111": 1, "x ***-**-****": 2}),
        ({"n": json.dumps({"pan": VISA})}, {"n": '{"pan": "************1111"}'}),
        ({"\u00e9": f"caf\u00e9 {VISA}"}, {"\u00e9": "caf\u00e9 ************1111"}),
        ({"n": "\x01" + VISA + "\n"}, {"n": "\x01************1111\n"}),
    ],
)
def test_cards_and_ssns_are_masked_anywhere(payload: Any, expected: Any) -> None:
    assert released(payload) == expected


def test_what_is_not_sensitive_stays_as_it_is() -> None:
    payload = (
        b'{"at":1710498600000,"id":"0b9f7a52-4111-4111-8111-111111111111","phone":"+1 202 555 0143","n":1.50,'
        b'"big":123456789012345678901234567890,"lat":40.4111111111111111,"none":null,"ok":[true,false],"s":"\\u0000\xc3\xa9"}'
    )
    verdict = redact(payload)
    assert isinstance(verdict, Released)
    assert verdict.body == payload
    assert verdict.applied == ()


def test_each_application_is_noted() -> None:
    verdict = redact({"ssn": 1, "pan": [VISA, VISA], "t": f"{VISA}, {VISA}, 123-45-6789"})
    assert isinstance(verdict, Released)
    assert sorted(verdict.applied) == sorted(
        [("ssn_field", "drop"), *[("card_field", "mask")] * 2, *[("card", "mask")] * 2, ("ssn", "mask")]
    )


def test_keys_that_become_equal_are_rejected() -> None:
    assert redact({"123-45-6789": 1, "123-45-6788": 2}) == Rejected("key_collision", "ssn")
    assert redact({"a": [{VISA: 1, "************1111": 2}]}) == Rejected("key_collision", "card")


def test_rejections_hold_no_content() -> None:
    for payload in (f'{{"a": "{VISA}"', f'{{"{VISA}": 1, "{VISA}": 2}}', f'["{VISA}"]'):
        verdict = redact(payload.encode())
        assert isinstance(verdict, Rejected)
        assert "1111" not in repr(verdict)


def test_a_hit_that_remains_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Detector("card", DETECTORS["card"].find, lambda text: text)
    monkeypatch.setitem(DETECTORS, "card", broken)
    redactor = from_options({})
    clean = b'{"a":1}'
    [first, second] = redactor.redact([json.dumps({"a": VISA}).encode(), clean])
    assert first == Rejected("leak_suspected", "card")
    assert isinstance(second, Released)


def test_the_last_scan_sees_what_the_careful_path_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mending.Mender, "mend", lambda _self, document, _applied: document)
    assert redact({"a": VISA}) == Rejected("leak_suspected", "card")


@pytest.mark.parametrize(
    ("equals", "value", "dropped"),
    [
        ("test", "test", True),
        ("test", "Test", False),
        ("true", True, True),
        ("true", 1, False),
        ("1", True, False),
        ("1", 1, True),
        ("1", 1.0, True),
        ('"1"', 1, False),
        ("null", None, True),
        ("null", {}, False),
    ],
)
def test_records_are_dropped_by_an_explicit_rule(equals: str, value: Any, dropped: bool) -> None:  # noqa: FBT001
    redactor = with_policy(f"drop_records: [{{id: gone, field: meta.kind, equals: {equals}}}]")
    payloads = [json.dumps(item).encode() for item in ({"meta": {"kind": value}}, {"meta": 1}, {"kind": value})]
    verdicts = redactor.redact(payloads)
    assert (verdicts[0] == Dropped("gone")) is dropped
    assert all(isinstance(verdict, Released) for verdict in verdicts[1:])


def test_a_policy_without_detectors_searches_nothing() -> None:
    [verdict] = with_policy("fields: [{id: x, action: drop, names: [x]}]").redact([b'{"x":1,"y":"123-45-6789"}'])
    assert verdict == Released({"y": "123-45-6789"}, b'{"y":"123-45-6789"}', (("x", "drop"),))


def test_limits_are_the_policys(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text('name: t\nversion: "1"\nlimits: {max_depth: 2, max_bytes: 20}\n')
    redactor = from_options({"policy": str(path)})
    assert redactor.redact([b'{"a":[[]]}', b'{"a":"' + b"x" * 20 + b'"}']) == [
        Rejected("too_deep"),
        Rejected("too_large"),
    ]


@pytest.mark.parametrize("unit", [b"6 ", VISA.encode() + b" ", b"\xd0\xb6", b"123-45-6789,", b"\\u0034"])
def test_records_of_a_megabyte_pass(unit: bytes) -> None:
    payload = b'{"a":"' + unit * ((2**20 - 10) // len(unit)) + b'"}'
    assert isinstance(redact(payload), Released)


def test_names_chosen_by_senders_take_bounded_memory() -> None:
    redactor = from_options({})
    fields = b",".join(b'"k%d":1' % number for number in range(12_000))
    redactor.redact([b"{" + fields + b"}"])
    assert len(redactor._fields._by_spelling) <= 10_000
    assert redactor.redact([b'{"S-s-N":"x"}'])[0] == Released({}, b"{}", (("ssn_field", "drop"),))


keys = st.sampled_from(["a", "b", "ssn", "creditCard", "card", "cvv", VISA, "t 123-45-6789"]) | st.text(max_size=4)
sensitive = st.sampled_from(
    [VISA, "4111-1111-1111-1111", "3782 822463 10005", "123-45-6789", int(VISA), "4532-1234-5678-9012"]
)
digit_texts = st.text(alphabet="0123456789456 -.\uff14\u00a0\u200b*x", max_size=50)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**11, 10**19)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | digit_texts
    | sensitive
    | st.tuples(digit_texts, sensitive, digit_texts).map(lambda parts: "".join(map(str, parts)))
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
documents = st.dictionaries(keys, values, max_size=4)


def everything(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for item in value.values() for text in everything(item))]
    if isinstance(value, list):
        return [text for item in value for text in everything(item)]
    return [str(value)]


@given(documents)
def test_nothing_sensitive_is_left_and_twice_is_once(document: dict[str, Any]) -> None:
    verdict = redact(document)
    if isinstance(verdict, Rejected):
        assert verdict.code in {"key_collision", "leak_suspected"}
        return
    assert isinstance(verdict, Released)
    for text in everything(verdict.document):
        assert not any(detector.find(text) for detector in DETECTORS.values())
    assert redact(verdict.body) == Released(verdict.document, verdict.body)


@given(digit_texts | st.tuples(digit_texts, sensitive, digit_texts).map(lambda parts: "".join(map(str, parts))))
def test_text_is_always_mended(text: str) -> None:
    assert isinstance(redact({"a": text}), Released)


@given(st.lists(documents, max_size=6))
def test_a_batch_gives_what_its_records_give(batch: list[dict[str, Any]]) -> None:
    payloads = [json.dumps(document).encode() for document in batch]
    assert DEFAULT.redact(payloads) == [redact(payload) for payload in payloads]
