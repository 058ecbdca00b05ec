"""The redactor as a whole: what a policy says, done to records."""

import base64
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from redaction.engine import Coverage, PolicyRedactor, Step, from_options
from redaction.keys import Key, KnownKeys
from redaction.plugin import Dropped, PolicyError, Rejected, Released, Verdict
from redaction.policy import load_policy
from redaction.policy.file import parse_policy
from redaction.testing import CANARY, CHECKS

DEFAULT = from_options({})
KEYS = KnownKeys({"test": [Key("a", b"\x01" * 32)]}, "test keys")
VISA = "4111111111111111"
MASKED = "************1111"


def verdict_of(value: Any, redactor: PolicyRedactor = DEFAULT) -> Verdict:
    [verdict] = redactor.redact([value if isinstance(value, bytes) else json.dumps(value).encode()])
    return verdict


def released(value: Any, redactor: PolicyRedactor = DEFAULT) -> Any:
    verdict = verdict_of(value, redactor)
    assert isinstance(verdict, Released), verdict
    return json.loads(verdict.body)


def with_policy(text: str, *, careful: bool = False) -> PolicyRedactor:
    return PolicyRedactor(parse_policy('name: t\nversion: "1"\n' + text, "t.yaml"), KEYS, careful=careful)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_built_in_policy_conforms(check: Any) -> None:
    check(DEFAULT, CANARY)


def test_the_canonical_example_to_the_letter() -> None:
    assert verdict_of(CANARY.payload) == Released(
        {
            "user_id": "12345",
            "credit_card": "****-****-****-9012",
            "amount": 149.99,
            "merchant": "Amazon",
            "timestamp": "2024-03-15T10:30:00Z",
        },
        b'{"user_id":"12345","credit_card":"****-****-****-9012","amount":149.99,"merchant":"Amazon",'
        b'"timestamp":"2024-03-15T10:30:00Z"}',
        (("card_field", "mask"), ("ssn_field", "drop")),
    )


def test_options_are_checked() -> None:
    assert from_options({}).policy == load_policy("default")
    for options in ({"polcy": "default"}, {"policy": ""}, {"policy": 7}):
        with pytest.raises(PolicyError, match="redactor options"):
            from_options(options)


def test_a_policy_that_needs_keys_says_which_rule_does() -> None:
    policy = parse_policy(
        'name: t\nversion: "1"\nfields: [{id: mine, action: {tokenise: {key: absent}}, names: [a]}]\n', "t.yaml"
    )
    with pytest.raises(PolicyError, match=r"'mine'.*'absent'"):
        PolicyRedactor(policy)


# --- Rules by field.


@pytest.mark.parametrize("name", ["creditCard", "credit-card", "CREDIT_CARD", "Credit Card", "credit.card", "\uff30AN"])
def test_names_are_one_whatever_their_case_and_separators(name: str) -> None:
    assert released({"a": [{name: "4532123456789012"}]}) == {"a": [{name: "************9012"}]}


@pytest.mark.parametrize("name", ["ssn", "SSN", "socialSecurityNumber", "tax-id", "itin", "CVV2", "pin", "track2Data"])
@pytest.mark.parametrize("value", ["x", 123456789, None])
def test_fields_named_as_secrets_are_dropped_at_any_depth(name: str, value: Any) -> None:
    assert released({name: value, "a": {"b": [[{name: value}]]}}) == {"a": {"b": [[{}]]}}


def test_everything_below_a_masked_field_is_masked_and_stricter_rules_hold() -> None:
    """What the policy's author names is dealt with as a whole."""
    redactor = with_policy(
        "extends: default\nfields: [{id: mine, action: {mask: {keep: last4}}, names: [purse], paths: [a.b]}]\n"
    )
    purse = {
        "number": "4532-1234-5678-9012",
        "exp": "12/26",
        "card_cvv": "123",
        "ok": True,
        "none": None,
        "list": [4532123456789012, 1],
    }
    masked = {
        "number": "****-****-****-9012",
        "exp": "****",
        "ok": "****",
        "none": None,
        "list": [MASKED[:-4] + "9012", "****"],
    }
    assert released({"purse": purse, "a": {"b": [purse]}}, redactor) == {"purse": masked, "a": {"b": [masked]}}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        # Items, and members whose names say nothing.
        ({"cvvs": ["123", 123]}, {"cvvs": []}),
        ({"password": {"value": "a", "S": "b", "0": "c", "#text": "d", "_": "e"}}, {"password": {}}),
        ({"ssn": {"deep": ["x"]}}, {"ssn": {"deep": []}}),
        ({"alt_phone": {"number": "2025550143", "ext": "9"}}, {"alt_phone": {"number": "****", "ext": "9"}}),
        ({"phone": {"home": "12", "call": "2025550143"}}, {"phone": {"home": "****", "call": "****"}}),
        # Members that say something about it.
        ({"pin": {"status": "set", "id": 7, "pad": "x1"}}, {"pin": {"status": "set", "id": 7}}),
        # Below a hint the members' own names count, and the name of both.
        ({"card": {"number": "mine", "token": "y", "label": "Visa"}}, {"card": {"number": "****", "label": "Visa"}}),
        ({"card": [VISA, "visa"]}, {"card": [MASKED, "visa"]}),
        ({"account": {"number": "37778842", "type": "x"}}, {"account": {"number": "****", "type": "x"}}),
        # Outcomes, flags, what is masked already.
        ({"cvc": "pass", "ssn": True, "phone": "no_match", "email": "verified"}, None),
        ({"password": "pass", "a": 1}, {"a": 1}),
        ({"card_number": "4242", "pan": "****4242", "cc_number": 4242}, None),
        ({"account_number": "XXXX0015", "phone": "******6789", "pan": "411111******1111"}, None),
        ({"account_number": "123456789XXXX1234"}, {"account_number": "****"}),
        ({"cardSecurity": "3dsecure", "cvc": "123"}, {"cardSecurity": "3dsecure"}),
        # Dates in parts, numbers below what they are numbers of, names with two meanings.
        ({"dob": {"day": 14, "month": 2, "year": 1986}}, {"dob": {"day": "****", "month": "****", "year": 1986}}),
        ({"bacs": [{"account": "31926819", "account_id": "x1"}]}, {"bacs": [{"account": "****", "account_id": "x1"}]}),
        ({"sin": "046 454 286", "HOME_PH_NO": "6175550188"}, {"HOME_PH_NO": "****"}),
        ({"sin": 0.70710678118, "nir": "low", "ph": 7.2}, None),
        # A name and its value.
        ({"type": "passport", "number": "PA0940443"}, {"type": "passport"}),
        ({"attribute_code": "pesel", "value": "44051401359"}, {"attribute_code": "pesel"}),
        ({"key": "card.cvv", "value": {"intValue": "123"}}, {"key": "card.cvv", "value": {}}),
        # The name counts before the type and before what is only hinted at, in whatever order they stand.
        ({"type": "contact", "name": "password", "value": "hunter2"}, {"type": "contact", "name": "password"}),
        ({"label": "Card", "name": "cvv", "value": "123"}, {"label": "Card", "name": "cvv"}),
        ({"a": [{"name": "Phone", "value": "a red one"}, {"name": "phone", "value": "2025550147"}]},
         {"a": [{"name": "Phone", "value": "a red one"}, {"name": "phone", "value": "****"}]}),
        ({"type": "token", "data": {"amount": 5}}, None),
        ({"SchemeName": "UK.OBIE.PAN", "Identification": VISA},
         {"SchemeName": "UK.OBIE.PAN", "Identification": MASKED}),
        ({"field": "email", "type": "string"}, None),
        ({"display_name": "Transaction PIN", "variable_name": "txn_pin", "value": "8306"},
         {"display_name": "Transaction PIN", "variable_name": "txn_pin"}),
        ({"documentType": "passport", "documentNumber": "FP4419027"}, {"documentType": "passport"}),
        # An account, if it stands beside a bank.
        ({"a": {"bsb": "062-000", "account": "12345678"}, "b": {"account": "12345678"}},
         {"a": {"bsb": "****", "account": "****"}, "b": {"account": "12345678"}}),
        ({"routing": {"S": "021000021"}, "account": {"S": "7711029384"}},
         {"routing": {"S": "****"}, "account": {"S": "****"}}),
        ({"swift": "GIBACZPX", "account": {"id": 7, "name": "main"}}, None),
        ({"Othr": [{"Id": "12345678Z", "SchmeNm": {"Cd": "NIDN"}}, {"Id": "x-1", "SchmeNm": {"Cd": "CUST"}}]},
         {"Othr": [{"SchmeNm": {"Cd": "NIDN"}}, {"Id": "x-1", "SchmeNm": {"Cd": "CUST"}}]}),
        ({"q": [["password", "hunter2"], ["phone", "2025550147"], ["page", "7"], ["cvv", 123]]},
         {"q": [["password"], ["phone", "****"], ["page", "7"], ["cvv"]]}),
        ({"CdtrAcct": {"Id": {"Othr": {"Id": "483029917745"}}, "Ccy": "EUR", "Nm": "A B"}, "Id": "1"},
         {"CdtrAcct": {"Id": {"Othr": {"Id": "********7745"}}, "Ccy": "EUR", "Nm": "A B"}, "Id": "1"}),
        # What is masked already, and how a card was read.
        ({"iban": "DE** **** **** **** **30 00", "email": "j***@e***.com", "pan": "MANUAL"}, None),
        # Other scripts.
        ({"密码": "xiaoMao_2026", "пароль": "Берёза77", "電話番号": "03-5550-0199"}, {"電話番号": "****"}),  # noqa: RUF001
        ({"usage": {"prompt_tokens": 1472, "total_tokens": 1860}, "access_tokens": ["a1"]},
         {"usage": {"prompt_tokens": 1472, "total_tokens": 1860}, "access_tokens": []}),
    ],
)  # fmt: skip
def test_what_stands_below_and_beside_a_name(document: dict[str, Any], expected: dict[str, Any] | None) -> None:
    expected = document if expected is None else expected
    assert released(document) == expected
    # The same in JSON within a text, and a second time.
    assert json.loads(released({"raw": json.dumps(document)})["raw"]) == expected
    assert released(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("el cvv 555, vence", "el cvv ****, vence"),
        ("cvv 555 is mine", "cvv **** is mine"),
        ("Prüfziffer 123. Danke", "Prüfziffer ****. Danke"),
        ("code de sécurité 456", "code de sécurité ****"),
        ("my password is Blue$ky99", "my password is ****"),
        ("PASSWORD WAS HUNTER2", "PASSWORD WAS ****"),
        ("DOB 5/14/1990.", "DOB 1990."),
        ("date of birth is 14.05.1990", "date of birth is 1990"),
        ("account number is 1234567890", "account number is ****"),
        ("password is required", None),
        ("password is 8 characters long", None),
        ("token 401 unauthorized", None),
        ("Track 100 of 120", None),
        ("meeting pin 2024-01-02", None),
    ],
)
def test_values_in_sentences(text: str, expected: str | None) -> None:
    expected = text if expected is None else expected
    assert released({"text": text}) == {"text": expected}
    assert released({"text": text}, PolicyRedactor(DEFAULT.policy, careful=True)) == {"text": expected}
    assert released({"text": expected}) == {"text": expected}


ACTIONS = """\
fields:
  - {id: masked, action: mask, names: [masked]}
  - {id: last, action: {mask: {keep: last4}}, names: [last]}
  - {id: bin, action: {mask: {keep: bin_last4}}, names: [bin]}
  - {id: dropped, action: drop, names: [dropped]}
  - {id: replaced, action: {replace: {with: "[gone]"}}, names: [replaced]}
  - {id: year, action: {generalise: {to: year}}, names: [born]}
  - {id: bucket, action: {generalise: {to: bucket, width: 50}}, names: [price]}
  - {id: net, action: {generalise: {to: network}}, names: [address]}
  - {id: kept, action: release, paths: [kept]}
"""


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("masked", VISA, "****"),
        ("masked", "", "****"),
        ("masked", 7, "****"),
        ("masked", None, None),
        ("last", VISA, MASKED),
        ("last", "4111 1111 1111 1111", "**** **** **** 1111"),
        ("last", int(VISA), MASKED),
        ("last", "short", "****"),
        ("bin", VISA, "411111******1111"),
        ("replaced", {"a": [1]}, {"a": ["[gone]"]}),
        ("born", "1980-02-29", "1980"),
        ("born", "yesterday", "****"),
        ("price", 149.99, 100),
        ("price", "149.99", "100"),
        ("address", "203.0.113.7", "203.0.113.0/24"),
        ("kept", "4111", "4111"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda field: field, lambda field: {"a": [[field]]}], ids=["top", "below"])
def test_actions_by_name(name: str, value: Any, expected: Any, wrap: Any) -> None:
    assert released(wrap({name: value}), with_policy(ACTIONS)) == wrap({name: expected})


@pytest.mark.parametrize("action", ["tokenise", "hash", "encrypt"])
def test_keyed_actions_give_equal_results_for_equal_values_of_a_type(action: str) -> None:
    redactor = with_policy(
        f"fields:\n  - {{id: one, action: {{{action}: {{key: test}}}}, type: card, names: [one]}}\n"
        f"  - {{id: two, action: {{{action}: {{key: test}}}}, names: [two]}}\n"
        f"detectors: {{card: {{{action}: {{key: test}}}}}}\n"
    )
    read = released(
        {"one": VISA, "other": {"one": "4111 1111 1111 1111"}, "two": VISA, "note": f"of {VISA}."}, redactor
    )
    if action != "encrypt":
        assert read["one"] == read["other"]["one"]
    assert read["note"] == f"of {read['one']}."
    assert read["two"] != read["one"]
    assert released(read, redactor) == read


def test_paths_pass_through_lists_and_only_match_where_they_say() -> None:
    redactor = with_policy(
        "fields:\n  - {id: exact, action: drop, paths: [order.items.code]}\n"
        "  - {id: wild, action: mask, paths: ['pay.*.pan', 'log.**.text']}\n"
    )
    document = {
        "order": {"items": [{"code": 1, "x": [{"code": 2}]}, [[{"Code": 3, "n": 4}]]], "code": 5},
        "code": 6,
        "pay": {"a": {"pan": "p", "b": {"pan": "q"}}, "pan": "r"},
        "log": {"text": "s", "a": {"b": [{"text": "t"}]}},
    }
    assert released(document, redactor) == {
        "order": {"items": [{"x": [{"code": 2}]}, [[{"n": 4}]]], "code": 5},
        "code": 6,
        "pay": {"a": {"pan": "****", "b": {"pan": "q"}}, "pan": "r"},
        "log": {"text": "****", "a": {"b": [{"text": "****"}]}},
    }


@pytest.mark.parametrize(
    ("rule", "document"), [("names: [bad]", {"a": [{"Bad": 1}]}), ("paths: [a.bad]", {"a": {"bad": None}})]
)
def test_forbidden_fields_quarantine_the_record(rule: str, document: Any) -> None:
    redactor = with_policy(
        f"fields:\n  - {{id: never, action: quarantine, {rule}}}\n  - {{id: m, action: mask, names: [m]}}\n"
    )
    assert verdict_of(document, redactor) == Rejected("field_forbidden", "never")
    assert verdict_of({"m": document}, redactor) == (
        Rejected("field_forbidden", "never")
        if "names" in rule
        else Released({"m": {"a": {"bad": None}}}, b'{"m":{"a":{"bad":null}}}')
    )


# --- Fields that no rule speaks of.

KNOWN = """\
fields:
  - {id: known, action: release, paths: [id, order.lines.sku, order.total, tags, any.**], names: [sum]}
  - {id: secret, action: drop, names: [secret]}
detectors: {card: mask}
"""
UNKNOWN_DOCUMENT = {
    "id": "1",
    "new": "x",
    "Tags": ["a", 1],
    "order": {"lines": [{"sku": "s", "qty": 2}, "odd"], "total": 5, "by": {"who": "w", "no": None}, "secret": 1},
    "any": {"thing": [{"below": 1, "secret": 2}]},
    "sum": 3,
    "lines": [[1, {"a": 2}]],
}


@pytest.mark.parametrize(
    ("unknown", "expected"),
    [
        (
            "release",
            UNKNOWN_DOCUMENT
            | {"order": {"lines": [{"sku": "s", "qty": 2}, "odd"], "total": 5, "by": {"who": "w", "no": None}}},
        ),
        (
            "mask",
            {
                "id": "1",
                "new": "****",
                "Tags": ["a", 1],
                "order": {
                    "lines": [{"sku": "s", "qty": "****"}, "****"],
                    "total": 5,
                    "by": {"who": "****", "no": None},
                },
                "any": {"thing": [{"below": 1, "secret": 2}]},  # the path is more special than the name
                "sum": 3,
                "lines": [["****", {"a": "****"}]],
            },
        ),
        (
            "drop",
            {
                "id": "1",
                "Tags": ["a", 1],
                "order": {"lines": [{"sku": "s"}], "total": 5},
                "any": {"thing": [{"below": 1, "secret": 2}]},
                "sum": 3,
            },
        ),
    ],
)
def test_unknown_fields(unknown: str, expected: Any) -> None:
    assert released(UNKNOWN_DOCUMENT, with_policy(f"unknown_fields: {unknown}\n{KNOWN}")) == expected


@pytest.mark.parametrize(
    "document", [{"new": 1}, {"order": {"new": 1}}, {"order": {"lines": [1]}}, {"order": 1}, {"": None}]
)
def test_unknown_fields_may_quarantine_the_record(document: Any) -> None:
    redactor = with_policy(f"unknown_fields: quarantine\n{KNOWN}")
    assert verdict_of(document, redactor) == Rejected("unknown_field", "unknown_fields")
    assert released({"id": 1, "order": {"lines": [{"sku": 2}], "secret": 3}}, redactor) == {
        "id": 1,
        "order": {"lines": [{"sku": 2}]},
    }


# --- Detectors, everywhere.


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"note": f"paid with {VISA}"}, {"note": f"paid with {MASKED}"}),
        ({"note": "my ssn is 123-45-6789"}, {"note": "my ssn is ***-**-****"}),
        ({"a": [{"b": [[VISA]]}]}, {"a": [{"b": [[MASKED]]}]}),
        ({"n": int(VISA)}, {"n": MASKED}),
        ({"n": [1, -int(VISA)]}, {"n": [1, -int(VISA)]}),
        (b'{"n": 4111111111111111.0}', {"n": MASKED}),
        (b'{"n": 4.111111111111111E15}', {"n": MASKED}),
        (b'{"n": "4\\u0031\\u00311 1111 1111 1111"}', {"n": "**** **** **** 1111"}),
        ({VISA: 1, "x 123-45-6789": 2}, {MASKED: 1, "x ***-**-****": 2}),
        ({"\u00e9": f"caf\u00e9 {VISA}"}, {"\u00e9": f"caf\u00e9 {MASKED}"}),
        ({"n": "\x01" + VISA + "\n"}, {"n": "\x01" + MASKED + "\n"}),
        ({"n": "4111\u00a01111\u20111111\u200b1111"}, {"n": "****\u00a0****\u2011****\u200b1111"}),
        ({"n": "\uff14" + VISA[1:]}, {"n": MASKED}),
        ({"n": "\u0664" + VISA[1:]}, {"n": MASKED}),
        ({"n": f"{VISA}, {VISA} and jane@example.com"}, {"n": f"{MASKED}, {MASKED} and ****@****"}),
    ],
)
def test_what_detectors_find_is_redacted_anywhere(payload: Any, expected: Any) -> None:
    assert released(payload) == expected


def test_doubles_as_java_writes_them_are_card_numbers() -> None:
    """4917610000000000, a published test number, printed by `Double.toString`."""
    assert released(b'{"n": 4.91761E15}') == {"n": "************0000"}


def test_what_is_not_sensitive_stays_as_it_is() -> None:
    payload = (
        b'{"at":1710498600000,"id":"0b9f7a52-4111-4111-8111-111111111111","n":1.5,'
        b'"big":123456789012345678901234567890,"lat":40.4111111111111111,"none":null,"ok":[true,false],"s":"\\u0000\xc3\xa9"}'
    )
    verdict = verdict_of(payload)
    assert isinstance(verdict, Released)
    assert verdict.body == payload
    assert verdict.applied == ()
    assert verdict.document["lat"] == Decimal("40.4111111111111111")


def test_each_application_is_noted() -> None:
    verdict = verdict_of({"ssn": 1, "pan": [VISA, VISA], "t": f"{VISA}, {VISA}, 123-45-6789"})
    assert isinstance(verdict, Released)
    assert sorted(verdict.applied) == sorted(
        [("ssn_field", "drop"), *[("card_field", "mask")] * 2, *[("card", "mask")] * 2, ("ssn", "mask")]
    )


@pytest.mark.parametrize("key", ["{}", "a {} b", "x" * 70 + " {}", "\u00e9 {}", '{{"a":"{}"}}'])
@pytest.mark.parametrize("below", [1, {"y": [{"z": 1}]}])
def test_keys_are_redacted_however_long(key: str, below: Any) -> None:
    redactor = from_options({})
    for _ in range(2):
        body = json.dumps(released({"a": [{key.format(VISA): below}]}, redactor), ensure_ascii=False)
        assert MASKED in body
        assert VISA not in body
        assert json.dumps(below) in body


@pytest.mark.parametrize(
    "filler", [lambda number: "x" * 70 + str(number), lambda number: f"k{number}"], ids=["long", "many"]
)
def test_keys_below_names_that_are_not_remembered_are_redacted(filler: Any) -> None:
    redactor = from_options({})
    for start in range(0, 12_000, 2000):
        released({filler(number): 1 for number in range(start, start + 2000)}, redactor)
    document = {filler(-1): {VISA: {"below": {f"of {VISA}": [1]}}}}
    assert released(document, redactor) == {filler(-1): {MASKED: {"below": {f"of {MASKED}": [1]}}}}


def test_keys_that_become_equal_are_rejected() -> None:
    assert verdict_of({"123-45-6789": 1, "123-45-6788": 2}) == Rejected("key_collision", "ssn")
    assert verdict_of({"a": [{VISA: 1, MASKED: 2}]}) == Rejected("key_collision", "card")
    assert verdict_of({"t": json.dumps({VISA: 1, MASKED: 2, "cvv": 3})}) == Rejected("key_collision", "card")


def test_exceptions_hold_in_their_fields_and_below_only() -> None:
    redactor = with_policy(
        "detectors: {card: mask, email: mask}\n"
        "exceptions: [{id: e, detectors: [card], names: [order], paths: [a.ref], reason: our own numbers}]\n"
    )
    document = {"order": {"n": [VISA, int(VISA), "a@example.com"]}, "a": {"ref": VISA, "b": {"ref": VISA}}, "ref": VISA}
    read = released(document, redactor)
    assert read["order"] == {"n": [VISA, int(VISA), "****@****"]}
    assert read["a"] == {"ref": VISA, "b": {"ref": MASKED}}
    assert read["ref"] == MASKED


@pytest.mark.parametrize(
    ("excepted", "text"),
    [("card", "tel. 4222222222222"), ("iban", "DE97 4111 1111 1111 1111 00")],
)
def test_an_excepted_detector_hides_nothing_from_the_others(excepted: str, text: str) -> None:
    others = [kind for kind in ("phone", "card") if kind != excepted]
    detectors = ", ".join(f"{kind}: mask" for kind in others)
    [alone] = with_policy(f"detectors: {{{detectors}}}\n").redact([json.dumps({"note": text}).encode()])
    assert isinstance(alone, Released)
    exceptions = f"exceptions: [{{id: e, detectors: [{excepted}], names: [note], reason: our own numbers}}]\n"
    both = with_policy(f"detectors: {{{excepted}: mask, {detectors}}}\n{exceptions}")
    assert released({"note": text}, both) == alone.document


# --- In other dress.

TRACK2 = f";{VISA}=25122011234567890?"


@pytest.mark.parametrize(
    "text",
    [
        quote(TRACK2, safe=""),
        quote(quote(TRACK2, safe=""), safe=""),
        f"swipe={quote(TRACK2, safe='')}&n=1",
        TRACK2.replace("=", "&#61;"),
        TRACK2.replace("=", "\\u003d"),
        TRACK2.replace("=", "\\x3d"),
        TRACK2.replace("=", "=3D"),
        json.dumps({"swipe": TRACK2}).replace("=", "\\u003d")[1:],
    ],
)
@pytest.mark.parametrize("beside", ["", "a@b.co ", f"{TRACK2} "])
def test_what_an_encoded_piece_says_comes_before_what_shows_of_it(text: str, beside: str) -> None:
    assert "201123" not in json.dumps(released({"log": f"{beside}req {text} done"}))


def test_what_shows_beside_encoded_pieces_leaves_them() -> None:
    text = "a&amp;b r.moon@example.com x=25.00 page=40 c%20d"
    assert released({"log": text}) == {"log": text.replace("r.moon@example.com", "****@****")}


def test_compressed_data_are_hidden_as_a_whole_where_they_say_something() -> None:
    def document(message: str) -> Any:
        events = json.dumps({"logEvents": [{"message": message}] * 20})
        return {"awslogs": {"data": base64.b64encode(gzip.compress(events.encode())).decode()}}

    assert released(document(f"paid {VISA}")) == {"awslogs": {"data": "****"}}
    assert released(document("cvv=123")) == {"awslogs": {"data": "****"}}
    assert released(document("all is well")) == document("all is well")


def test_compressed_data_that_stand_for_too_much_are_not_released() -> None:
    bomb = base64.b64encode(gzip.compress(b"\0" * 50_000_000)).decode()
    assert verdict_of({"data": bomb}) == Rejected("too_complex")


@pytest.mark.parametrize("action", ["mask", {"replace": {"with": "[gone]"}}, {"replace": {"with": "redacted"}}])
def test_what_stands_for_a_secret_where_any_word_would_be_one_stays(action: Any) -> None:
    redactor = with_policy(f"detectors: {{credential: {json.dumps(action)}}}\n")
    once = released({"log": "authorization=Bearer word"}, redactor)
    assert "word" not in once["log"]
    assert released(once, redactor) == once


CVV = {"cvv": "123", "card": VISA, "amount": 2.5}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(CVV),
        json.dumps([CVV]),
        "\n " + json.dumps(CVV, indent=2),
        json.dumps({"a": json.dumps(CVV)}),
        json.dumps({"a": [json.dumps([json.dumps(CVV)])]}),
        json.dumps(CVV).replace("cvv", "c\\u0076v"),
        json.dumps(CVV).replace('":', '"\t:'),
        json.dumps(CVV).replace('":', '"     :'),
        json.dumps(CVV).replace("cvv", "c___v___v"),
        json.dumps(CVV).replace("cvv", "c/v/v"),
        json.dumps(CVV)[:-1],
        json.dumps({"a": json.dumps(CVV)})[:-2],
        "order " + json.dumps(CVV) + " was refused",
        json.dumps(CVV) + json.dumps(CVV),
        "cvv=123&card=" + VISA,
        "https://pay.example/?x=1&cvv=123&card=4111%201111%201111%201111",
        "card=4111+1111+1111+1111; CVV = 123",
        str(CVV),
        json.dumps(CVV).replace('"', "&#34;"),
        json.dumps(CVV).replace('"', "\\u0022"),
        base64.b64encode(json.dumps(CVV).encode()).decode(),
        base64.urlsafe_b64encode(json.dumps([CVV]).encode()).decode().rstrip("="),
    ],
)
@pytest.mark.parametrize(
    "place",
    [lambda text: {"raw": text}, lambda text: {"raw": [[text]]}, lambda text: {text: 1}],
    ids=["value", "list", "key"],
)
def test_rules_by_name_and_detectors_reach_into_texts(text: str, place: Any) -> None:
    body = json.dumps(released(place(text), from_options({})))
    assert not any(shown in body for shown in ("123", "411111", "4111 1", base64.b64encode(text.encode()).decode()))


@pytest.mark.parametrize(
    "text",
    [
        'password="it\'s hunter two"',
        "password='say \"hunter two\" now'",
        'x {"password":"my \\"hunter two\\" word"} y',
        'x {"password":["a","hunter two"]} y',
        'x {"password":{"a":"hunter two"}} y',
        "https://pay.example/?p%61ssword=hunter+two",
    ],
)
def test_labelled_secrets_are_gone_entirely(text: str) -> None:
    assert "hunter" not in json.dumps(released({"log": text}))


@pytest.mark.parametrize("prefix", ["", "a", "ab", "path/", "x="])
@pytest.mark.parametrize("before", ["", "c", "cc", "ccc"])
@pytest.mark.parametrize("value", [VISA, "219-09-9999", "jane.doe+shop@mail.example.com", "+1 202 555 0143"])
def test_base64_is_read_at_every_alignment(prefix: str, before: str, value: str) -> None:
    encoded = base64.b64encode(f"{before} {value} ".encode()).decode()
    body = json.dumps(released({"raw": f"{prefix}{encoded} end"}))
    assert encoded.rstrip("=") not in body


def test_base64_in_lines_is_read_over_their_ends() -> None:
    """RFC 2045: at most 76 characters a line."""
    for fill in range(30, 60):
        text = base64.encodebytes(b"x" * fill + b" card 4111111111111111 end").decode()
        body = released({"raw": text})["raw"]
        pieces = "".join(body.split())
        assert VISA.encode() not in base64.b64decode(pieces + "=" * (-len(pieces) % 4), validate=False)


@pytest.mark.parametrize(
    "text",
    ["4111&nbsp;1111&nbsp;1111&nbsp;1111", "jane&commat;example.com", "&#52;111111111111111", "&#x34;111111111111111"],
)
def test_html_entities_hide_nothing(text: str) -> None:
    body = released({"raw": f"to {text}."})["raw"]
    assert "1111111" not in body.replace("&nbsp;", "")
    assert "jane" not in body


def test_what_is_wrapped_too_often_is_rejected_and_never_released() -> None:
    text = json.dumps({"cvv": "123"})
    for _ in range(8):
        text = json.dumps({"a": text})
    assert verdict_of({"a": text}) == Rejected("too_complex")


# --- Records.


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


def test_a_record_is_dropped_before_anything_else_is_judged() -> None:
    redactor = with_policy("unknown_fields: quarantine\ndrop_records: [{id: gone, field: kind, equals: test}]\n")
    assert redactor.redact([b'{"kind":"test"}', b'{"kind":"Test"}', b'{"kind":"test","kind":1}']) == [
        Dropped("gone"),
        Rejected("unknown_field", "unknown_fields"),
        Rejected("duplicate_key"),
    ]


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


@pytest.mark.parametrize("careful", [False, True])
def test_a_record_may_grow_beyond_the_limit_of_payloads(careful: bool) -> None:  # noqa: FBT001
    redactor = with_policy(
        "limits: {max_bytes: 60, max_values: 20}\ndetectors: {card: {tokenise: {key: test}}}\n", careful=careful
    )
    assert released({"a": VISA, "b": "x" * 15}, redactor)["a"].startswith("tok_card_a_")


@pytest.mark.parametrize("unit", [b"6 ", VISA.encode() + b" ", b"\xd0\xb6", b"123-45-6789,", b"\\u0034", b"a@b.co "])
@pytest.mark.parametrize("size", [1000, 400_000])
def test_large_texts_give_a_verdict(unit: bytes, size: int) -> None:
    payload = b'{"a":"' + unit * (size // len(unit)) + b'"}'
    verdict = verdict_of(payload)
    assert isinstance(verdict, Released) or (size > 1000 and verdict == Rejected("too_complex"))


def test_what_would_cost_too_much_is_rejected_and_the_rest_of_the_batch_is_not() -> None:
    redactor = with_policy("limits: {max_suspect_chars: 256}\ndetectors: {card: mask}\n")
    costly = json.dumps({"a": f"{VISA} " * 30}).encode()
    cheap = json.dumps({"a": VISA}).encode()
    assert redactor.redact([cheap, costly, cheap]) == [
        Released({"a": MASKED}, f'{{"a":"{MASKED}"}}'.encode(), (("card", "mask"),)),
        Rejected("too_complex"),
        Released({"a": MASKED}, f'{{"a":"{MASKED}"}}'.encode(), (("card", "mask"),)),
    ]


def test_rejections_hold_no_content() -> None:
    for payload in (f'{{"a": "{VISA}"', f'{{"{VISA}": 1, "{VISA}": 2}}', f'["{VISA}"]'):
        verdict = verdict_of(payload.encode())
        assert isinstance(verdict, Rejected)
        assert "1111" not in repr(verdict)


# --- Records beside each other.


def test_a_record_shields_no_other_from_being_redacted() -> None:
    """A private key begins in one and ends in another: what lies between is not its business."""
    documents = [
        {"a": "-----BEGIN PRIVATE KEY----- is how one begins"},
        {"card_of_mine": VISA, "to": "jane@example.com"},
        {"note": VISA, "z": "-----END PRIVATE KEY-----"},
    ]
    payloads = [json.dumps(document).encode() for document in documents]
    together = from_options({}).redact(payloads)
    assert VISA not in repr(together)
    assert "jane" not in repr(together)
    assert together == [from_options({}).redact([payload])[0] for payload in payloads]


def test_a_field_shields_no_other_from_being_redacted() -> None:
    document = {"a": "-----BEGIN PRIVATE KEY-----", "b": VISA, "c": "-----END PRIVATE KEY-----"}
    assert released(document) == {"a": "****", "b": MASKED, "c": "-----END PRIVATE KEY-----"}


@pytest.mark.parametrize("before", [1, 3])
@pytest.mark.parametrize("after", range(6))
def test_verdicts_do_not_depend_on_what_came_before(before: int, after: int) -> None:
    key = "of " + base64.b64encode(VISA.encode()).decode()

    def wrapped(times: int) -> bytes:
        document: dict[str, Any] = {key: 1}
        for _ in range(times):
            document = {"r": json.dumps(document)}
        return json.dumps(document).encode()

    redactor = from_options({})
    redactor.redact([wrapped(before)])
    assert redactor.redact([wrapped(after)]) == from_options({}).redact([wrapped(after)])


def test_where_all_records_have_findings_none_is_scanned_before_the_careful_work(monkeypatch: Any) -> None:
    redactor = PolicyRedactor(load_policy("default"), native=False)
    scanned: list[int] = []
    suspects = redactor._python._prefilter.suspects

    def counted(bodies: list[bytes]) -> list[int]:
        scanned.append(len(bodies))
        return suspects(bodies)

    monkeypatch.setattr(redactor._python._prefilter, "suspects", counted)
    found, clean = [b'{"note":"4111 1111 1111 1111"}'] * 10, [b'{"note":"none"}'] * 10
    for batch in (found, found, clean, clean):
        redactor.redact(batch)
    before_and_after, only_after, nothing_changed, only_before = [10, 10], [10], [0], [10]
    assert scanned == [*before_and_after, *only_after, *nothing_changed, *only_before]


def test_threads_share_a_redactor() -> None:
    documents = [
        {
            f"k{number % 7}": {
                "note": f"{VISA} {number}",
                "Secret": number,
                f"of jane{number % 50}@example.com": [number],
            }
        }
        for number in range(600)
    ]
    batches = [
        [json.dumps(document).encode() for document in documents[start : start + 20]] for start in range(0, 600, 20)
    ]
    alone = [from_options({}).redact(batch) for batch in batches]
    shared = from_options({})
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert list(pool.map(shared.redact, batches)) == alone


def test_an_empty_batch_gives_nothing() -> None:
    assert DEFAULT.redact([]) == []


# --- What is told about it.


def test_explain_says_what_was_done_where() -> None:
    document = {
        "user": {"ssn": 1, "cards": [{"pan": VISA}]},
        "note": f"of {VISA}",
        VISA: {"by": "a@example.com"},
        "raw": '{"cvv":1}',
    }
    verdict, steps = from_options({}).explain(json.dumps(document).encode())
    assert verdict == verdict_of(document)
    assert set(steps) == {
        Step(("user", "ssn"), "ssn_field", "drop"),
        Step(("user", "cards", "pan"), "card_field", "mask"),
        Step(("note",), "card", "mask"),
        Step((MASKED,), "card", "mask"),
        Step((MASKED, "by"), "email", "mask"),
        Step(("raw",), "card_security_field", "drop"),
    }


EXPLAINED = """\
unknown_fields: {}
fields:
  - {{id: note, action: drop, names: ["note*"]}}
  - {{id: known, action: release, paths: [a.b]}}
detectors: {{card: mask}}
"""


@pytest.mark.parametrize("unknown", ["release", "mask", "drop", "quarantine"])
@pytest.mark.parametrize(
    "document",
    [
        {VISA: 1},
        {f"note {VISA}": 1},
        {"note " + "x" * 70 + VISA: 1, "x": 2},
        {"x" * 70 + " " + VISA: {"note": 1}},
        {VISA: {"note": [1]}},
        {VISA: {"note": 1}, MASKED: 2},
        {f"{VISA} " * 100: {"note": 2}},
        {"a": {VISA: 1, "note": 2}},
    ],
)
def test_explain_and_coverage_show_no_name_that_was_not_released(unknown: str, document: Any) -> None:
    redactor = with_policy(EXPLAINED.format(unknown))
    verdict, steps = redactor.explain(json.dumps(document).encode())
    for told in (verdict, steps, list(redactor.coverage())):
        assert VISA not in repr(told)


def test_coverage_counts_by_path() -> None:
    redactor = with_policy(
        "fields: [{id: s, action: drop, names: [s]}]\nunknown_fields: mask\ndetectors: {card: mask}\n"
    )
    redactor.redact([b'{"a":{"s":1,"b":2}}', b'{"a":{"s":1}}', b'{"s":1,"4111111111111111":{"s":1}}'])
    counted = {coverage.path: coverage for coverage in redactor.coverage()}
    assert counted["s",] == Coverage(("s",), 1, 1, known=True)
    assert counted["a", "s"] == Coverage(("a", "s"), 2, 2, known=True)
    assert counted["a", "b"] == Coverage(("a", "b"), 1, 1, known=False)
    assert counted[MASKED, "s"].seen == 1
    assert VISA not in repr(counted)


def test_rule_for_tells_the_deciding_rule() -> None:
    redactor = with_policy(
        "fields:\n  - {id: m, action: mask, names: [card]}\n  - {id: k, action: release, paths: [a.card, b.c]}\n"
        "unknown_fields: drop\n"
    )
    expected = {
        ("card",): "m",
        ("card", "x"): "m",
        ("a", "card"): None,
        ("a",): "unknown_fields",
        ("b", "c"): None,
        ("b", "z"): "unknown_fields",
        ("q", "r"): "unknown_fields",
    }
    found = {path: redactor.rule_for(path) for path in expected}
    assert {path: rule and rule.id for path, rule in found.items()} == expected


def test_a_record_of_10_mib_is_released_as_small_as_the_policy_makes_it() -> None:
    redactor = with_policy("extends: default\nfields: [{id: a, names: [attachment], action: drop}]\n")
    payload = json.dumps({"user_id": "1", "credit_card": "4532-1234-5678-9012", "attachment": ""}).encode()
    room = 10 * 2**20 - len(payload)
    [verdict] = redactor.redact([payload[:-2] + b"x" * room + b'"}'])
    assert isinstance(verdict, Released)
    assert verdict.document == {"user_id": "1", "credit_card": "****-****-****-9012"}
    [verdict] = redactor.redact([payload[:-2] + b"x" * (room + 1) + b'"}'])
    assert verdict == Rejected("too_large")


@pytest.mark.parametrize("careful", [False, True])
def test_regions_make_national_telephone_numbers_count(careful: bool) -> None:  # noqa: FBT001
    documents: list[Any] = [{"note": "07400 123456, please"}, {"order_no": "07400 123456"}]
    plain, british = (
        with_policy(f"{regions}detectors: {{phone: mask}}", careful=careful) for regions in ("", "regions: [FR, GB]\n")
    )
    number = {"a": "0121 2345678"}  # in no country's groups
    assert released(number, british) == number
    assert [released(document, british) for document in documents] == [{"note": "***** ******, please"}, documents[1]]
    assert released({"v": "07400123456"}, plain) == {"v": "07400123456"}
    assert released({"v": "07400123456"}, british) == {"v": "***********"}


@pytest.mark.parametrize("name", ["service.version", "appVersion", "os.version", "firmware", "device_fw"])
def test_a_name_beside_its_value_tells_a_version_from_an_address(name: str) -> None:
    for pair in ({"key": name, "value": {"stringValue": "4.12.0.1"}}, {"name": name, "value": "4.12.0.1"}):
        assert released({"attributes": [pair]}) == {"attributes": [pair]}
        assert released({"attributes": [{**pair, "peer": "4.12.0.1"}]})["attributes"][0]["peer"] != "4.12.0.1"
    other = {"key": "version.host", "value": {"stringValue": "4.12.0.1"}}
    assert released({"attributes": [other]}) != {"attributes": [other]}


def test_of_a_receipt_in_quoted_printable_only_what_says_something_is_hidden() -> None:
    text = (
        "Subject: Receipt\r\nMIME-Version: 1.0\r\n\r\nCard=3A 4111=\r\n 1111 1111 1111\r\nTotal=3A =E2=82=AC 49.90\r\n"
    )
    assert released({"raw": text})["raw"] == text.replace("Card=3A 4111=\r\n 1111 1111 1111", "****")
