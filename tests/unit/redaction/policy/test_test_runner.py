"""The tests beside a policy: what they can say, what a failure shows, and errors that name the line."""

from pathlib import Path

import pytest

from redaction.built_in import built_in
from redaction.engine import PolicyRedactor
from redaction.keys import KeyUnavailable
from redaction.plugin import PolicyError, Redactor
from redaction.policy import load_policy
from redaction.policy.file import parse_policy
from redaction.policy.test_runner import Failure, ThrowAwayKeys, load_tests, load_tests_of, run_tests

POLICY = """\
name: mine
version: "1"
fields:
  - {id: gone, action: drop, names: [ssn]}
  - {id: named, action: {tokenise: {key: customer, key_id: b}}, names: [customer]}
  - {id: sealed, action: {encrypt: {key: other}}, names: [sealed]}
tags: {PII: mask, REF: {tokenise: {key: other, key_id: c}}, PUBLIC: release}
detectors:
  email: {hash: {key: customer}}
  card: {mask: {keep: last4}}
drop_records: [{id: tests, field: kind, equals: test}]
"""


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    policy = parse_policy(POLICY, "mine.yaml")
    return PolicyRedactor(policy, ThrowAwayKeys(policy))


def failures(redactor: Redactor, test: str) -> list[Failure]:
    return run_tests(redactor, load_tests(f"tests:\n  - name: t\n    {test}\n", "mine.test.yaml"))


@pytest.mark.parametrize(
    "test",
    [
        "input: {a: 1.50, ssn: x, b: [true, null, ~]}\n    output: {b: [true, null, null], a: 1.5}",
        "input: {a: 1}\n    output: '{ \"a\" : 1.0 }'",
        'input: \'{"a": 1, "b": 2}\'\n    output: {b: 2, a: 1}',
        "input: {kind: test}\n    dropped: tests",
        "input: '[]'\n    rejected: not_an_object",
        "input: {customer: jane}\n    output: {customer: tok_named_b_*}",
        "input: {customer: jane}\n    output: {customer: tok_*}",
        "input: {sealed: 12.5}\n    output: {sealed: enc_sealed_*}",
        "input: {note: by a@example.com today}\n    output: {note: by mac_email_* today}",
        'input: {a: yes, b: 2024-03-15, c: 010, e: NaN}\n    output: {a: "yes", b: "2024-03-15", c: "010", e: "NaN"}',
        "input: {a: 12345678901234567890.123456789}\n    output: '{\"a\":12345678901234567890.123456789}'",
        "input: {ssn: 078-05-1120, a: 'x\"y'}\n    output: {a: 'x\"y'}\n    contains_no: [078-05]",
        "input: {<<: 1}\n    output: {<<: 1}",
        "input: {a: {b: 1}}\n    tags: {a.b: PII}\n    output: {a: {b: '****'}}",
        "input: {a: {b: 1}}\n    tags: {a.*: [PUBLIC, REF]}\n    output: {a: {b: tok_tag_ref_c_*}}",
        "input: {a: 1}\n    tags: {a: OTHER}\n    rejected: tag_unknown",
    ],
)
def test_what_is_expected_passes(redactor: Redactor, test: str) -> None:
    assert failures(redactor, test) == []


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ("input: {a: {b: 1}}\n    output: {a: {b: 2}}", "a.b: expected 2, got 1"),
        ("input: {a: 1}\n    output: {a: true}", "a: expected true, got 1"),
        ("input: {a: 1}\n    output: {}", "a: expected nothing, got 1"),
        (
            "input: {a: 1}\n    tags: {a: OTHER}\n    output: {}",
            "expected the document {}, got rejected as 'tag_unknown'",
        ),
        ("input: {ssn: x}\n    output: {ssn: x}", 'ssn: expected "x", got nothing'),
        ("input: {a: [1]}\n    output: {a: [1, 2]}", "a: expected [1,2], got [1]"),
        ("input: {a: [1]}\n    output: {a: [2]}", "a.0: expected 2, got 1"),
        (
            'input: {a: {b: 1, c: 2}}\n    output: \'{"a": {"c": 2, "b": 1}}\'',
            "a: expected the fields in the order c, b, got b, c",
        ),
        (
            "input: {card: 4111 1111 1111 1111}\n    output: {card: '**** **** **** *'}",
            'card: expected "**** **** **** *", got "**** **** **** 1111"',
        ),
        ("input: {a: abc}\n    output: {a: a*}", 'a: expected "a*", got "abc"'),
        ("input: {a: tok_}\n    output: {a: tok_*}", 'a: expected "tok_*", got "tok_"'),
        ("input: {a: 1}\n    dropped: tests", "expected dropped by 'tests', got the document {\"a\":1}"),
        ("input: {kind: test}\n    dropped: others", "expected dropped by 'others', got dropped by 'tests'"),
        ("input: ''\n    rejected: too_large", "expected rejected as 'too_large', got rejected as 'empty'"),
        ("input: ''\n    output: {a: 1}", "expected the document {\"a\":1}, got rejected as 'empty'"),
        (
            "input: {a: 'x\"y'}\n    output: {a: 'x\"y'}\n    contains_no: [other, '\"y']",
            """the output holds '"y': {"a":"x\\"y"}""",
        ),
    ],
)
def test_what_is_not_as_expected_is_shown(redactor: Redactor, test: str, problem: str) -> None:
    assert failures(redactor, test) == [Failure("t", 2, (problem,))]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "must be a mapping with the one key 'tests'"),
        ("tests: []", 1, "a list of one test or more"),
        ("tests:\n  - {name: t, input: {}, output: {}}\nmore: 1", 1, "the one key 'tests'"),
        ("tests:\n  - t", 2, "tests.0: must be a mapping"),
        ("tests:\n  - {name: t, input: {}}", 2, "one of output, dropped, rejected"),
        ("tests:\n  - {name: t, input: {}, dropped: a, rejected: b}", 2, "one of output, dropped, rejected"),
        ("tests:\n  - {input: {}, dropped: a}", 2, "needs 'name'"),
        ("tests:\n  - name: t\n    input: {}\n    ouput: {}", 4, "tests.0.ouput: unknown key; did you mean 'output'?"),
        ("tests:\n  - name: t\n    input: 5\n    output: {}", 3, "tests.0.input: must be a mapping, or a text"),
        ("tests:\n  - name: t\n    input: {}\n    output: '[]'", 4, "(not_an_object)"),
        ("tests:\n  - name: t\n    input: {}\n    output: 5", 4, "(not_an_object)"),
        ("tests:\n  - name: t\n    input: {}\n    dropped: 5", 4, "tests.0.dropped: must be a text"),
        ("tests:\n  - name: t\n    input: {a: 1,\n      a: 2}\n    dropped: a", 4, "'a' stands twice"),
        ("tests:\n  - name: t\n    input: {[a]: 1}\n    dropped: a", 3, "a key must be a text"),
        ("tests:\n  - name: t\n    input: {}\n    dropped: a\n    contains_no: x", 5, "a list of texts"),
        ("tests:\n  - name: t\n    input: {}\n    dropped: a\n    contains_no: [5]", 5, "put it in quotes"),
        ("tests:\n  - name: t\n    input: {}\n    dropped: a\n    tags: [a]", 5, "from the path of a field to its tag"),
        ("tests:\n  - name: t\n    input: {}\n    dropped: a\n    tags: {a: 5}", 5, "tests.0.tags.a: must be a text"),
        ('tests:\n  - name: t\n    input: "\\ud800"\n    dropped: a', 3, "holds what UTF-8 or JSON can't"),
        ("tests:\n  - name: [", 2, "is not YAML"),
        ("tests: &a\n  - {name: t, input: {a: *a}, dropped: x}", 0, "nested too deep"),
    ],
)
def test_errors_name_the_line(text: str, line: int, words: str) -> None:
    with pytest.raises(PolicyError) as error:
        load_tests(text, "mine.test.yaml")
    assert str(error.value).startswith(f"mine.test.yaml:{line or ''}".removesuffix("0"))
    assert words in str(error.value)


def test_tests_stand_beside_their_policy(tmp_path: Path) -> None:
    (tmp_path / "mine.test.yaml").write_text("tests: [{name: t, input: {}, output: {}}]")
    source, tests = load_tests_of(str(tmp_path / "mine.yaml"))
    assert source == str(tmp_path / "mine.test.yaml")
    assert [test.name for test in tests] == ["t"]
    with pytest.raises(PolicyError, match=r"other\.test\.yaml: can't be read \(No such file"):
        load_tests_of(str(tmp_path / "other.yaml"))
    (tmp_path / "mine.test.yaml").write_bytes(b"\xff")
    with pytest.raises(PolicyError, match="UTF-8"):
        load_tests_of(str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize("name", built_in())
def test_the_policies_that_come_with_the_package_keep_their_promises(name: str) -> None:
    policy = load_policy(name)
    _, tests = load_tests_of(name)
    assert run_tests(PolicyRedactor(policy, ThrowAwayKeys(policy)), tests) == []
    # Of nothing but the tests' own making: without rules most of them fail.
    lax = PolicyRedactor(parse_policy('name: lax\nversion: "1"', "lax.yaml"))
    assert len(run_tests(lax, tests)) > len(tests) / 2


def test_throw_away_keys_are_constant_and_differ(redactor: Redactor) -> None:
    policy = parse_policy(POLICY, "mine.yaml")
    again = PolicyRedactor(policy, ThrowAwayKeys(policy))
    payload = b'{"customer": "jane", "sealed": 1}'
    assert again.redact([payload]) == redactor.redact([payload])
    keys = ThrowAwayKeys(policy)
    assert [key.id for key in keys.keys("customer")] == ["b"]
    assert len({key.secret for name in ("customer", "other", "any") for key in keys.keys(name)}) == 3
    with pytest.raises(KeyUnavailable):
        PolicyRedactor(policy, ThrowAwayKeys())
