# noqa: INP001 - a folder of pages, no package
"""The generated tables of docs/policies.md.

What a table says of an example is what the engine makes of it; an example of something that is not found must not be
found.
"""

import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import yaml

from consumer.commands.policy_report import action_text
from consumer.quarantine.codes import REDACTION
from redaction import guard, parse
from redaction.built_in import built_in
from redaction.detectors.base import Detector
from redaction.detectors.registry import detectors
from redaction.engine import PolicyRedactor, work
from redaction.engine.python_way import UNKNOWN_FIELD
from redaction.plugin import Dropped, Rejected, Released, Verdict
from redaction.policy import FieldRule, Policy, load_policy
from redaction.policy.file import parse_policy
from redaction.policy.model import LimitSettings
from redaction.policy.test_runner import ThrowAwayKeys

EXAMPLES: Final[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("examples.yaml").read_text(encoding="utf-8"))
_FIELD: Final = "note"
_OWN_WORDS: Final = frozenset({"jwt"})  # shares a module, and its class says more than the module does


def redactor(rules: str) -> PolicyRedactor:
    """Compile rules, as a policy file writes them, over the default policy where they do not say otherwise."""
    lines = [] if _has("name", rules) else ["name: example", 'version: "1"']
    if not _has("name", rules) and not _has("extends", rules):
        lines.append("extends: default")
    policy = parse_policy("\n".join([*lines, rules]), "example.yaml")
    return PolicyRedactor(policy, ThrowAwayKeys(policy))


def _has(key: str, rules: str) -> bool:
    return re.search(rf"^{key}:", rules, re.MULTILINE) is not None


def outcome(verdict: Verdict) -> str:
    """Write what became of a record: the document released, or why there is none."""
    match verdict:
        case Released():
            return verdict.body.decode()
        case Dropped():
            return f"dropped by {verdict.rule}"
        case Rejected():
            return f"rejected as {verdict.code}"


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _code(text: str) -> str:
    """Write text as code that a Markdown table can hold, invisible characters as JSON may write them."""
    text = "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}".replace("|", "\\|")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _after(judge: PolicyRedactor, payload: str) -> str:
    """What is left of a record with one field, as text: its value, or the whole of what became of it."""
    (verdict,) = judge.redact([payload.encode()])
    if isinstance(verdict, Released):
        ((name, _),) = json.loads(payload).items()
        if list(verdict.document) == [name]:
            return verdict.body.decode()[len(_json(name)) + 2 : -1]
    return outcome(verdict)


def _payload(value: object, field: str = _FIELD) -> str:
    return json.dumps({field: value}, ensure_ascii=False)


def _arrow(judge: PolicyRedactor, value: object) -> str:
    return f"{_code(_json(value))} → {_code(_after(judge, _payload(value)))}"


def _detectors() -> str:
    judge = redactor("")

    def rows() -> Iterator[Sequence[str]]:
        for name, detector in detectors().items():
            if name not in EXAMPLES["found"]:
                continue  # a plug-in that happens to be installed
            found = [_arrow(judge, value) for value in EXAMPLES["found"][name]]
            yield _code(name), _first_sentence(detector), "<br>".join(found)

    return _table(("detector", "finds", "with `mask` (`card`: with `keep: last4`)"), rows())


def _first_sentence(detector: Detector) -> str:
    kind = type(detector)
    text = inspect.getdoc(kind) if kind.__doc__ and detector.name in _OWN_WORDS else None
    module = inspect.getmodule(kind)
    said = text or inspect.getdoc(module) or ""
    return said.partition("\n\n")[0].partition(".\n")[0].replace("\n", " ").removesuffix(".")


def _not_found() -> str:
    judge = redactor("")

    def rows() -> Iterator[Sequence[str]]:
        for each in EXAMPLES["not_found"]:
            value = each["value"]
            (verdict,) = judge.redact([_payload(value).encode()])
            if not isinstance(verdict, Released) or verdict.document != {_FIELD: value}:
                raise ValueError(f"{each['what']}: is found by now; take it out of `not_found`")
            yield each["what"], _code(_json(value)), each.get("because", "")

    return _table(("what", "released as it is", "because, or instead"), rows())


def _asked_for() -> str:
    policies = {name: load_policy(name) for name in built_in()}
    judges = {name: PolicyRedactor(policy, ThrowAwayKeys(policy)) for name, policy in policies.items()}

    def rows() -> Iterator[Sequence[str]]:
        for payload in EXAMPLES["asked_for"]:
            made = [_made_of(judge.redact([payload.encode()])[0], payload) for judge in judges.values()]
            yield _code(payload), *made

    return _table(("record", *map(_code, judges)), rows())


def _made_of(verdict: Verdict, payload: str) -> str:
    if not isinstance(verdict, Released):
        return outcome(verdict)
    if not verdict.document:
        return "dropped"
    if verdict.body.decode() == payload:
        return "**released**"
    shown = ", ".join(map(_json, verdict.document.values()))
    return _code(re.sub(r"(tok_[a-z]+_a)_[a-z]+", r"\1_...", shown))  # a token's end is of the throw-away keys


def _places() -> str:
    judge = redactor("")

    def rows() -> Iterator[Sequence[str]]:
        for each in EXAMPLES["places"]:
            (verdict,) = judge.redact([each["payload"].encode()])
            if outcome(verdict) == each["payload"]:
                raise ValueError(f"{each['where']}: nothing is found")
            yield each["where"], _code(each["payload"]), _code(outcome(verdict))

    return _table(("where", "in", "out"), rows())


def _actions() -> str:
    def rows() -> Iterator[Sequence[str]]:
        for action, values in ((each["action"], each["values"]) for each in EXAMPLES["actions"]):
            kind = ", type: card" if action.startswith(("{tokenise", "{hash")) else ""
            judge = redactor(f"extends: []\nfields: [{{id: example_rule, names: [x], action: {action}{kind}}}]")
            for value in values:
                yield _code(action), _code(_json(value)), _code(_after(judge, _payload(value, "x")))

    return _table(("action", "field before", "after"), rows())


def _codes() -> str:
    codes = [*_constants(parse), *_constants(work), UNKNOWN_FIELD, *_constants(guard)]
    rows = ((_code(code), *REDACTION[code]) for code in codes)
    return _table(("code", "meaning", "what to do"), rows)


def _constants(module: ModuleType) -> list[str]:
    """Give the codes of a module: its public texts in snake case."""
    return [
        value
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str) and re.fullmatch("[a-z0-9_]+", value)
    ]


def _limits() -> str:
    def rows() -> Iterator[Sequence[str]]:
        for name, field in LimitSettings.model_fields.items():
            bounds = {type(each).__name__: each for each in field.metadata}
            least, most = bounds["Ge"].ge, bounds["Le"].le
            yield (
                _code(name), f"{field.default:,}", f"{least:,} to {most:,}", field.description or "",
                _code(EXAMPLES["limits"][name]),
            )  # fmt: skip

    return _table(("limit", "default", "may be", "what it limits", "beyond it"), rows())


def _policies() -> str:
    default = load_policy("default")
    parts = []
    for name in ("default", *(each for each in built_in() if each != "default")):
        policy = load_policy(name)
        known = [] if name == "default" else default.fields
        parts.append(f"### `{name}`, version {policy.version}\n\n{_head(name)}")
        rows = (_rule(policy, rule, known) for rule in policy.fields if rule not in known)
        parts.append(_table(("rule", "action", "words"), rows))
        if innocent := [word for word in policy.innocent if name == "default" or word not in default.innocent]:
            parts.append("Innocent: " + ", ".join(map(_code, innocent)) + ".")
        if policy.detectors != (default.detectors if name != "default" else None):
            written = (f"{each} {action_text(spec)}" for each, spec in _dumped(policy)["detectors"].items())
            parts.append("Searched for everywhere: " + ", ".join(map(_code, written)) + ".")
    return "\n\n".join(parts)


def _head(name: str) -> str:
    """Return the comment that a built-in policy begins with."""
    text = resources.files("redaction").joinpath(f"policies/{name}.yaml").read_text("utf-8")
    words = " ".join(line.removeprefix("# ") for line in text.partition("\nname:")[0].splitlines())
    words = re.sub(r"docs/policies\.md, (\"[^\"]+\")", r"see \1", words)
    return textwrap.fill(words, 120, break_long_words=False, break_on_hyphens=False)


def _dumped(policy: Policy) -> dict[str, Any]:
    return policy.model_dump(mode="json")


def _rule(policy: Policy, rule: FieldRule, known: Sequence[FieldRule]) -> Sequence[str]:
    written = action_text(_dumped(policy)["fields"][policy.fields.index(rule)]["action"])
    lists = {"": rule.words, "hints: ": rule.hints, "names: ": rule.names, "paths: ": rule.paths}
    fields = "; ".join(title + ", ".join(map(_code, each)) for title, each in lists.items() if each)
    said = (rule.id, rule.selectors, rule.words, rule.hints)
    as_before = any(said == (other.id, other.selectors, other.words, other.hints) for other in known)
    return _code(rule.id), _code(written), "as in `default`" if as_before else fields


TABLES: Final[dict[str, Callable[[], str]]] = {
    "actions": _actions,
    "asked-for": _asked_for,
    "codes": _codes,
    "detectors": _detectors,
    "limits": _limits,
    "not-found": _not_found,
    "places": _places,
    "policies": _policies,
}
