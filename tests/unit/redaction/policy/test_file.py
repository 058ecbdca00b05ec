"""Policy files: what is wrong is named with file and line, and with what would be right; and what `extends` means."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from redaction.built_in import built_in
from redaction.engine import PolicyRedactor
from redaction.plugin import PolicyError, Released
from redaction.policy import Policy, load_policy
from redaction.policy.file import parse_policy, review_policy
from redaction.policy.model import LimitSettings

GOOD = """\
name: mine
version: "2"
fields:
  - id: secret
    action: drop
    names: [secret, PASS_word]
  - id: code
    action: mask
    paths: [order.code, "pay.*.pan"]
detectors:
  card: mask
exceptions:
  - {id: ours, detectors: [card], names: [ticket], reason: made-up numbers}
drop_records:
  - id: tests
    field: meta.kind
    equals: test
"""

Write = Callable[..., str]


def error_of(text: str) -> str:
    with pytest.raises(PolicyError) as error:
        parse_policy(text, "p.yaml")
    return str(error.value)


def edited(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write policies, by name; gives the path of the first."""

    def write(**texts: str) -> str:
        for name, text in texts.items():
            (tmp_path / f"{name}.yaml").write_text(f'name: {name}\nversion: "1"\n{text}')
        return str(tmp_path / f"{next(iter(texts))}.yaml")

    return write


def load_error(path: str) -> str:
    with pytest.raises(PolicyError) as error:
        load_policy(path)
    return str(error.value)


# --- Reading.


def test_a_policy_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(GOOD)
    policy = load_policy(str(path))
    assert policy == parse_policy(GOOD, "p.yaml")
    assert (policy.name, policy.limits.max_depth, policy.limits.max_bytes) == ("mine", 32, 10 * 1024 * 1024)


def test_json_is_yaml() -> None:
    assert parse_policy('{"name": "j", "version": "1", "detectors": {"card": "mask"}}', "p.json").detectors == {
        "card": "mask"
    }


@pytest.mark.parametrize("name", built_in())
def test_packaged_policies_load_and_compile(name: str) -> None:
    policy = load_policy(name)
    assert policy.name == name
    assert policy.detectors
    if not any("key" in str(spec) for spec in (*policy.detectors.values(), *(rule.action for rule in policy.fields))):
        PolicyRedactor(policy)


def test_there_is_a_default() -> None:
    assert "default" in built_in()
    assert not any("test" in name for name in built_in())


@pytest.mark.parametrize("text", ["", "- a", "7", "!!python/object:os.system {}", "a: &a [*a]", "{" * 5000, "a: \x00"])
def test_what_is_no_mapping_of_plain_values_is_refused(text: str) -> None:
    assert error_of(text).startswith("p.yaml")


def test_unreadable_files_are_a_policy_error(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"name: caf\xe9")
    (tmp_path / "large").write_bytes(b"#" * (4 * 2**20 + 1))
    for name in ("absent", "latin", "large", "."):
        assert str(tmp_path / name) in load_error(str(tmp_path / name))


def test_a_missing_file_is_told_with_the_names_that_need_none() -> None:
    assert "'default'" in load_error("defualt")


# --- Errors: file, line, and what would be right.


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        # keys and their values
        ("version:", "versoin:", 2, "did you mean 'version'"),
        ('version: "2"\n', "", 1, "version: is missing"),
        ('"2"', "2", 2, "put it in quotes"),
        ("    action: drop\n", "", 4, "is missing"),
        ("names: [secret", "nmaes: [secret", 6, "did you mean 'names'"),
        ("name: mine", "name: mine\nlimits: {max_dept: 3}", 2, "did you mean 'max_depth'"),
        ("name: mine", "name: mine\nlimits: {max_depth: 1000}", 2, "128"),
        ("name: mine", "name: mine\nunknown_fields: hide", 2, "'release', 'mask', 'drop' or 'quarantine'"),
        ("id: tests", "id: Tests!", 15, "lower case letters"),
        ("meta.kind", "meta..kind", 16, "joined by single dots"),
        ("equals: test", "equals: 1.5", 17, "a text, a whole number, true, false or null"),
        ("reason: made-up numbers", "reason: so", 13, "needs 8 or more characters"),
        ("detectors: [card]", "detectors: []", 13, "needs 1 or more entries"),
        ("name: mine", 'name: ""', 1, "needs 1 or more characters"),
        ("name: mine", "name:", 1, "is empty; give it a value"),
        ("name: mine", "name: [mine]", 1, "must be one text"),
        ("name: mine", f"name: {'x' * 65}", 1, "64 characters at most"),
        ("name: mine", "name: mine\n7: x", 2, "is a key that is no string"),
        ("name: mine", "name: mine\nextends: 5", 2, "must be the name or file of a policy, or a list of them"),
        ("name: mine", "name: mine\nlimits: 5", 2, "must be a mapping; its keys: max_depth, "),
        ("name: mine", "name: mine\nlimits: {max_depth: '3'}", 2, "must be a whole number, without quotes"),
        ("name: mine", "name: mine\nlimits: {max_depth: 0}", 2, "must be 1 or more"),
        ("[secret, PASS_word]", "secret", 6, "must be a list: [one, two]"),
        ("detectors: [card]", "detectors: card", 13, "must be a list: [one, two]"),
        ("  card: mask", "- card", 10, "must be a mapping: on each line a name"),
        # actions
        ("action: drop", "action: {drop: {}}", 4, "'drop' has no settings; write it without braces"),
        ("action: drop", "action: {keep: last4}", 5, "as in {mask: {keep: last4}}"),
        ("action: drop", "action: {mask: last4}", 5, "must be a mapping; its keys: keep"),
        ("action: drop", "action: {mask: {kep: last4}}", 5, "did you mean 'keep'"),
        ("action: drop", "action: {replace: {text: x}}", 5, "known: with"),
        ("action: drop", "action: {tokenise: {key: Customer}}", 5, "for example 'customer'"),
        ("action: drop", "action: {hash: {key: customer, key_id: A1}}", 5, "1 to 16 letters a to z"),
        ("action: drop", "action: {encrypt: {key: customer, type: A}}", 5, "for example 'email'"),
        ("action: drop", "action: masc", 5, "did you mean 'mask'"),
        ("action: drop", "action: tokenise", 5, "needs settings"),
        ("action: drop", "action: {mask: {keep: last5}}", 5, "'none', 'last4' or 'bin_last4'"),
        ("card: mask", "card: drop", 11, "is for fields"),
        # tags
        ("name: mine", "name: mine\ntags: {PII: masc}", 2, "tags.PII: must be one of"),
        ("name: mine", "name: mine\ntags: {PII: masc}", 2, "did you mean 'mask'"),
        ("name: mine", "name: mine\ntags: {PII: {mask: {kep: last4}}}", 2, "did you mean 'keep'"),
        ("name: mine", "name: mine\ntags: {PII: {drop: {}}}", 2, "'drop' has no settings"),
        ("name: mine", "name: mine\ntags: [PII]", 2, "must be a mapping: on each line a name"),
        ("name: mine", "name: mine\ntags: {PII: mask, 7: mask}", 2, "tags.7: must be a string; put it in quotes"),
        ("name: mine", "name: mine\ntags: {PII: mask, pii: drop}", 2, "'PII' and 'pii' are one in metrics, 'tag_pii'"),
        ("name: mine", "name: mine\ntags: {PII12345: mask}", 2, "four digits at most"),
        # detectors
        ("card: mask", "cart: mask", 11, "did you mean 'card'"),
        ("card: mask", "zebra: mask\n  card: mask", 11, "known: "),
        ("detectors: [card]", "detectors: [cart]", 13, "did you mean 'card'"),
        ("detectors: [card]", "detectors: [ssn]", 13, "'ssn' is not in force"),
        ("action: drop", "action: drop\n    type: cart", 4, "did you mean 'card'"),
        # names and paths
        ("[secret, PASS_word]", "[]", 4, "selects nothing"),
        ("[secret, PASS_word]", '["-_-"]', 6, "'-_-' has no letter or digit"),
        ("[secret, PASS_word]", "[a.b]", 6, "put it under 'paths'"),
        ("[secret, PASS_word]", '["*"]', 6, "unknown_fields"),
        ("[secret, PASS_word]", f"[{'x' * 65}]", 6, "64 are allowed"),
        ("order.code", "$.order.code", 9, "leave out the '$'"),
        ("order.code", "'order[*].code'", 9, "write 'order.code'"),
        ("order.code", "'**.*'", 9, "would select every field"),
        ("order.code", "order.**.**.a", 9, "one '**' is enough"),
        ("order.code", "order..code", 9, "no letter or digit"),
        ("order.code", ".".join("a" * 33), 9, "32 are allowed"),
        ("order.code", "a" * 513, 9, "512 are allowed"),
        # rules that meet
        ("action: mask", "action: mask\n    names: [passWord]", 7, "name 'passWord' stands in rule 'secret' too"),
        ("id: tests", "id: card", 1, "used twice"),
        ("id: tests", "id: secret", 1, "used twice"),
        ("id: tests", "id: unknown_fields", 1, "used twice"),
        ("order.code", "order.secret.code", 7, "can never match: rule 'secret'"),
        # YAML
        ("name: mine", "name: mine\nname: yours", 2, "stands twice"),
        ("  card: mask", "  card: mask\n  card: release", 12, "stands twice"),
        ("action: drop", "action: drop\n    action: mask", 6, "stands twice"),
        ("name: mine", "name: [", 3, "is not YAML"),
    ],
)
def test_errors_name_the_line_and_what_would_be_right(old: str, new: str, line: int, words: str) -> None:
    message = error_of(edited(old, new))
    assert any(part.startswith(f"p.yaml:{line}:") and words in part for part in message.splitlines()), message


@pytest.mark.parametrize(
    "value", ["", "abc", "5", "1.5", "true", "[]", "[1]", "[[a]]", "{}", "{a: b}", "{1: 2}", "2024-01-01"]
)
@pytest.mark.parametrize(
    "place",
    [
        "{}",
        "name: {}",
        "extends: {}",
        "limits: {}",
        "limits: {{max_bytes: {}}}",
        "unknown_fields: {}",
        "fields: {}",
        "fields: [{}]",
        "fields: [{{id: a, action: mask, names: {}}}]",
        "fields: [{{id: {}, action: mask, names: [x]}}]",
        "fields: [{{id: a, action: {}, names: [x]}}]",
        "detectors: {}",
        "tags: {}",
        "tags: {{PII: {}}}",
        "tags: {{PII: {{tokenise: {{key: {}}}}}}}",
        "detectors: {{card: {{mask: {{keep: {}}}}}}}",
        "detectors: {{card: {{replace: {{with: {}}}}}}}",
        "detectors: {{card: {{generalise: {{to: bucket, width: {}}}}}}}",
        "detectors: {{card: {{tokenise: {{key: {}}}}}}}",
        "exceptions: [{{id: a, names: [x], reason: because, detectors: {}}}]",
        "drop_records: [{{id: a, field: {}, equals: 1}}]",
        "drop_records: [{{id: a, field: x, equals: {}}}]",
    ],
)
def test_every_value_of_a_wrong_kind_is_told_in_our_own_words(place: str, value: str) -> None:
    try:
        parse_policy(place.format(value), "p.yaml")
    except PolicyError as error:
        lines = str(error).splitlines()
        assert len(set(lines)) == len(lines)
        for line in lines:
            assert re.match(r"p\.yaml:1: ", line), line
            assert not re.search("Input|should|valid (dict|list|str|int|bool)|instance|[Ss]tring |List ", line), line


def test_all_errors_are_told_at_once() -> None:
    message = error_of(edited("card: mask", "cart: mask\n  emial: mask"))
    assert "did you mean 'card'" in message
    assert "did you mean 'email'" in message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("names: [a]", "names: [A]"),
        ("names: ['card*']", "names: ['*number']"),
        ("names: ['a*b*c']", "names: ['*bc']"),
        ("paths: [a.b]", "paths: [A.b_]"),
        ("paths: ['a.*']", "paths: ['*.b']"),
        ("paths: ['**.b']", "paths: ['a.*.b']"),
        ("paths: ['a.**.z']", "paths: ['**.y.z']"),
        ("paths: ['a.x*']", "paths: ['a.*x']"),
    ],
)
def test_rules_that_can_meet_at_a_field_are_refused(one: str, other: str) -> None:
    rules = f"fields:\n  - {{id: first, action: mask, {one}}}\n  - {{id: second, action: drop, {other}}}\n"
    message = error_of(f'name: t\nversion: "1"\n{rules}')
    assert message.startswith("p.yaml:5: fields: second: ")
    assert "'first'" in message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("names: [a]", "names: ['a*']"),
        ("names: ['a*']", "names: ['b*']"),
        ("names: [a]", "paths: [b.a]"),
        ("paths: [a.b]", "paths: ['a.*']"),
        ("paths: ['a.*']", "paths: ['*.b.c']"),
        ("paths: ['a.x*']", "paths: ['a.y*']"),
        ("paths: [a]", "paths: [b.a]"),
    ],
)
def test_rules_that_cannot_meet_or_of_which_one_is_more_special_are_allowed(one: str, other: str) -> None:
    rules = f"fields:\n  - {{id: first, action: mask, {one}}}\n  - {{id: second, action: drop, {other}}}\n"
    parse_policy(f'name: t\nversion: "1"\n{rules}', "p.yaml")


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("action: drop, names: [a]", "action: mask, paths: [x.a.b]"),
        ("action: drop, paths: [x.a]", "action: drop, paths: [x.a.b]"),
        ("action: mask, paths: ['x.*']", "action: release, paths: [x.a.b]"),
        ("action: drop, names: ['a*']", "action: mask, paths: [x.ab.b]"),
    ],
)
def test_a_path_below_a_field_that_is_dealt_with_as_a_whole_can_never_match(outer: str, inner: str) -> None:
    text = f'name: t\nversion: "1"\nfields:\n  - {{id: outer, {outer}}}\n  - {{id: inner, {inner}}}\n'
    assert "p.yaml:5: fields: inner:" in error_of(text)
    assert "can never match: rule 'outer'" in error_of(text)


def test_a_path_deeper_than_any_record_can_never_match() -> None:
    text = 'name: t\nversion: "1"\nlimits: {max_depth: 2}\nfields: [{id: a, action: drop, paths: [a.b.c]}]\n'
    assert "can never match: limits.max_depth is 2" in error_of(text)


def test_stricter_rules_below_a_masked_field_are_allowed() -> None:
    parse_policy(
        'name: t\nversion: "1"\nfields:\n  - {id: outer, action: mask, paths: [a]}\n'
        "  - {id: inner, action: drop, paths: [a.b]}\n",
        "p.yaml",
    )


def test_names_too_many_for_one_pattern_are_told_so() -> None:
    names = ", ".join(f"{'abcdefghijklmnop' * 3}{number}" for number in range(6_000))
    policy = parse_policy(f'name: t\nversion: "1"\nfields: [{{id: a, action: drop, names: [{names}]}}]\n', "p.yaml")
    with pytest.raises(PolicyError, match="too large for one pattern; name fewer fields"):
        PolicyRedactor(policy)


# --- Warnings: what may be said, and lets out more than may be meant.

HIDING = """\
fields:
  - {id: secret, action: drop, names: [cvv, pin, otp, pwd]}
  - {id: code, action: mask, names: ["*code*"]}
detectors: {card: mask}
"""


def warnings_of(path: str) -> list[str]:
    policy, warnings = review_policy(path)
    assert policy == load_policy(path)
    return warnings


@pytest.mark.parametrize("name", built_in())
def test_the_packaged_policies_have_no_warnings(name: str) -> None:
    assert warnings_of(name) == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("payment.*", ["'cvv', 'pin', 'otp' and 1 more of rule 'secret' (drop); '*code*' of rule 'code' (mask)"]),
        ("payment.**", ["of rule 'secret'", "of rule 'code'"]),
        ("**.cvv", ["hide, since a path counts before a name: 'cvv' of rule 'secret' (drop); write out"]),
        ("*.pin", ["'pin' of rule 'secret'"]),
        ("meta.p*", ["'pin', 'pwd' of rule 'secret' (drop); '*code*'", "as 'meta.pin'"]),
        ("order.*.country_code", ["'*code*' of rule 'code'"]),
    ],
)
def test_a_path_with_wildcards_that_releases_what_names_hide_is_warned_of(
    write: Write, path: str, words: list[str]
) -> None:
    rule = f"  - {{id: shown, action: release, paths: ['{path}']}}\n"
    source = write(child=HIDING.replace("detectors:", f"{rule}detectors:"))
    (warning,) = warnings_of(source)
    assert warning.startswith(f"{source}:6: warning: fields: shown: path '{path}' releases what rules by name hide")
    assert all(word in warning for word in words), warning


@pytest.mark.parametrize(
    "rule",
    [
        "action: release, paths: [payment.cvv]",
        "action: release, paths: ['payment.*.amount']",
        "action: release, names: [country_code]",
        "action: mask, paths: ['payment.*']",
    ],
)
def test_what_overrides_no_name_or_says_so_is_not_warned_of(write: Write, rule: str) -> None:
    text = HIDING.replace("detectors:", f"  - {{id: shown, {rule}}}\ndetectors:")
    assert warnings_of(write(child=text)) == []


def test_a_name_that_is_hidden_at_the_path_too_is_not_warned_of(write: Write) -> None:
    text = """\
fields:
  - {id: secret, action: drop, names: [cvv], paths: [payment.cvv]}
  - {id: shown, action: release, paths: ["payment.*"]}
detectors: {card: mask}
"""
    source = write(child=text)
    assert warnings_of(source) == []
    [verdict] = PolicyRedactor(load_policy(source)).redact([b'{"payment":{"cvv":"1","x":2}}'])
    assert isinstance(verdict, Released)
    assert verdict.document == {"payment": {"x": 2}}


def test_a_release_that_is_inherited_is_warned_of_where_it_is_extended(write: Write) -> None:
    base = "fields: [{id: shown, action: release, paths: ['payment.*']}]\n"
    source = write(child=f"extends: base.yaml\n{HIDING}", base=base)
    (warning,) = warnings_of(source)
    assert warning.startswith(f"{source}:3: warning: fields: shown: ")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("fields: [{id: a, action: drop, names: [x]}]", 1, "only named fields are redacted; free text is released"),
        (
            "fields: [{id: a, action: drop, names: [x]}]\ndetectors: {card: release}",
            4,
            "only named fields are redacted; free text is released unread",
        ),
        (
            "unknown_fields: mask\nfields: [{id: a, action: release, names: [x]}]",
            1,
            "the fields that rules release are released unread",
        ),
        ("detectors: {card: mask}", 1, "no field is redacted, whatever its name"),
        ("fields: []\ndetectors: {card: mask}", 3, "or say unknown_fields: mask"),
        (
            "fields: [{id: a, action: release, names: [x]}]\ndetectors: {card: mask}",
            3,
            "no field is redacted, whatever its name",
        ),
    ],
)
def test_a_policy_that_lets_much_out_is_warned_of(write: Write, text: str, line: int, words: str) -> None:
    source = write(child=text)
    (warning,) = warnings_of(source)
    assert warning.startswith(f"{source}:{line}: warning: ")
    assert words in warning


def test_a_policy_that_hides_every_field_needs_no_detector(write: Write) -> None:
    assert warnings_of(write(child="unknown_fields: mask\n")) == []


# --- Extending.


def rules(policy: Policy) -> dict[str, tuple[str, list[str], list[str]]]:
    return {rule.id: (str(rule.action), rule.names, rule.paths) for rule in policy.fields}


BASE = """\
fields:
  - {id: secret, action: drop, names: [secret, pass]}
  - {id: code, action: mask, names: [code], paths: [a.b], type: card}
detectors: {card: mask, email: mask}
limits: {max_depth: 9, max_bytes: 1000}
exceptions: [{id: ours, detectors: [card], names: [ticket], reason: made-up numbers}]
drop_records: [{id: tests, field: kind, equals: test}]
unknown_fields: mask
tags: {PII: mask, EMAIL: drop}
"""


def test_tags_are_merged_one_by_one_in_the_order_of_the_extended_policy(write: Write) -> None:
    child = load_policy(write(child="extends: base.yaml\ntags: {NEW: mask, EMAIL: release}\n", base=BASE))
    assert list(child.tags.items()) == [("PII", "mask"), ("EMAIL", "release"), ("NEW", "mask")]


def test_what_is_not_said_is_inherited(write: Write) -> None:
    child = load_policy(write(child="extends: base.yaml\n", base=BASE))
    base = load_policy(write(base=BASE))
    inherited = set(Policy.model_fields) - {"name", "extends"}
    assert child.model_dump(include=inherited) == base.model_dump(include=inherited)
    assert (child.name, child.version) == ("child", "1")


def test_a_rule_of_the_same_id_replaces_theirs_and_adds_to_its_names(write: Write) -> None:
    child = load_policy(
        write(
            child="extends: base.yaml\nfields: [{id: code, action: drop}, {id: secret, action: mask, names: [pass]}]\n",
            base=BASE,
        )
    )
    assert rules(child) == {"secret": ("mask", ["secret", "pass"], []), "code": ("drop", ["code"], ["a.b"])}
    assert next(rule for rule in child.fields if rule.id == "code").type == "card"


def test_the_childs_names_win_whatever_their_spelling(write: Write) -> None:
    child = load_policy(
        write(
            child="extends: base.yaml\nfields: [{id: mine, action: release, names: [S_E_C_R_E_T, Code]}]\n", base=BASE
        )
    )
    assert rules(child) == {
        "secret": ("drop", ["pass"], []),
        "code": ("mask", [], ["a.b"]),
        "mine": ("release", ["S_E_C_R_E_T", "Code"], []),
    }


def test_a_rule_of_which_no_name_is_left_is_gone(write: Write) -> None:
    child = load_policy(
        write(child="extends: base.yaml\nfields: [{id: mine, action: release, names: [secret, pass]}]\n", base=BASE)
    )
    assert "secret" not in rules(child)


def test_limits_are_merged_one_by_one(write: Write) -> None:
    child = load_policy(write(child="extends: base.yaml\nlimits: {max_bytes: 77}\n", base=BASE))
    assert (child.limits.max_depth, child.limits.max_bytes, child.limits.max_values) == (
        9,
        77,
        LimitSettings().max_values,
    )


def test_a_detector_is_switched_off_by_release(write: Write) -> None:
    child = load_policy(write(child="extends: base.yaml\ndetectors: {email: release}\n", base=BASE))
    [verdict] = PolicyRedactor(child).redact([b'{"id":"a@example.com"}'])
    assert "example.com" not in repr(verdict), "unknown fields are masked"
    child = load_policy(
        write(child="extends: base.yaml\nunknown_fields: release\ndetectors: {email: release}\n", base=BASE)
    )
    [verdict] = PolicyRedactor(child).redact([b'{"id":"a@example.com"}'])
    assert "a@example.com" in repr(verdict)


def test_drop_records_and_exceptions_of_the_same_id_are_replaced(write: Write) -> None:
    text = (
        "extends: base.yaml\ndrop_records: [{id: tests, field: kind, equals: probe}]\n"
        "exceptions: [{id: ours, detectors: [email], reason: other numbers}]\n"
    )
    child = load_policy(write(child=text, base=BASE))
    assert [(rule.id, rule.equals) for rule in child.drop_records] == [("tests", "probe")]
    assert [(rule.detectors, rule.names) for rule in child.exceptions] == [(["email"], ["ticket"])]


def test_grandparents_are_inherited_too(write: Write) -> None:
    child = load_policy(write(child="extends: middle.yaml\n", middle="extends: base.yaml\n", base=BASE))
    assert "secret" in rules(child)
    assert child.unknown_fields == "mask"


def test_the_default_is_extended_by_its_name(write: Write) -> None:
    child = load_policy(write(child="extends: default\ndetectors: {ip: release}\n"))
    assert child.detectors["ip"] == "release"
    assert len(child.fields) == len(load_policy("default").fields)


def test_a_file_called_default_may_extend_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "default.yaml").write_text('name: ours\nversion: "1"\nextends: default\n')
    monkeypatch.chdir(tmp_path)
    assert load_policy("default.yaml").detectors == load_policy("default").detectors


def test_files_are_sought_beside_the_one_that_names_them(tmp_path: Path) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    (folder / "base.yaml").write_text(f'name: base\nversion: "1"\n{BASE}')
    (folder / "child.yaml").write_text('name: child\nversion: "1"\nextends: base.yaml\n')
    (tmp_path / "top.yaml").write_text('name: top\nversion: "1"\nextends: sub/child.yaml\n')
    assert "secret" in rules(load_policy(str(tmp_path / "top.yaml")))


@pytest.mark.parametrize("order", ["[loose.yaml, strict.yaml]", "[strict.yaml, loose.yaml]"])
def test_of_several_the_one_that_says_something_counts(write: Write, order: str) -> None:
    """What only one of them says must not be lost to the defaults of the other: it may be what keeps values in."""
    child = load_policy(
        write(
            child=f"extends: {order}\n",
            loose="detectors: {card: mask}\n",
            strict="unknown_fields: drop\nlimits: {max_depth: 3}\ndetectors: {email: mask}\n",
        )
    )
    assert set(child.detectors) == {"card", "email"}
    assert child.unknown_fields == "drop"
    assert child.limits.max_depth == 3


def test_of_several_the_later_one_counts_in_all_that_both_say(write: Write) -> None:
    text = (
        "unknown_fields: {}\nlimits: {{max_depth: {}}}\ndetectors: {{card: {}}}\n"
        "fields: [{{id: f, action: {}, names: [f]}}]\n"
    )
    child = load_policy(
        write(
            child="extends: [one.yaml, two.yaml]\n",
            one=text.format("mask", 5, "release", "mask"),
            two=text.format("drop", 6, "mask", "drop"),
        )
    )
    assert (child.unknown_fields, child.limits.max_depth, child.detectors["card"]) == ("drop", 6, "mask")
    assert rules(child)["f"][0] == "drop"


@pytest.mark.parametrize(
    ("texts", "line", "words"),
    [
        ({"child": "fields:\n  - {id: mine, action: mask, paths: [A.b]}\n"}, 5, "rule 'code'"),
        ({"child": "fields: [{id: mine, action: mask, paths: [secret.x]}]\n"}, 4, "can never match: rule 'secret'"),
        ({"child": "fields: [{id: new, action: mask}]\n"}, 4, "selects nothing"),
        ({"child": "detectors: {card: release}\n"}, 3, "'card' is not in force"),
        ({"child": "fields: [{id: email, action: drop, names: [x]}]\n"}, 4, "used twice"),
        ({"child": "fields: [{id: tag_pii, action: drop, names: [x]}]\n"}, 4, "used twice"),
        ({"child": "tags: {E-mail: mask, pii: mask}\n"}, 4, "tag 'PII', here or in what is extended"),
        (
            {"child": "exceptions: [{id: secret, detectors: [card], names: [x], reason: made-up numbers}]\n"},
            3,
            "used twice",
        ),
    ],
)
def test_what_makes_no_sense_together_is_told_at_the_child(
    write: Write, texts: dict[str, str], line: int, words: str
) -> None:
    path = write(child=f"extends: base.yaml\n{texts['child']}", base=BASE)
    message = load_error(path)
    assert any(part.startswith(f"{path}:{line}:") and words in part for part in message.splitlines()), message


def test_errors_in_the_parent_are_told_there(write: Write) -> None:
    path = write(child="extends: base.yaml\n", base="detectors: {cart: mask}\n")
    assert re.match(r".*base\.yaml:3: .*did you mean 'card'", load_error(path))


@pytest.mark.parametrize(
    "texts",
    [
        {"a": "extends: a.yaml\n"},
        {"a": "extends: b.yaml\n", "b": "extends: [default, a.yaml]\n"},
        {"a": "extends: ./a.yaml\n"},
        {"a": "extends: sub/../a.yaml\n"},
    ],
)
def test_circles_are_told_as_such(write: Write, tmp_path: Path, texts: dict[str, str]) -> None:
    (tmp_path / "sub").mkdir()
    message = load_error(write(**texts))
    assert "circle" in message
    assert len(message) < 1000


def test_a_missing_parent_is_told_with_what_there_is(write: Write, tmp_path: Path) -> None:
    message = load_error(write(child="extends: absent.yaml\n"))
    assert str(tmp_path / "absent.yaml") in message
    assert "'default'" in message
