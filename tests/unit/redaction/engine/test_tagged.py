"""Fields that bear a tag in their schema: what becomes of them, what counts before, and the redactors of schemas."""

# ruff: noqa: E501 - a case is a line, however long

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from redaction.engine import Coverage, PolicyRedactor, by_schema, field_tree
from redaction.keys import Key, KnownKeys
from redaction.plugin import Redactor, Rejected, Released, Tag, TagAware
from redaction.policy.file import parse_policy
from redaction.testing import CANARY, CHECKS

KEYS = KnownKeys({"test": [Key("a", b"\x01" * 32)]}, "test keys")
TAGS = "tags: {PII: mask, GONE: drop, NEVER: quarantine, PUBLIC: release, YEAR: {generalise: {to: year}}}\n"


def with_policy(text: str = "") -> PolicyRedactor:
    return PolicyRedactor(parse_policy(f'name: t\nversion: "1"\n{TAGS}{text}', "t.yaml"), KEYS)


def tags(**paths: str) -> list[Tag]:
    """Give tags by their paths, in which `_` stands for the dots."""
    return [(tuple(path.split("_")), tag) for path, tag in paths.items()]


def derived(redactor: PolicyRedactor, schema: list[Tag]) -> PolicyRedactor:
    found = redactor.tagged(schema)
    assert isinstance(found, PolicyRedactor)
    return found


def verdict_of(document: Any, schema: list[Tag], redactor: PolicyRedactor) -> Any:
    payload = json.dumps(document).encode()
    of_schema = derived(redactor, schema)
    first, *again = [of_schema.redact([payload])[0] for _ in range(3)]
    assert again == [first, first]
    for alike in (
        PolicyRedactor(redactor.policy, KEYS, native=False),
        PolicyRedactor(redactor.policy, KEYS, careful=True),
    ):
        assert derived(alike, schema).redact([payload]) == [first]
    return first


def released(document: Any, schema: list[Tag], text: str = "") -> Any:
    verdict = verdict_of(document, schema, with_policy(text))
    assert isinstance(verdict, Released), verdict
    return json.loads(verdict.body)


# --- What is treated.


@pytest.mark.parametrize(
    ("schema", "document", "expected"),
    [
        (tags(a="PII"), {"a": "x", "b": "x"}, {"a": "****", "b": "x"}),
        (tags(a="GONE"), {"a": "x", "b": "x"}, {"b": "x"}),
        (tags(a_b="PII"), {"a": {"b": 1, "c": 1}, "b": 1}, {"a": {"b": "****", "c": 1}, "b": 1}),
        (tags(a_b="PII"), {"a": [{"b": 1}, [{"b": 2}], 3]}, {"a": [{"b": "****"}, [{"b": "****"}], 3]}),
        (tags(a="PII"), {"a": [1, None, {"b": {"c": "x"}}]}, {"a": ["****", None, {"b": {"c": "****"}}]}),
        (tags(a="PII"), {"a": {"PUBLIC": True}}, {"a": {"PUBLIC": "****"}}),
        (tags(a="YEAR"), {"a": "1980-02-29"}, {"a": "1980"}),
        ([(("m", "*"), "PII")], {"m": {"k": 1, "l": [2]}, "n": 3}, {"m": {"k": "****", "l": ["****"]}, "n": 3}),
        ([(("m", "*", "x"), "PII")], {"m": {"k": {"x": 1, "y": 2}}}, {"m": {"k": {"x": "****", "y": 2}}}),
        ([(("**", "x"), "PII")], {"x": 1, "a": {"b": [{"x": 2}]}}, {"x": "****", "a": {"b": [{"x": "****"}]}}),
        ([(("n", "**", "x"), "PII")], {"x": 1, "n": {"x": 2, "n": {"x": 3}}}, {"x": 1, "n": {"x": "****", "n": {"x": "****"}}}),
        ([(("n", "**", "**", "x"), "PII")], {"n": {"x": 2, "o": {"x": 3}}}, {"n": {"x": "****", "o": {"x": "****"}}}),
        ([(("a", "**"), "PII")], {"a": "x", "b": {"a": "x"}}, {"a": "****", "b": {"a": "x"}}),
        ([((), "PII")], {"a": "x", "b": {"c": 1}}, {"a": "****", "b": {"c": "****"}}),
        ([((), "GONE")], {"a": "x", "b": {"c": 1}}, {}),
        ([(("**",), "PII")], {"a": "x", "b": {"c": 1}}, {"a": "****", "b": {"c": "****"}}),
        # Names are a schema's, whatever is in them.
        ([(("a.b",), "PII")], {"a.b": 1, "a": {"b": 2}}, {"a.b": "****", "a": {"b": 2}}),
        ([(("user-Name",), "PII")], {"user_name": 1, "USERNAME": 2, "user": 3}, {"user_name": "****", "USERNAME": "****", "user": 3}),
        ([(("_",), "PII")], {"_": 1, "a": 2}, {"_": "****", "a": 2}),
        ([(("a*b",), "PII")], {"a*b": 1, "axb": 2}, {"a*b": "****", "axb": 2}),
        ([(("x" * 300,), "PII")], {"x" * 300: 1, "x" * 299: 2}, {"x" * 300: "****", "x" * 299: "****"}),
        ([(("\u00dcber\u00adweisung",), "PII")], {"\u00fcberweisung": 1}, {"\u00fcberweisung": "****"}),
        # What is not there, or is another thing than the schema says.
        (tags(a_b="PII", c="GONE"), {"a": 1}, {"a": 1}),
        (tags(a_b="PII"), {"a": None, "c": {"a": {"b": 1}}}, {"a": None, "c": {"a": {"b": 1}}}),
    ],
)  # fmt: skip
def test_a_field_with_a_tag_is_treated_wherever_it_stands(schema: list[Tag], document: Any, expected: Any) -> None:
    assert released(document, schema) == expected


def test_the_rule_and_the_action_are_named() -> None:
    verdict = verdict_of({"a": 1, "b": 2}, tags(a="PII", b="GONE"), with_policy())
    assert verdict.applied == (("tag_pii", "mask"), ("tag_gone", "drop"))
    assert verdict_of({"a": {"b": 1}}, tags(a_b="NEVER"), with_policy()) == Rejected("field_forbidden", "tag_never")
    assert verdict_of({"a": {"c": 1}}, tags(a_b="NEVER"), with_policy()) == Released(
        {"a": {"c": 1}}, b'{"a":{"c":1}}', ()
    )


def test_a_tag_under_a_key_makes_the_tokens_of_its_type() -> None:
    text = (
        "tags: {MAIL: {tokenise: {key: test, type: email}}, REF: {tokenise: {key: test}}}\n"
        "detectors: {email: {tokenise: {key: test}}}"
    )
    policy = parse_policy(f'name: t\nversion: "1"\n{text}', "t.yaml")
    redactor = PolicyRedactor(policy, KEYS)
    document = {"a": "Jane@Example.com", "b": "x", "c": "of jane@example.com"}
    body = verdict_of(document, tags(a="MAIL", b="REF"), redactor).document
    assert body["c"] == f"of {body['a']}"
    assert body["a"].startswith("tok_email_a_")
    assert body["b"].startswith("tok_tag_ref_a_")


# --- What counts before what.


@pytest.mark.parametrize(
    ("text", "schema", "document", "expected"),
    [
        # A rule for fields that hides counts before a tag: by path, by name, by words, by hints.
        ("fields: [{id: r, action: drop, names: [a]}]", tags(a="PII"), {"a": 1}, {}),
        ("fields: [{id: r, action: {replace: {with: r}}, paths: [a.b]}]", tags(a_b="GONE"), {"a": {"b": 1}}, {"a": {"b": "r"}}),
        ("fields: [{id: r, action: drop, words: [ssn]}]", tags(mySsn="PII"), {"mySsn": "1"}, {}),
        ("fields: [{id: r, action: drop, words: [ssn]}]", tags(ssn="PII"), {"ssn": ["1", ["2"], {"x": 3}]}, {"ssn": [[], {}]}),
        ("fields: [{id: r, action: {replace: {with: r}}, words: [ref]}]", tags(ref="PII"), {"ref": ["1", True]}, {"ref": ["r", "****"]}),
        ("fields: [{id: r, action: drop, type: email, hints: [to]}]", tags(to="PII"), {"to": "a@b.example"}, {}),
        # Where hints do not count, the tag does; and what words hide within a text is not enough.
        ("fields: [{id: r, action: drop, type: email, hints: [to]}]", tags(to="PII"), {"to": "somebody"}, {"to": "****"}),
        ("fields: [{id: r, action: mask, type: email, words: [to]}]", tags(to="GONE"), {"to": {"x": "somebody"}}, {}),
        # No release weakens a tag, and no exception.
        ("fields: [{id: r, action: release, paths: [a]}]", tags(a="PII"), {"a": 1}, {"a": "****"}),
        ("fields: [{id: r, action: release, names: [b], words: [c]}]", tags(a_b="PII", c="PII"), {"a": {"b": 1}, "c": 1}, {"a": {"b": "****"}, "c": "****"}),
        ("detectors: {email: mask}\nexceptions: [{id: r, detectors: [email], names: [a], reason: of our own}]", tags(a="PII"), {"a": "a@b.example"}, {"a": "****"}),
        # A tag that is released is released as by a rule: searched, not what is below, and against no rule that hides.
        ("detectors: {email: {replace: {with: r}}}", tags(a="PUBLIC"), {"a": "a@b.example"}, {"a": "r"}),
        ("fields: [{id: r, action: mask, names: [a]}]", tags(a="PUBLIC"), {"a": "x"}, {"a": "****"}),
        ("fields: [{id: r, action: mask, words: [a]}]", tags(a="PUBLIC"), {"a": "x"}, {"a": "****"}),
        ("unknown_fields: mask", tags(a_b="PUBLIC", c="PUBLIC"), {"a": {"b": 1, "x": 2}, "c": {"d": 3}, "e": 4}, {"a": {"b": 1, "x": "****"}, "c": {"d": "****"}, "e": "****"}),
        ("unknown_fields: mask", [(("_",), "PUBLIC"), (("x" * 300,), "PUBLIC")], {"_": 1, "$": 2, "x" * 300: 3}, {"_": "****", "$": "****", "x" * 300: "****"}),
        ("unknown_fields: mask", [(("**", "x"), "PUBLIC")], {"x": 1, "a": {"x": 2}}, {"x": 1, "a": {"x": "****"}}),
        ("unknown_fields: drop", tags(a="PII", b="YEAR"), {"a": 1, "b": "1980-01-01", "c": 1}, {"a": "****", "b": "1980"}),
        # Of two tags the one that hides, and of those the first of the policy.
        ("", [*tags(a="PUBLIC"), *tags(a="PII")], {"a": 1}, {"a": "****"}),
        ("", [*tags(a="GONE"), *tags(a="PII")], {"a": 1}, {"a": "****"}),
        ("", [(("**", "a"), "PII"), (("b", "a"), "GONE")], {"b": {"a": 1}}, {"b": {"a": "****"}}),
        # Below a field with a tag what is dropped is dropped, as below one with a rule.
        ("fields: [{id: r, action: drop, names: [cvv]}]", tags(a="PII"), {"a": {"cvv": 1, "b": 2}}, {"a": {"b": "****"}}),
        ("", tags(a="PII", a_b="GONE"), {"a": {"b": 1, "c": 2}}, {"a": {"c": "****"}}),
        ("fields: [{id: r, action: mask, names: [a]}]", tags(a_b="GONE"), {"a": {"b": 1, "c": 2}}, {"a": {"c": "****"}}),
    ],
)  # fmt: skip
def test_a_tag_hides_more_and_never_less(text: str, schema: list[Tag], document: Any, expected: Any) -> None:
    assert released(document, schema, text) == expected


def test_a_cookie_with_a_tag_is_hidden_as_a_whole() -> None:
    text = "fields: [{id: r, action: {replace: {with: r}}, type: credential, hints: [cookie]}]"
    document = {"cookie": "sid=6f1ed002ab5595859014ebf0951522d9; theme=dark"}
    assert "theme" in json.dumps(released(document, tags(other="PII"), text))
    assert "theme" not in json.dumps(released(document, tags(cookie="PII"), text))


def test_a_record_without_a_schema_is_treated_as_ever() -> None:
    redactor = with_policy()
    assert redactor.tagged([]) is redactor
    derived(redactor, tags(a="PII"))
    assert redactor.redact([b'{"a":1}']) == [Released({"a": 1}, b'{"a":1}', ())]


# --- The redactors of schemas.


def test_a_tag_that_no_rule_names_is_unknown() -> None:
    redactor = with_policy()
    assert redactor.tagged(tags(a="PII", b="OTHER")) == Rejected("tag_unknown")
    assert redactor.tagged(tags(a="pii")) == Rejected("tag_unknown")
    plain = PolicyRedactor(parse_policy('name: t\nversion: "1"', "t.yaml"))
    assert plain.tagged(tags(a="PII")) == Rejected("tag_unknown")
    assert plain.tagged([]) is plain


def test_the_redactor_of_a_schema_is_the_policys() -> None:
    redactor = with_policy()
    of_schema = derived(redactor, tags(a="PII"))
    assert isinstance(redactor, TagAware)
    assert (of_schema.name, of_schema.version, of_schema.digest) == (redactor.name, redactor.version, redactor.digest)
    assert of_schema.is_native == redactor.is_native
    assert of_schema.tagged([]) is redactor
    assert of_schema.tagged(tags(b="PII")) is redactor.tagged(tags(b="PII"))


def test_a_schema_is_compiled_once() -> None:
    redactor = with_policy()
    schema = tags(a="PII", b="GONE")
    first = redactor.tagged(schema)
    assert redactor.tagged(list(reversed(schema)) + schema) is first
    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(lambda _: redactor.tagged(tags(c="PII")), range(16)))
    assert len(found) == 1


def test_so_many_schemas_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_schema, "MOST", 3)
    redactor = with_policy()
    schemas = [tags(**{f"a{number}": "PII"}) for number in range(4)]
    found = [redactor.tagged(schema) for schema in schemas[:3]]
    assert redactor.tagged(schemas[0]) is found[0]
    redactor.tagged(schemas[3])  # the second was used longest ago
    assert redactor.tagged(schemas[2]) is found[2]
    assert redactor.tagged(schemas[0]) is found[0]
    assert redactor.tagged(schemas[1]) is not found[1]


def counts(redactor: PolicyRedactor) -> dict[tuple[str, ...], tuple[int, int]]:
    sums: dict[tuple[str, ...], tuple[int, int]] = {}
    for path, seen, redacted, _ in redactor.coverage():
        before = sums.get(path, (0, 0))
        sums[path] = before[0] + seen, before[1] + redacted
    return sums


def test_what_redactors_of_schemas_count_is_the_policys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_schema, "MOST", 1)
    redactor = with_policy()
    redactor.redact([b'{"a":1,"b":1}'])
    for _ in range(2):  # neither is kept when the other comes
        for name in ("a", "b"):
            derived(redactor, tags(**{name: "PII"})).redact([b'{"a":1,"b":1}'])
    assert counts(redactor) == {("a",): (5, 2), ("b",): (5, 2)}


def test_a_field_with_a_tag_is_a_known_one() -> None:
    of_schema = derived(with_policy("unknown_fields: mask"), tags(a="PUBLIC", b="PII"))
    of_schema.redact([b'{"a":1,"b":1,"c":1}'])
    assert sorted(of_schema.coverage()) == [
        Coverage(("a",), 1, 0, known=True),
        Coverage(("b",), 1, 1, known=True),
        Coverage(("c",), 1, 1, known=False),
    ]


def test_names_that_a_tag_takes_out_are_not_told_of_but_those_of_the_schema() -> None:
    of_schema = derived(with_policy(), [(("by", "*"), "GONE"), (("b",), "GONE"), (("c",), "PII")])
    of_schema.redact([b'{"by":{"jane":1,"joe":2},"b":1,"c":{"d":1}}'])
    paths = sorted(entry.path for entry in of_schema.coverage())
    assert paths == [("b",), ("by", "?"), ("by", "?"), ("c", "d")]


def test_the_rule_for_a_path_is_that_of_its_tag() -> None:
    rule = derived(with_policy(), tags(a_b="GONE")).rule_for(("a", "b"))
    assert rule
    assert (rule.id, rule.action) == ("tag_gone", "drop")


def test_what_a_schema_makes_one_remember_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_tree, "_MEMORY", 60)
    of_schema = derived(with_policy(), [(("m", "*"), "PII")])
    for number in range(100):
        [verdict] = of_schema.redact([json.dumps({"m": {f"k{number}x": 1}}).encode()])
        assert isinstance(verdict, Released)
        assert b"****" in verdict.body
    assert len(list(of_schema.coverage())) <= 10


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_redactor_of_a_schema_conforms(check: Any) -> None:
    policy = parse_policy(f'name: t\nversion: "1"\nextends: default\n{TAGS}', "t.yaml")
    redactor: Redactor = derived(PolicyRedactor(policy), tags(merchant="PII", x_y="NEVER"))
    check(redactor, CANARY)
