"""The laws of redaction, over generated policies and documents.

Nothing sensitive survives; the fast way and the careful one agree, whatever the batch and whatever came before; twice
is once; what is not sensitive stays as it is; nothing is ever raised.
"""

import base64
import binascii
import html
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from hypothesis import example, given
from hypothesis import strategies as st

from redaction.engine import PolicyRedactor
from redaction.keys import Key, KnownKeys
from redaction.plugin import Rejected, Released, Tag, Verdict
from redaction.policy import Policy, load_policy
from redaction.policy.checks import problems
from tests.kits.examples import examples
from tests.kits.needs import needs_native

KEYS = KnownKeys({"test": [Key("b", bytes(range(32))), Key("a", b"\x07" * 32)]}, "test keys")


# --- Canaries: values that must not be seen again, each unique.


def luhn(digits: str) -> str:
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(digits)))
    return digits + str(-total % 10)


def card(number: int) -> str:
    return luhn(f"4{number * 7919 % 10**14:014d}")


def ssn(number: int) -> str:
    return f"{100 + number % 500:03d}-{1 + number % 99:02d}-{1 + number * 7 % 9999:04d}"


def iban(number: int) -> str:
    account = f"37040044{number * 104729 % 10**10:010d}"
    check = 98 - int(account + "131400") % 97
    return f"DE{check:02d}{account}"


def email(number: int) -> str:
    return f"jane.q{number}@mail{number}.example.com"


def phone(number: int) -> str:
    return f"+1 202 555 {100 + number % 9900:04d}"


def spaced(text: str) -> str:
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


class Canary(NamedTuple):
    kind: str
    text: str

    @property
    def needle(self) -> str:
        return bare(self.text)


KINDS = {"card": card, "ssn": ssn, "iban": iban, "email": email, "phone": phone}


@st.composite
def canaries(draw: st.DrawFn) -> Canary:
    kind = draw(st.sampled_from(sorted(KINDS)))
    text = KINDS[kind](draw(st.integers(0, 10**6)))
    if kind in {"card", "iban"} and draw(st.booleans()):
        text = spaced(text)
    if kind == "card" and draw(st.booleans()):
        text = text.replace(" ", draw(st.sampled_from(["-", "\u00a0", "\u2011"])))
    if kind in {"card", "ssn"} and draw(st.integers(0, 5)) == 0:
        text = "".join(chr(0xFF10 + int(char)) if char.isdigit() else char for char in text)
    return Canary(kind, text)


def bare(text: str) -> str:
    """Leave out what may separate; digits of any script are the ASCII ones."""
    folded = "".join(str(int(char)) if char.isdecimal() else char for char in text)
    return re.sub(r"[\s\u200b\u2011()+.\-]", "", folded).lower()


def readings(text: str, depth: int = 3) -> Iterator[str]:
    """Read a text in every way in which somebody could."""
    yield text
    if depth:
        said = {unquote(text), html.unescape(text), text.replace('\\"', '"'), text.replace("\\\\", "\\")}
        said.add(re.sub(r"\\+u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text, flags=re.IGNORECASE))
        for run in re.findall(r"[A-Za-z0-9+/_-]{12,}", text):
            for skip in range(4):
                part = run[skip:].translate(str.maketrans("-_", "+/"))
                part = part[: len(part) - len(part) % 4]
                said.add(binascii.a2b_base64(part).decode("latin-1"))
        for each in said - {text}:
            yield from readings(each, depth - 1)


def seen(canary: Canary, text: str) -> bool:
    return any(canary.needle in bare(each) for each in readings(text))


def test_the_judge_sees_a_canary_in_any_dress() -> None:
    for kind, make in KINDS.items():
        canary = Canary(kind, make(12345))
        for dress in DRESSES:
            assert seen(canary, json.dumps(dress(canary.text))), (kind, dress)
    assert not seen(Canary("card", card(1)), json.dumps({"a": "************" + card(1)[-4:]}))


# --- What a canary may wear: any JSON value.


def in_base64(text: str) -> str:
    return base64.b64encode(f"to {text} today".encode()).decode()


def in_unicode_escapes(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" if char.isdigit() or char == "@" else char for char in text)


def in_entities(text: str) -> str:
    return "".join(f"&#{ord(char)};" if char.isdigit() or char == "@" else char for char in text)


DRESSES: list[Any] = [
    lambda text: text,
    lambda text: f"paid with {text}, thanks",
    lambda text: f"line\n{text}\tend",
    lambda text: {text: 1},
    lambda text: {"by": {f"of {text}": [True]}},
    lambda text: {"x" * 70 + f" {text}": "y"},
    lambda text: [1, [text], {"z": text}],
    lambda text: json.dumps({"inner": text, "n": 1}),
    lambda text: json.dumps({"inner": json.dumps([{"deep": f"is {text}"}])}),
    lambda text: json.dumps({text: {"k": 2}}),
    lambda text: f"log: {json.dumps({'inner': text})} end",
    lambda text: f"https://example.net/pay?ref={quote(text)}&x=1",
    lambda text: quote(f"see {text} there", safe=""),
    in_base64,
    lambda text: in_base64("\u00e9 " + text),
    lambda text: in_base64("of " + text).rstrip("="),
    lambda text: {in_base64(text): 1},
    in_unicode_escapes,
    in_entities,
]

NUMBER_DRESSES: list[Any] = [int, lambda text: [float(text)], lambda text: {"n": int(text)}]


@st.composite
def dressed(draw: st.DrawFn, canary: Canary) -> Any:
    if canary.kind == "card" and canary.text.isascii() and canary.text.isdigit() and draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(NUMBER_DRESSES))(canary.text)
    return draw(st.sampled_from(DRESSES))(canary.text)


# --- Documents.

NAMES = ["a", "b", "note", "pay", "payCard", "Secret", "items", "person", "street-name", "Stra\u00dfe", "x" * 70]
plain = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        7,
        -1,
        149.99,
        1710498600000,
        "ok",
        "",
        "café",
        "2024-03-15T10:30:00Z",
        "a b",
        "[]",
        "{}",
        12345678901234567890123,
        1e-07,
        "=",
        "?a=b&c",
        "12.50 EUR",
        "{'a': 1}",
        "not ☃ much",
        "0b9f7a52-4111-4111-8111-111111111111",
    ]
)
plain_values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


class Planted(NamedTuple):
    payload: bytes
    canaries: list[Canary]


def put(draw: st.DrawFn, document: dict[str, Any], value: Any) -> None:
    """Place a value somewhere in a document."""
    here = document
    for _ in range(draw(st.integers(0, 2))):
        below = here.setdefault(draw(st.sampled_from(NAMES)), {})
        if not isinstance(below, dict):
            break
        here = below
    if isinstance(value, dict) and draw(st.booleans()):
        here.update(value)
    else:
        here[draw(st.sampled_from(NAMES))] = value


@st.composite
def planted(draw: st.DrawFn) -> Planted:
    document = draw(st.dictionaries(st.sampled_from(NAMES), plain_values, max_size=4))
    found = draw(st.lists(canaries(), max_size=3))
    for canary in found:
        put(draw, document, draw(dressed(canary)))
    return Planted(json.dumps(document, ensure_ascii=draw(st.booleans())).encode(), found)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text(
    '0123456789 -.+@=":\\u{}[]&#;%abx\u200b', max_size=30
)
pieces = st.sampled_from(
    [
        "4111 1111 1111 1111",
        "219-09-9999",
        "GB82 WEST 1234 5698 7654 32",
        "jane@example.com",
        "+1 202 555 0143",
        "203.0.113.7",
        "secret=abc",
        "secret: ",
        '"secret": "x"',
        '{"secret":1}',
        "payCard=4242",
        "&#52;",
        "%34",
        "\\u0034",
        "MTIzIDQ1IDY3ODkw",
        "tel. ",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "Bearer abc123def456",
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "****",
    ]
)
mixed = st.lists(texts | pieces, max_size=5).map("".join)
odd_values = st.recursive(
    plain | mixed | st.integers() | st.integers(10**11, 10**19) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(mixed | st.sampled_from(NAMES), inner, max_size=3)
        | st.dictionaries(mixed | st.sampled_from(NAMES), inner, max_size=2).map(json.dumps)
    ),
    max_leaves=8,
)
odd_documents = st.dictionaries(mixed | st.sampled_from(NAMES), odd_values, max_size=4).map(
    lambda document: json.dumps(document).encode()
)
payloads = odd_documents | planted().map(lambda each: each.payload) | st.binary(max_size=40)


# --- Policies.

_ACTIONS: list[Any] = [
    "mask",
    "mask",
    {"mask": {"keep": "last4"}},
    {"mask": {"keep": "bin_last4"}},
    {"replace": {"with": "[gone]"}},
    {"tokenise": {"key": "test"}},
    {"hash": {"key": "test", "key_id": "a"}},
    {"encrypt": {"key": "test", "type": "any"}},
]
_FIELD_ACTIONS: list[Any] = [
    *_ACTIONS,
    "drop",
    "release",
    "quarantine",
    {"generalise": {"to": "year"}},
    {"generalise": {"to": "bucket", "width": 50}},
]
_SELECTORS = [
    {"names": ["secret"]},
    {"names": ["pay*"]},
    {"paths": ["a.note"]},
    {"paths": ["user.**.b"]},
    {"names": ["note", "Stra\u00dfe"]},
]


@cache
def policy(seed: int) -> Policy:
    """One of many policies; every kind of canary is searched for."""
    if seed == 0:
        return load_policy("default")
    chance = Random(seed)  # noqa: S311 - reproducible, not secret
    fields = [
        {"id": f"r{number}", "action": chance.choice(_FIELD_ACTIONS), "type": chance.choice([None, "card"]), **selector}
        for number, selector in enumerate(_SELECTORS)
        if chance.random() < 0.5
    ]
    kinds = [*KINDS, *(each for each in ("itin", "ip", "jwt", "credential") if chance.random() < 0.5)]
    chance.shuffle(kinds)
    built = Policy.model_validate(
        {
            "name": f"p{seed}",
            "version": "1",
            "unknown_fields": chance.choice(["release"] * 5 + ["mask", "drop", "quarantine"]),
            "fields": fields,
            "detectors": {kind: chance.choice(_ACTIONS) for kind in kinds},
        }
    )
    assert not list(problems(built, {*kinds, "itin", "ip", "jwt", "credential"}))
    return built


seeds = st.integers(0, 60)


def fresh(seed: int, *, careful: bool = False, native: bool = True) -> PolicyRedactor:
    return PolicyRedactor(policy(seed), KEYS, careful=careful, native=native)


@cache
def kept(seed: int) -> PolicyRedactor:
    """One that has seen all the documents before."""
    return fresh(seed)


# --- The laws.


def shown(redactor: PolicyRedactor, payload: bytes) -> list[str]:
    """All that comes out of the engine for a record."""
    verdict, steps = redactor.explain(payload)
    channels = [repr(verdict), repr(steps)]
    if isinstance(verdict, Released):
        channels += [verdict.body.decode(), json.dumps(verdict.document, default=str, ensure_ascii=False)]
    return channels


@examples(1500)
@given(st.lists(planted(), min_size=1, max_size=3), seeds)
def test_no_canary_survives(many: list[Planted], seed: int) -> None:
    redactor = fresh(seed)
    verdicts = redactor.redact([each.payload for each in many])
    for each, verdict in zip(many, verdicts, strict=True):
        for canary in each.canaries:
            assert not seen(canary, repr(verdict)), canary
            if isinstance(verdict, Released):
                assert not seen(canary, verdict.body.decode()), canary
    for canary in [canary for each in many for canary in each.canaries]:
        assert not any(seen(canary, repr(coverage)) for coverage in redactor.coverage()), canary


@examples(300)
@given(planted(), seeds)
def test_no_canary_is_explained(each: Planted, seed: int) -> None:
    for text in shown(fresh(seed), each.payload):
        for canary in each.canaries:
            assert not seen(canary, text), canary


KEY_BEGINS = b'{"a":"-----BEGIN PRIVATE KEY----- is how one begins"}'
KEY_ENDS = b'{"to":"jane@example.com","z":"-----END PRIVATE KEY-----"}'


@examples(500)
@given(st.lists(payloads, max_size=5), seeds, st.integers(0, 5))
@example([KEY_BEGINS, b'{"n":"4111 1111 1111 1111"}', KEY_ENDS], 0, 1)
@example([b'{"n":4.91761E15}'], 0, 0)
@example([json.dumps({"x" * 70: {"4111111111111111": [1]}}).encode()], 0, 0)
def test_the_fast_way_agrees_with_the_careful_one(batch: list[bytes], seed: int, cut: int) -> None:
    expected = [fresh(seed, careful=True).redact([payload])[0] for payload in batch]
    assert fresh(seed).redact(batch) == expected
    assert fresh(seed, careful=True).redact(batch) == expected
    assert kept(seed).redact(batch) == expected
    # One that expects to find something in every record, and one that does not.
    expecting = fresh(seed)
    expecting.redact([b'{"n":"4111 1111 1111 1111"}'])
    assert expecting.redact(batch) == expected
    redactor = fresh(seed)
    assert [*redactor.redact(batch[cut:]), *redactor.redact(batch[:cut])] == expected[cut:] + expected[:cut]


@examples(300)
@given(st.lists(payloads, max_size=5), seeds)
@example([b'{"a":1,"a":2}', b'{"a":1}'], 0)
@example([b'{"n":1e5,"m":-0,"f":0.00001,"g":1.10,"h":12345678901234567890}'], 0)
@example([b'{"email":["a@b.example",null,true,7],"ssn":["123-45-6789","pass"],"pin":[1234,"12"]}'], 0)
@example([b'{"a":{"name":"phone","value":"2025550147"},"b":{"name":"colour","value":"red"},"c":[["cvv","123"]]}'], 0)
@example([b'{"name":"app version","value":"4.1.1.1"}', b'{"name":"address","value":"4.1.1.1"}'], 0)
@example([b'{"a":[{"key":"card.cvv","value":{"intValue":"123"}},{"key":"b","value":{"stringValue":"red"}}]}'], 0)
@example([b'{"a":[{"key":"ssn","value":{"x":[{"stringValue":"123-45-6789"},{"y":null}]}},{"key":"c","value":1}]}'], 0)
@example([b'{"key":"password","value":{"list":[{"key":"email","value":"a@b.example"}],"pin":"1234"}}'], 0)
@example([b'{"id":"phone","content":"2025550147","email":"a@b.example","value":"x","data":7,"type":"cvv"}'], 0)
@example([b'{"value":"123-45-6789","name":"ssn"}', b'{"value":"123-45-6789","name":"colour"}'], 0)
def test_the_compiled_part_does_what_python_does(batch: list[bytes], seed: int) -> None:
    needs_native()
    native, python = fresh(seed), fresh(seed, native=False)
    # The first time the fields are new, and all is Python's.
    for _ in range(3):
        assert native.redact(batch) == python.redact(batch)
    for payload in batch:
        assert native.explain(payload) == python.explain(payload)
    assert sorted(native.coverage()) == sorted(python.coverage())


def as_decimals(value: Any) -> Any:
    """Write each number as a decimal, and each object as pairs, in their order."""
    if isinstance(value, dict):
        return [(key, as_decimals(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [as_decimals(item) for item in value]
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return ("number", Decimal(repr(value)) if isinstance(value, float) else Decimal(value))
    return value


def read(body: bytes) -> Any:
    return as_decimals(json.loads(body, parse_float=Decimal))


def check_idempotent(redactor: PolicyRedactor, verdict: Verdict) -> None:
    # The key `secret=1` becomes `secret=****`, which is another name for `secret`.
    if isinstance(verdict, Released) and not re.search(rb"[=:\\\"' ]\*\*\*\*[^\"]*\":", verdict.body):
        [again] = redactor.redact([verdict.body])
        assert isinstance(again, Released), again
        assert read(again.body) == read(verdict.body)


@examples(500)
@given(payloads, seeds)
def test_twice_is_once(payload: bytes, seed: int) -> None:
    redactor = fresh(seed)
    [verdict] = redactor.redact([payload])
    if not (isinstance(verdict, Released) and policy(seed).unknown_fields == "quarantine"):
        check_idempotent(redactor, verdict)


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**6), max_value=10**6), max_size=3))
@example([Decimal("0.000001")])
def test_the_body_is_the_same_bytes_the_second_time(numbers: list[Decimal]) -> None:
    payload = f'{{"n":[{",".join(str(number) for number in numbers)}]}}'.encode()
    [first] = kept(0).redact([payload])
    assert isinstance(first, Released)
    [second] = kept(0).redact([first.body])
    assert second == first


@examples(300)
@given(st.dictionaries(st.sampled_from(NAMES), plain_values, max_size=5), st.sampled_from([",", ", ", " ,\n"]))
def test_what_is_not_sensitive_stays_as_it_is(document: dict[str, Any], separator: str) -> None:
    payload = json.dumps(document, separators=(separator, ": ")).encode()
    [verdict] = kept(0).redact([payload.replace(b"Secret", b"Public").replace(b"payCard", b"payment")])
    assert isinstance(verdict, Released)
    assert verdict.applied == ()
    assert read(verdict.body) == read(payload.replace(b"Secret", b"Public").replace(b"payCard", b"payment"))


@examples(300)
@given(st.lists(payloads | st.binary(max_size=100), max_size=4), seeds)
@example([b'{"q":"?a=%ude00&b=%41"}', b'{"r":"x \\\\ud800 y=%41"}'], 0)
def test_nothing_is_raised_and_the_body_is_the_document(batch: list[bytes], seed: int) -> None:
    verdicts = kept(seed).redact(batch)
    assert len(verdicts) == len(batch)
    for verdict in verdicts:
        if isinstance(verdict, Released):
            assert read(verdict.body) == as_decimals(verdict.document)
            assert b"\n" not in verdict.body
        elif isinstance(verdict, Rejected):
            assert re.fullmatch("[a-z0-9_]+", verdict.code)


# --- Tags of schemas.

_TAG_ACTIONS: Any = {
    "PII": "mask",
    "CARD": {"mask": {"keep": "last4"}},
    "GONE": "drop",
    "NEVER": "quarantine",
    "TOKEN": {"tokenise": {"key": "test", "key_id": "a"}},
    "YEAR": {"generalise": {"to": "year"}},
    "PUBLIC": "release",
}
SHORT_NAMES = [name for name in NAMES if len(name) <= 64]
tagged_paths = st.lists(st.sampled_from([*SHORT_NAMES, "*", "**"]), min_size=1, max_size=4).map(tuple)


def is_path(path: tuple[str, ...]) -> bool:
    """Whether a policy may have it as one of its own."""
    return not set(path) <= {"*", "**"} and ("**", "**") not in pairwise(path)


def schemas(tags: Any) -> st.SearchStrategy[list[Tag]]:
    return st.lists(st.tuples(tagged_paths, tags), min_size=1, max_size=4)


@cache
def tagging(seed: int, *, careful: bool = False, native: bool = True) -> PolicyRedactor:
    tags = Policy.model_validate({"name": "tags", "version": "1", "tags": _TAG_ACTIONS}).tags
    return PolicyRedactor(policy(seed).model_copy(update={"tags": tags}), KEYS, careful=careful, native=native)


def of_schema(redactor: PolicyRedactor, schema: list[Tag]) -> PolicyRedactor:
    found = redactor.tagged(schema)
    assert isinstance(found, PolicyRedactor)
    return found


@st.composite
def bearing(draw: st.DrawFn, path: tuple[str, ...], value: Any) -> Any:
    """A value at a tagged path: below each name an object, or a list of them; for wildcards names."""
    names = [
        name
        for segment in path
        for name in (
            draw(st.lists(st.sampled_from(NAMES), max_size=2))
            if segment == "**"
            else [draw(st.sampled_from(NAMES))]
            if segment == "*"
            else [segment]
        )
    ]
    for name in reversed(names or [draw(st.sampled_from(NAMES))]):
        beside = draw(st.dictionaries(st.sampled_from(NAMES), plain, max_size=2))
        value = {**beside, name: draw(st.sampled_from([value, [value], [[value], 7]]))}
    return value


@examples(500)
@given(st.data(), tagged_paths, st.sampled_from([tag for tag in _TAG_ACTIONS if tag != "PUBLIC"]), seeds)
def test_what_bears_a_tag_is_not_shown(data: st.DataObject, path: tuple[str, ...], tag: str, seed: int) -> None:
    document = data.draw(bearing(path, "ouoia aeoi"))
    others = data.draw(schemas(st.sampled_from(["PUBLIC", "PII"])))
    redactor = of_schema(tagging(seed), [*others, (path, tag)])
    for _ in range(2):
        [verdict] = redactor.redact([json.dumps(document).encode()])
        assert "ouoia" not in repr(verdict)
        if isinstance(verdict, Released):
            assert b"ouoia" not in verdict.body


@examples(300)
@given(st.lists(payloads, min_size=1, max_size=4), seeds, schemas(st.sampled_from([*_TAG_ACTIONS])))
def test_documents_with_tags_are_redacted_alike_in_each_way(batch: list[bytes], seed: int, schema: list[Tag]) -> None:
    careful = of_schema(tagging(seed, careful=True), schema).redact(batch)
    assert of_schema(tagging(seed, native=False), schema).redact(batch) == careful
    redactor = of_schema(tagging(seed), schema)
    assert redactor.redact(batch) == careful
    assert redactor.redact(batch) == careful


@examples(300)
@given(st.lists(planted(), min_size=1, max_size=2), seeds, schemas(st.sampled_from([*_TAG_ACTIONS])))
def test_no_canary_survives_whatever_the_tags(many: list[Planted], seed: int, schema: list[Tag]) -> None:
    redactor = of_schema(tagging(seed), schema)
    verdicts = redactor.redact([each.payload for each in many])
    for each, verdict in zip(many, verdicts, strict=True):
        for canary in each.canaries:
            assert not seen(canary, repr(verdict)), canary
            assert not isinstance(verdict, Released) or not seen(canary, verdict.body.decode()), canary


@examples(300)
@given(
    st.lists(payloads, min_size=1, max_size=4),
    st.lists(tagged_paths.filter(is_path), min_size=1, max_size=3),
    st.sampled_from([*_TAG_ACTIONS]),
    st.sampled_from(["release", "mask", "drop", "quarantine"]),
)
def test_a_tag_does_what_a_rule_with_these_paths_does(
    batch: list[bytes], paths: list[tuple[str, ...]], tag: str, unknown: str
) -> None:
    action = _TAG_ACTIONS[tag]
    said = {"name": "p", "version": "1", "unknown_fields": unknown, "detectors": dict.fromkeys(KINDS, "mask")}
    rule = {"id": f"tag_{tag.lower()}", "action": action, "paths": [".".join(path) for path in paths]}
    by_rule = PolicyRedactor(Policy.model_validate(said | {"fields": [rule]}), KEYS)
    by_tag = of_schema(
        PolicyRedactor(Policy.model_validate(said | {"tags": {tag: action}}), KEYS), [(path, tag) for path in paths]
    )
    assert by_tag.redact(batch) == by_rule.redact(batch)
    assert [by_tag.explain(payload) for payload in batch] == [by_rule.explain(payload) for payload in batch]
    assert sorted(by_tag.coverage()) == sorted(by_rule.coverage())
