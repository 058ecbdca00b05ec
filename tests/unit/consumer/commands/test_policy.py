"""`sanitizer policy`: what it prints where, its exit status, and that no sample's values are shown."""

import base64
import json
from pathlib import Path

import pytest

from redaction.policy import Policy
from tests.kits.cli import Run

MINE = """\
name: mine
version: "7"
extends: default
drop_records: [{id: tests, field: kind, equals: test}]
fields:
  - {id: card_field, action: {mask: {keep: bin_last4}}}
  - {id: phone_field, action: release}
  - {id: amount, action: mask, names: [Total_Amount], paths: [order.*.sum]}
detectors: {phone: release}
exceptions: [{id: order_ids, detectors: [card], names: [order_id], reason: They look like cards}]
"""
TOKENS = """\
name: tokens
version: "1"
fields: [{id: named, action: {tokenise: {key: customer}}, names: [customer]}]
"""
SAMPLES = (
    b'{"card": "4111 1111 1111 1111", "order_id": "4242 4242 4242 4242", "order": {"a": {"sum": 17.25}}}\n'
    b'{"phone": "+1 202 555 0143", "order_id": "5555 5555 5555 4444", "ssn": "078-05-1120"}\n'
    b'{"kind": "test"}\n'
    b'["378282246310005"]\n'
)
VALUES = ("4111", "4242", "5555", "17.25", "555 0143", "078-05", "3782")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    return path


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.yaml"
    path.write_text(TOKENS)
    return path


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.yaml"
    path.write_text(json.dumps({"customer": [{"id": "a", "secret": base64.b64encode(bytes(range(32))).decode()}]}))
    return path


def test_a_sound_policy_is_ok(run: Run, mine: Path) -> None:
    ran = run("policy", "check", "default", mine)
    assert (ran.status, ran.err) == (0, "")
    first, second = ran.out.splitlines()
    assert first.startswith("default: ok: default, version ")
    assert second.startswith(f"{mine}: ok: mine, version 7, digest ")
    assert second.endswith("10 detectors, 1 exceptions, 1 rules for whole records")
    told = json.loads(run("policy", "check", "--json", mine).out)
    assert told[0] == {
        "file": str(mine),
        "ok": True,
        "name": "mine",
        "version": "7",
        "digest": told[0]["digest"],
        "warnings": [],
    }


def test_what_a_policy_lets_out_is_a_warning(run: Run, mine: Path) -> None:
    mine.write_text(
        MINE.replace("paths: [order.*.sum]", "paths: [order.*.sum]}\n  - {id: all, action: release, paths: [pay.*]")
    )
    ran = run("policy", "check", mine)
    assert ran.status == 0
    assert ran.out.startswith(f"{mine}: ok: ")
    (warning,) = ran.err.splitlines()
    assert warning.startswith(f"{mine}:9: warning: fields: all: path 'pay.*' releases what rules by name hide")
    assert "'track', 'cvv', 'cvc' and " in warning
    assert "of rule 'card_security_field' (drop)" in warning
    ran = run("policy", "check", "--json", mine)
    assert json.loads(ran.out)[0]["warnings"] == [warning]
    assert ran.status == 0


def test_every_bad_policy_is_named_with_file_and_line(run: Run, mine: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(MINE.replace("detectors: {phone", "detectors: {phoen"))
    ran = run("policy", "check", bad, tmp_path / "none.yaml", mine)
    assert ran.status == 2
    first, second = ran.err.splitlines()
    assert first.startswith(f"{bad}:9: detectors: phoen: ")
    assert second.startswith(f"{tmp_path / 'none.yaml'}: can't be read")
    assert ran.out.count("ok") == 1
    told = json.loads(run("policy", "check", "--json", bad).out)
    assert (told[0]["ok"], len(told[0]["problems"])) == (False, 1)


def test_keys_are_checked_too(run: Run, tokens: Path, keys: Path) -> None:
    ran = run("policy", "check", tokens)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"{tokens}: rule 'named': tokenise: needs the key 'customer'")
    assert run("policy", "check", tokens, "--keys", keys).status == 0
    keys.write_text(keys.read_text().replace("customer", "costumer"))
    ran = run("policy", "check", tokens, "--keys", keys)
    assert ran.status == 2
    assert "did you mean 'costumer'" in ran.err
    assert run("policy", "check", "default", "--keys", "arn:aws:kms:eu-central-1:1:key/1").status == 2


def test_the_settings_name_the_keys(run: Run, tokens: Path, keys: Path, tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text(f"redaction: {{keys: {keys}}}")
    assert run("policy", "check", tokens, "--config", config).status == 0


def test_the_rules_are_shown_in_the_order_in_which_they_count(run: Run, mine: Path) -> None:
    ran = run("policy", "show", mine)
    assert (ran.status, ran.err) == (0, "")
    shown = [
        "mine, version 7, digest",
        "limits: max_depth 32",
        "no rule speaks of: release",
        'tests: where kind is "test"',
        "paths with wildcards",
        "order.*.sum",
        "names, at any depth",
        "Total_Amount",
        "names that end in these words",
        "ssn_field: drop",
        "card_field: mask keep=bin_last4, type card",
        "likewise, where the value looks like the type",
        "previous page token",
        "jwt: mask",
        "card: mask keep=last4",
        "not searched for: phone",
        "order_ids: not card, because: They look like cards",
        "order_id",
    ]
    places = [ran.out.index(text) for text in shown]
    assert places == sorted(places)
    told = json.loads(run("policy", "show", "--json", mine).out)
    assert told["fields"][0] == {
        "precedence": "paths with wildcards",
        "rule": "amount",
        "action": "mask",
        "type": None,
        "selectors": ["order.*.sum"],
    }
    assert "phone" in told["not_searched_for"]


def test_what_a_name_would_become_is_told_with_the_word_that_decides(run: Run, mine: Path) -> None:
    names = ("creditCardCvv", "card", "next_page_token", "pinterest", "total amount")
    options = [option for name in names for option in ("--name", name)]
    assert run("policy", "show", *options, mine).out.splitlines() == [
        "creditCardCvv: drop (card_security_field, by the word 'cvv')",
        "card: mask keep=bin_last4 (card_field, where the value looks like its type, by the hint 'card')",
        "next_page_token: release (innocent: 'next page token')",
        "pinterest: release (no rule speaks of it)",
        "total amount: mask (amount, by its whole name)",
    ]
    told = json.loads(run("policy", "show", "--json", *options, mine).out)
    assert told[0] == {
        "name": "creditCardCvv",
        "rule": "card_security_field",
        "action": "drop",
        "by": "word",
        "word": "cvv",
    }


def test_the_schema_is_printed(run: Run) -> None:
    told = json.loads(run("policy", "schema").out)
    assert set(told["properties"]) == set(Policy.model_fields)


def test_the_default_policy_passes_its_own_tests(run: Run) -> None:
    ran = run("policy", "test", "default")
    assert ran.status == 0
    assert ran.out.endswith(" passed, 0 failed\n")


def test_a_test_that_fails_shows_what_is_not_as_expected(run: Run, tokens: Path, keys: Path) -> None:
    tests = tokens.with_name("tokens.test.yaml")
    tests.write_text(
        "tests:\n  - {name: good, input: {customer: jane}, output: {customer: tok_named_*}}\n"
        "  - {name: bad, input: {a: 1}, output: {a: 2}}\n"
    )
    ran = run("policy", "test", tokens, "default")
    assert ran.status == 1
    assert ran.out.splitlines()[:2] == [f"{tests}:3: bad: a: expected 2, got 1", f"{tests}: 1 passed, 1 failed"]
    told = json.loads(run("policy", "test", "--json", tokens, "--keys", keys).out)
    failure = {"test": "bad", "line": 3, "problems": ["a: expected 2, got 1"]}
    assert told == [{"file": str(tests), "tests": 2, "failures": [failure]}]


def test_tests_that_are_not_there_or_wrong_are_wrong_usage(run: Run, mine: Path) -> None:
    ran = run("policy", "test", mine)
    assert (ran.status, ran.out) == (2, "")
    assert "mine.test.yaml: can't be read" in ran.err
    mine.with_name("mine.test.yaml").write_text("tests: 1")
    ran = run("policy", "test", mine)
    assert ran.status == 2
    assert "mine.test.yaml:1: tests: must be a list" in ran.err


def test_rules_are_compared_without_samples(run: Run, mine: Path) -> None:
    ran = run("policy", "diff", "default", mine)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "removed detectors phone",
        "    action mask",
        "changed fields card_field",
        "    action mask keep=last4 -> mask keep=bin_last4",
        "changed fields phone_field",
        "    action mask -> release",
        "added drop_records tests",
        "    field kind",
        '    equals "test"',
        "added fields amount",
        "    names totalamount",
        "    paths order.*.sum",
        "    action mask",
        "added exceptions order_ids",
        "    names orderid",
        "    detectors card",
        "    reason They look like cards",
    ]
    assert "removed fields amount" in run("policy", "diff", mine, "default").out


def test_policies_that_say_the_same_have_no_differences(run: Run, mine: Path) -> None:
    other = mine.with_name("other.yaml")
    other.write_text(MINE.replace("Total_Amount", "totalAmount").replace('"7"', '"8"'))
    assert run("policy", "diff", mine, other, stdin=SAMPLES).out.splitlines() == [
        "The rules are the same.",
        "",
        "0 of 4 records come out differently.",
    ]


def test_a_longer_list_of_names_is_told_by_its_difference(run: Run, mine: Path) -> None:
    other = mine.with_name("other.yaml")
    other.write_text(MINE.replace("[Total_Amount]", "[sum, net]").replace("max_depth: 32", "max_depth: 16"))
    assert run("policy", "diff", mine, other).out.splitlines() == [
        "changed fields amount",
        "    names without totalamount",
        "    names with net, sum",
    ]


TAGGED = MINE + "tags: {PII: mask, EMAIL: {tokenise: {key: customer, key_id: a, type: email}}, PUBLIC: release}\n"


def test_tags_are_checked_shown_and_compared(run: Run, mine: Path, keys: Path) -> None:
    tagged, turned = mine.with_name("tagged.yaml"), mine.with_name("turned.yaml")
    tagged.write_text(TAGGED)
    turned.write_text(MINE + "tags: {PUBLIC: release, EMAIL: drop, PII: mask}\n")
    assert run("policy", "check", "--keys", keys, tagged).out.endswith("1 rules for whole records, 3 tags\n")
    assert "tag_email" in run("policy", "check", tagged).err  # its key is not there
    out = run("policy", "show", tagged).out
    assert (
        "\n  PII: mask (tag_pii)\n  EMAIL: tokenise key=customer key_id=a type=email, type email (tag_email)\n" in out
    )
    told = json.loads(run("policy", "show", "--json", tagged).out)
    assert told["tags"][0] == {"tag": "PII", "rule": "tag_pii", "action": "mask", "type": None}
    assert run("policy", "diff", mine, tagged).out.splitlines() == [
        "added tags PII",
        "    action mask",
        "added tags EMAIL",
        "    action tokenise key=customer key_id=a type=email",
        "added tags PUBLIC",
        "    action release",
    ]
    assert run("policy", "diff", tagged, turned).out.splitlines() == [
        "changed tags EMAIL",
        "    action tokenise key=customer key_id=a type=email -> drop",
        "changed policy tags",
        "    order PII, EMAIL, PUBLIC -> PUBLIC, EMAIL, PII",
    ]


@pytest.mark.parametrize("way", ["stdin", "--input"])
def test_the_effect_on_samples_is_counted_without_values(run: Run, mine: Path, tmp_path: Path, way: str) -> None:
    samples = tmp_path / "samples.jsonl"
    samples.write_bytes(SAMPLES)
    arguments = ["--input", samples] if way == "--input" else []
    ran = run("policy", "diff", "default", mine, *arguments, stdin=SAMPLES if way == "stdin" else b"")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.partition("\n\n")[2].splitlines() == [
        "3 of 4 records come out differently.",
        "the new policy shows more, in so many records",
        "       2  order_id: hidden -> released",
        "       1  card: less hidden",
        "       1  phone: hidden -> released",
        "the new policy shows less, in so many records",
        "       1  order.a.sum: released -> hidden",
        "       1  (record): released -> dropped",
    ]
    assert not any(value in ran.out for value in VALUES)
    told = json.loads(run("policy", "diff", "default", mine, "--json", *arguments, stdin=SAMPLES).out)
    assert told["effect"]["differing"] == 3
    assert {"direction": "shows more", "path": "order_id", "change": "hidden -> released", "records": 2} in (
        told["effect"]["differences"]
    )
    assert told["rules"][0]["rule"] == "phone"


def test_policies_with_keys_are_compared_without_them(run: Run, tokens: Path) -> None:
    other = tokens.with_name("other.yaml")
    other.write_text(TOKENS.replace("[customer]", "[client]"))
    ran = run("policy", "diff", tokens, other, "--json", stdin=b'{"customer": "jane", "client": "joe"}')
    assert [(each["path"], each["change"]) for each in json.loads(ran.out)["effect"]["differences"]] == [
        ("customer", "hidden -> released"),
        ("client", "released -> hidden"),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["test"],
        ["show"],
        ["diff", "default"],
        ["diff", "default", "none.yaml"],
        ["show", "none.yaml"],
        ["x"],
    ],
)
def test_wrong_usage_has_status_2(run: Run, arguments: list[str]) -> None:
    ran = run("policy", *arguments)
    assert ran.status == 2
    assert ran.err
    assert "Traceback" not in ran.err
