"""What a policy can say, and its digest."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from redaction.built_in import built_in
from redaction.policy import FieldRule, Policy, load_policy
from redaction.policy.file import parse_policy, schema

GOOD = """\
name: mine
version: "2"
fields:
  - id: secret
    action: drop
    names: [secret, PASS_word]
    paths: [a.*.b, "**.c"]
  - id: code
    action: {mask: {keep: last4}}
    names: [code]
detectors:
  card: mask
  email: {replace: {with: "[email]"}}
exceptions:
  - {id: ours, detectors: [card, email], names: [order], reason: made-up numbers}
drop_records:
  - {id: tests, field: meta.kind, equals: test}
  - {id: probes, field: probe, equals: true}
"""


def digest(text: str) -> str:
    return parse_policy(text, "p.yaml").digest()


def replaced(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def test_the_digest_is_16_hexadecimal_digits() -> None:
    assert len(digest(GOOD)) == 16
    assert int(digest(GOOD), 16) >= 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(
            "[secret, PASS_word]", "[password, SECRET, Secret]", id="names: order, case, separators, repetition"
        ),
        pytest.param('[a.*.b, "**.c"]', '["**.c", a.*.b, a.*.b]', id="paths: order and repetition"),
        pytest.param('[a.*.b, "**.c"]', '["**.C", A.*.b_]', id="paths: case and separators"),
        pytest.param("[card, email]", "[email, card]", id="order of an exception's detectors"),
        pytest.param("  card: mask\n", "  card: {mask: {keep: none}}\n", id="a default written out"),
        pytest.param("  card: mask\n", "  card: mask\n  phone: release\n", id="a detector that is not searched for"),
        pytest.param("fields:\n", "limits: {max_depth: 32}\nunknown_fields: release\nfields:\n", id="defaults"),
        pytest.param("name: mine\n", "# a comment\nname: 'mine'\n", id="spelling of YAML"),
    ],
)
def test_the_digest_does_not_depend_on_spelling_and_order(old: str, new: str) -> None:
    assert digest(replaced(old, new)) == digest(GOOD)


def test_the_digest_does_not_depend_on_the_order_of_rules_and_sections() -> None:
    content = load_policy_text(GOOD)
    rules = list(reversed(content["fields"]))
    detectors = dict(reversed(content["detectors"].items()))
    shuffled = dict(reversed({**content, "fields": rules, "detectors": detectors}.items()))
    assert digest(json.dumps(shuffled)) == digest(GOOD)


def load_policy_text(text: str) -> dict[str, Any]:
    return parse_policy(text, "p.yaml").model_dump(mode="json", exclude={"extends"})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: mine", "name: yours"),
        ('"2"', '"3"'),
        ("action: drop", "action: mask"),
        ("{keep: last4}", "{keep: bin_last4}"),
        ("[secret, PASS_word]", "[secret, pass]"),
        ("[secret, PASS_word]", '[secret, "PASS_word*"]'),
        ("a.*.b", "a.b"),
        ("a.*.b", "a.**.b"),
        ("id: code", "id: pin"),
        ("card: mask", "ssn: mask\n  card: mask"),
        ('"[email]"', '"[e-mail]"'),
        ("names: [order]", "names: [order, receipt]"),
        ("equals: test", "equals: probe"),
        ("equals: true", "equals: 'true'"),
        ("equals: true", "equals: 1"),
        ("fields:\n", "unknown_fields: mask\nfields:\n"),
        ("fields:\n", "limits: {max_bytes: 1000}\nfields:\n"),
    ],
)
def test_the_digest_depends_on_what_is_meant(old: str, new: str) -> None:
    assert digest(replaced(old, new)) != digest(GOOD)


@pytest.mark.parametrize("name", built_in())
def test_packaged_policies_survive_being_written_and_read(name: str) -> None:
    policy = load_policy(name)
    again = parse_policy(json.dumps(policy.model_dump(mode="json")), "again.yaml")
    assert again == policy
    assert again.digest() == policy.digest()
    assert policy.name == name


def test_every_form_survives_being_written_and_read() -> None:
    policy = parse_policy(GOOD, "p.yaml")
    assert parse_policy(json.dumps(policy.model_dump(mode="json")), "p.yaml") == policy


def test_the_schema_describes_every_key() -> None:
    described = schema()
    assert described["additionalProperties"] is False
    assert set(described["properties"]) == set(Policy.model_fields)  # type: ignore[call-overload]
    assert described["required"] == ["name", "version"]
    json.dumps(described)


@pytest.mark.parametrize("rule_id", ["", "A", "a-b", "1a", "a12345", "a b", "x" * 65, "é"])
def test_ids_of_rules_are_fit_for_labels(rule_id: str) -> None:
    with pytest.raises(ValidationError):
        FieldRule(id=rule_id, action="drop", names=["a"])


def test_policies_are_values() -> None:
    policy = parse_policy(GOOD, "p.yaml")
    with pytest.raises(ValidationError):
        policy.name = "other"  # type: ignore[misc]
    assert policy == parse_policy(GOOD, "elsewhere.yaml")


TAGGED = GOOD + "tags: {PII: mask, EMAIL: {tokenise: {key: customer, type: email}}, Public: release}\n"


def test_the_digest_of_a_policy_without_tags_is_what_it_was_before_there_were_any() -> None:
    assert digest(GOOD) == digest(GOOD + "tags: {}\n") == "f911d9df975b5de1"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("PII: mask, ", ""),
        ("PII: mask", "PII: drop"),
        ("PII: mask", "pii: mask"),
        ("Public: release", "Private: mask"),
        ("type: email", "type: mail"),
        ("PII: mask, ", "AAA: mask, PII: mask, "),
    ],
)
def test_tags_count_in_the_digest(old: str, new: str) -> None:
    assert TAGGED.count(old) == 1
    assert len({digest(TAGGED), digest(TAGGED.replace(old, new)), digest(GOOD)}) == 3
    assert digest(TAGGED.replace("PII: mask", "PII: {mask: {keep: none}}")) == digest(TAGGED)


def test_the_order_of_tags_counts_in_the_digest() -> None:
    assert digest(GOOD + "tags: {A: mask, B: drop}\n") != digest(GOOD + "tags: {B: drop, A: mask}\n")


def test_tags_survive_being_written_and_read() -> None:
    policy = parse_policy(TAGGED, "p.yaml")
    again = parse_policy(json.dumps(policy.model_dump(mode="json")), "p.yaml")
    assert again == policy
    assert list(again.tags) == ["PII", "EMAIL", "Public"]


@pytest.mark.parametrize(
    ("tag", "rule_id"),
    [
        ("PII", "tag_pii"),
        ("PersonalData", "tag_personal_data"),
        ("pii.email-address", "tag_pii_email_address"),
        ("GDPR Art. 9", "tag_gdpr_art_9"),
        ("9", "tag_9"),
        ("P\u00e9rsonnel", "tag_personnel"),
    ],
)
def test_the_id_of_a_tag_is_made_of_its_name(tag: str, rule_id: str) -> None:
    policy = Policy.model_validate({"name": "p", "version": "1", "tags": {tag: "mask"}})
    assert policy.tag_rules() == {tag: FieldRule(id=rule_id, action="mask")}


@pytest.mark.parametrize("tag", ["", "-", "\u500b\u4eba", "P12345", "x" * 61, "x" * 300])
def test_a_tag_of_which_no_id_can_be_made_is_refused(tag: str) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate({"name": "p", "version": "1", "tags": {tag: "mask"}})


def test_the_type_of_a_tag_under_a_key_is_that_of_its_detector() -> None:
    rules = parse_policy(TAGGED.replace("PII: mask", "PII: {hash: {key: a, type: person}}"), "p.yaml").tag_rules()
    assert [rule.type for rule in rules.values()] == [None, "email", None]


def test_regions_are_countries_and_count_in_the_digest() -> None:
    plain = Policy(name="p", version="1", detectors={"phone": "mask"})
    with_regions = Policy(name="p", version="1", detectors={"phone": "mask"}, regions=["GB", "DE"])
    assert plain.digest() != with_regions.digest()
    assert with_regions.digest() == with_regions.model_copy(update={"regions": ["DE", "GB"]}).digest()
    with pytest.raises(ValidationError, match="no country"):
        Policy(name="p", version="1", regions=["XX"])
