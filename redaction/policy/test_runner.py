"""Assertions beside a policy: sample records, and what is to become of them.

`mine.test.yaml` beside `mine.yaml`:

    tests:
      - name: a card keeps its last four
        input: {card: 4111 1111 1111 1111}      # or a text: the payload as it is
        output: {card: "**** **** **** 1111"}   # any order of fields; a text of JSON: this order
        contains_no: ["4111"]                   # optional: texts that must not be in the output
        tags: {order.ref: PII}                  # optional: of the record's schema, by path; a tag, or a list of them
      - {name: a test record, input: {kind: test}, dropped: test_records}
      - {name: no object, input: "[]", rejected: not_an_object}

Values without quotes are what JSON says they are, numbers exact to the digit: `yes` and 2024-03-15 are texts. What a
keyed action makes depends on the key, and is expected as `tok_email_*`, `mac_..._*` or `enc_..._*`, also within a text.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import yaml

from redaction.built_in import built_in
from redaction.comparison import same
from redaction.guard import redact_guarded, redactor_for
from redaction.keys import Key
from redaction.parse import Limits, Unparsable, parse, parse_text
from redaction.plugin import Document, Dropped, JSONValue, PolicyError, Redactor, Rejected, Released, Tag, Verdict
from redaction.policy.model import Policy
from redaction.serialize import serialize, serialize_value
from redaction.strict_yaml import NotYAML, compose, unknown_key

_OUTCOMES: Final = ("output", "dropped", "rejected")
_KEYS: Final = ("name", "input", "tags", *_OUTCOMES, "contains_no")
_LIMITS: Final = Limits(max_depth=900, max_bytes=2**30, max_values=2**30)
_KEYED: Final = re.compile(r"\b((?:tok|mac|enc)_[a-z_]*)\*")
_NULL_TAG: Final = "tag:yaml.org,2002:null"


class Output(NamedTuple):
    """The document expected; `ordered`: in this order of fields."""

    document: Document
    ordered: bool


Expected: TypeAlias = Output | Dropped | Rejected


class PolicyTest(NamedTuple):
    """A sample record and what is expected of it. `line`: in the test file."""

    name: str
    line: int
    payload: bytes
    expected: Expected
    contains_no: tuple[str, ...]
    tags: tuple[Tag, ...] = ()


class Failure(NamedTuple):
    """A test that failed. `problems` show values: those of the author's own sample."""

    test: str
    line: int
    problems: tuple[str, ...]


class ThrowAwayKeys:
    """A `KeyProvider` for tests: constant keys under every name that is asked for, with the ids that a policy pins."""

    def __init__(self, *policies: Policy) -> None:
        self._ids: dict[str, set[str]] = {}
        for policy in policies:
            for spec in (*(rule.action for rule in policy.fields), *policy.tags.values(), *policy.detectors.values()):
                settings = next(iter(dict(spec).values())) if not isinstance(spec, str) else None
                name, pinned = getattr(settings, "key", None), getattr(settings, "key_id", None)
                if name is not None and pinned is not None:
                    self._ids.setdefault(name, set()).add(pinned)

    def keys(self, name: str) -> Sequence[Key]:
        return [
            Key(key_id, hashlib.sha256(f"kinesis-sanitizer test key {name} {key_id}".encode()).digest())
            for key_id in sorted(self._ids.get(name, {"test"}))
        ]


def load_tests_of(source: str) -> tuple[str, list[PolicyTest]]:
    """Load the tests beside a policy, given as for `redaction.policy.file.load_policy`; also gives their file's name.

    :raises PolicyError: it cannot be read, or is not valid.
    """
    file: Traversable
    if source in built_in():
        name = f"{source}.test.yaml"
        file = resources.files("redaction").joinpath(f"policies/{name}")
    else:
        file = Path(source).with_suffix(".test.yaml")
        name = str(file)
    try:
        return name, load_tests(file.read_text("utf-8"), name)
    except OSError as error:
        raise PolicyError(f"{name}: can't be read ({error.strerror}); the tests of a policy stand beside it") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{name}: is not UTF-8 text; save it as UTF-8") from error


def load_tests(text: str, source: str) -> list[PolicyTest]:
    """Read a test file; `source` names it in errors.

    :raises PolicyError: it is not valid; names the line.
    """
    try:
        return list(_File(source).tests(compose(text)))
    except NotYAML as error:
        raise PolicyError(f"{source}{f':{error.line}' if error.line else ''}: {error.reason}") from error


def run_tests(redactor: Redactor, tests: Sequence[PolicyTest]) -> list[Failure]:
    """Run all; gives those that failed, in their order."""
    found = [(test, tuple(_problems(test, _verdict(redactor, test)))) for test in tests]
    return [Failure(test.name, test.line, problems) for test, problems in found if problems]


def _verdict(redactor: Redactor, test: PolicyTest) -> Verdict:
    chosen = redactor_for(redactor, test.tags)
    return chosen if isinstance(chosen, Rejected) else redact_guarded(chosen, [test.payload])[0]


def _problems(test: PolicyTest, verdict: Verdict) -> Iterator[str]:
    match test.expected, verdict:
        case Output(), Released():
            yield from _differences((), test.expected.document, verdict.document, ordered=test.expected.ordered)
        case Dropped(), Dropped() if test.expected.rule == verdict.rule:
            pass
        case Rejected(), Rejected() if test.expected.code == verdict.code:
            pass
        case _:
            yield f"expected {_said(test.expected)}, got {_said(verdict)}"
    if isinstance(verdict, Released):
        for text in test.contains_no:
            # As it stands in JSON: quotes and backslashes escaped.
            if serialize_value(text)[1:-1].encode() in verdict.body:
                yield f"the output holds {text!r}: {verdict.body.decode()}"


def _said(outcome: Expected | Verdict) -> str:
    match outcome:
        case Output():
            return f"the document {serialize(outcome.document).decode()}"
        case Released():
            return f"the document {outcome.body.decode(errors='replace')}"
        case Dropped():
            return f"dropped by {outcome.rule!r}"
        case Rejected():
            return f"rejected as {outcome.code!r}{f' by {outcome.rule!r}' if outcome.rule else ''}"


def _differences(path: tuple[str, ...], expected: JSONValue, actual: JSONValue, *, ordered: bool) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name, value in expected.items():
            if name in actual:
                yield from _differences((*path, name), value, actual[name], ordered=ordered)
            else:
                yield f"{_dotted((*path, name))}: expected {serialize_value(value)}, got nothing"
        for name in actual.keys() - expected.keys():
            yield f"{_dotted((*path, name))}: expected nothing, got {serialize_value(actual[name])}"
        if ordered and expected.keys() == actual.keys() and list(expected) != list(actual):
            yield f"{_dotted(path)}: expected the fields in the order {', '.join(expected)}, got {', '.join(actual)}"
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for place, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from _differences((*path, str(place)), one, other, ordered=ordered)
    elif not (same(expected, actual) or _fits(expected, actual)):
        yield f"{_dotted(path)}: expected {serialize_value(expected)}, got {serialize_value(actual)}"


def _fits(expected: JSONValue, actual: JSONValue) -> bool:
    if not (isinstance(expected, str) and isinstance(actual, str) and _KEYED.search(expected)):
        return False
    parts = _KEYED.split(expected)  # text, what a keyed action begins with, text, ...
    pattern = "".join(re.escape(part) + ("[a-z_]+" if place % 2 else "") for place, part in enumerate(parts))
    return re.fullmatch(pattern, actual) is not None


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(path) or "the document"


class _File:
    """Reads one file. From YAML's nodes, since only they know lines, quotes and the digits of a number."""

    def __init__(self, source: str) -> None:
        self._source = source

    def tests(self, node: yaml.Node | None) -> Iterator[PolicyTest]:
        tests = self._fields(node).get("tests") if isinstance(node, yaml.MappingNode) else None
        if not isinstance(node, yaml.MappingNode) or len(node.value) != 1 or tests is None:
            raise self._error(node, "must be a mapping with the one key 'tests', a list")
        if not isinstance(tests, yaml.SequenceNode) or not tests.value:
            raise self._error(tests, "tests: must be a list of one test or more")
        for place, each in enumerate(tests.value):
            yield self._test(each, f"tests.{place}")

    def _test(self, node: yaml.Node, title: str) -> PolicyTest:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"{title}: must be a mapping with the keys {', '.join(_KEYS)}")
        fields = self._fields(node)
        for name, value in fields.items():
            if name not in _KEYS:
                raise self._error(value, f"{title}.{name}: {unknown_key(name, _KEYS)}")
        outcomes = [name for name in _OUTCOMES if name in fields]
        if len(outcomes) != 1 or "name" not in fields or "input" not in fields:
            raise self._error(node, f"{title}: needs 'name', 'input', and one of {', '.join(_OUTCOMES)}")
        return PolicyTest(
            self._text(fields["name"], f"{title}.name"),
            node.start_mark.line + 1,
            self._payload(fields["input"], f"{title}.input"),
            self._expected(outcomes[0], fields[outcomes[0]], f"{title}.{outcomes[0]}"),
            self._texts(fields.get("contains_no"), f"{title}.contains_no"),
            tuple(self._tags(fields.get("tags"), f"{title}.tags")),
        )

    def _tags(self, node: yaml.Node | None, title: str) -> Iterator[Tag]:
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"{title}: must be a mapping from the path of a field to its tag")
        for path, value in self._fields(node).items():
            is_list = isinstance(value, yaml.SequenceNode)
            names = self._texts(value, f"{title}.{path}") if is_list else (self._text(value, f"{title}.{path}"),)
            yield from ((tuple(path.split(".")), name) for name in names)

    def _payload(self, node: yaml.Node, title: str) -> bytes:
        value = self._value(node)
        try:
            if isinstance(value, dict):
                return serialize(value)
            if isinstance(value, str):
                return value.encode()
        except (TypeError, ValueError):
            raise self._error(node, f"{title}: holds what UTF-8 or JSON can't, or is nested too deep") from None
        raise self._error(node, f"{title}: must be a mapping, or a text: the payload as it is")

    def _expected(self, outcome: str, node: yaml.Node, title: str) -> Expected:
        if outcome == "dropped":
            return Dropped(self._text(node, title))
        if outcome == "rejected":
            return Rejected(self._text(node, title))
        value = self._value(node)
        if isinstance(value, dict):
            return Output(value, ordered=False)
        try:
            return Output(parse(str(value).encode(), _LIMITS), ordered=True)
        except Unparsable as refusal:
            raise self._error(
                node, f"{title}: must be a mapping, or a text of a JSON object ({refusal.code})"
            ) from None

    def _text(self, node: yaml.Node, title: str) -> str:
        value = self._value(node)
        if not isinstance(value, str) or not value:
            raise self._error(node, f"{title}: must be a text that is not empty; put it in quotes")
        return value

    def _texts(self, node: yaml.Node | None, title: str) -> tuple[str, ...]:
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(node, f"{title}: must be a list of texts")
        return tuple(self._text(each, title) for each in node.value)

    def _fields(self, node: yaml.MappingNode) -> dict[str, yaml.Node]:
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, "a key must be a text")
            fields[key.value] = value
        return fields

    def _value(self, node: yaml.Node) -> JSONValue:
        if isinstance(node, yaml.MappingNode):
            return {name: self._value(value) for name, value in self._fields(node).items()}
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item) for item in node.value]
        text = str(node.value)
        if getattr(node, "style", None) is not None:
            return text
        if node.tag == _NULL_TAG:
            return None
        try:
            return parse_text(text, _LIMITS)
        except Unparsable:
            return text

    def _error(self, node: yaml.Node | None, message: str) -> PolicyError:
        return PolicyError(f"{self._source}:{node.start_mark.line + 1 if node else 1}: {message}")
