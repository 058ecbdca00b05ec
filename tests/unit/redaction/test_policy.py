from pathlib import Path

import pytest

from redaction.plugin import PolicyError
from redaction.policy import load_policy, parse_policy

GOOD = """\
name: mine
version: "2"
fields:
  - id: secret
    action: drop
    names: [secret, PASS_word]
detectors:
  card: mask
drop_records:
  - id: tests
    field: meta.kind
    equals: test
"""


def error_of(text: str) -> str:
    with pytest.raises(PolicyError) as error:
        parse_policy(text, "p.yaml")
    return str(error.value)


def test_a_policy_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(GOOD)
    policy = load_policy(str(path))
    assert policy == parse_policy(GOOD, "p.yaml")
    assert (policy.name, policy.limits.max_depth, policy.limits.max_bytes) == ("mine", 32, 2**20)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("version:", "versoin:", 2, "did you mean 'version'"),
        ('"2"', "2", 2, "put it in quotes"),
        ("    action: drop\n", "", 4, "fields.0.action: is missing"),
        ("action: drop", "action: hash", 5, "'drop' or 'mask'"),
        ("names: [", "nmaes: [", 6, "did you mean 'names'"),
        ("[secret, PASS_word]", "[]", 6, "at least 1"),
        ("[secret, PASS_word]", '["-_-"]', 1, "'-_-' has no letter or digit"),
        ("card: mask", "iban: mask", 8, "'card' or 'ssn'"),
        ("id: tests", "id: Tests!", 10, "must match"),
        ("id: tests", "id: card", 1, "used twice"),
        ("id: tests", "id: secret", 1, "used twice"),
        ("meta.kind", "meta..kind", 11, "must match"),
        ("equals: test", "equals: 1.5", 12, "valid"),
        ("name: mine", "name: mine\nname: yours", 2, "stands twice"),
        ("name: mine", "name: mine\nlimits: {max_depth: 1000}", 2, "128"),
        ("name: mine", "name: [", 3, "is not YAML"),
    ],
)
def test_errors_name_the_line_and_what_would_be_right(old: str, new: str, line: int, words: str) -> None:
    assert GOOD.count(old) == 1
    message = error_of(GOOD.replace(old, new))
    assert any(part.startswith(f"p.yaml:{line}:") and words in part for part in message.splitlines()), message


def test_one_name_in_two_rules_is_ambiguous() -> None:
    second = "  - {id: other, action: mask, names: [passWord]}\n"
    message = error_of(GOOD.replace("detectors:", second + "detectors:"))
    assert "'passWord' stands in rules 'secret' and 'other'" in message


@pytest.mark.parametrize("text", ["", "- a", "7", "!!python/object:os.system {}", "a: &a [*a]"])
def test_what_is_no_mapping_of_plain_values_is_refused(text: str) -> None:
    assert error_of(text).startswith("p.yaml")


def test_unreadable_files_are_a_policy_error(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"name: caf\xe9")
    for name in ("absent", "latin", "."):
        with pytest.raises(PolicyError, match=name):
            load_policy(str(tmp_path / name))


def test_the_digest_is_that_of_the_meaning() -> None:
    digest = parse_policy(GOOD, "p.yaml").digest()
    same = GOOD.replace("[secret, PASS_word]", "[password, SECRET, Secret]") + "# a comment\n"
    assert parse_policy(same, "elsewhere.yaml").digest() == digest
    assert parse_policy(GOOD.replace("drop\n", "mask\n"), "p.yaml").digest() != digest
    assert len(digest) == 16
    assert int(digest, 16) >= 0


def test_the_default_policy_is_valid() -> None:
    assert load_policy("default").name == "default"
