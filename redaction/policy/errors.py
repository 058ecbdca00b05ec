"""What is wrong with the form of a policy file, in words: file, line, and what would be right."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import yaml
from pydantic import BaseModel

from redaction.actions.spec import GeneraliseSettings, KeySettings, MaskSettings, ReplaceSettings
from redaction.form_errors import in_words
from redaction.policy.model import DropRecord, ExceptionRule, FieldRule, LimitSettings, Policy
from redaction.strict_yaml import line_of, unknown_key

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SECTIONS: Final[dict[str, type[BaseModel]]] = {
    "limits": LimitSettings,
    "fields": FieldRule,
    "exceptions": ExceptionRule,
    "drop_records": DropRecord,
}
# By what `redaction.actions.spec` marks the alternatives with.
_SETTINGS: Final[dict[str, type[BaseModel]]] = {
    "<mask>": MaskSettings,
    "<replace>": ReplaceSettings,
    "<generalise>": GeneraliseSettings,
    "<tokenise>": KeySettings,
    "<hash>": KeySettings,
    "<encrypt>": KeySettings,
}
_PLUGIN: Final = "<plug-in>"
# What pydantic adds to a place and is no key of the file: alternatives of a union, the key of a mapping itself.
_NO_KEYS: Final = frozenset({"[key]", "str", "bool", "int", "list[str]"})

# Where several types are allowed, pydantic has an error for each; here is one for all.
_EITHER: Final = {
    "equals": "must be a text, a whole number, true, false or null",
    "extends": "must be the name or file of a policy, or a list of them; in quotes if it looks like a number",
}
# What the patterns of these keys mean.
_PATTERNS: Final = {
    "id": "must be lower case letters, '_' and at most four digits, and begin with a letter, for example 'card_field'",
    "field": "must be names of fields, joined by single dots, for example 'meta.kind'",
    "key": "must be lower case letters, digits, '_' and '-', and begin with a letter, for example 'customer'",
    "key_id": "must be 1 to 16 letters a to z, for example 'a'",
    "type": "must be lower case letters, digits and '_', and begin with a letter, for example 'email'",
}


def explain(problem: "ErrorDetails", node: yaml.Node | None, source: str) -> str:
    """Say in one line where and what it is, and what would be right. Equal lines say the same."""
    marks = [str(part) for part in problem["loc"] if str(part).startswith("<")]
    place = [part for part in problem["loc"] if part not in _NO_KEYS and not str(part).startswith("<")]
    either = next((number for number, part in enumerate(place, 1) if part in _EITHER), None)
    if either is not None and problem["type"] not in {"missing", "extra_forbidden"}:
        place = place[:either]
        message = _EITHER[str(place[-1])]
    else:
        message = _message(problem, place, marks)
    name = ".".join(str(part) for part in place) or "policy"
    return f"{source}:{line_of(node, place)}: {name}: {message}"


def _message(problem: "ErrorDetails", place: Sequence[int | str], marks: Sequence[str]) -> str:
    is_empty = problem["input"] is None
    match problem["type"]:
        case "extra_forbidden":
            message = unknown_key(str(place[-1]), _keys(place[:-1], marks))
        case "string_pattern_mismatch" if place[-1] in _PATTERNS:
            message = _PATTERNS[str(place[-1])]
        case "dict_type" if _PLUGIN in marks and not is_empty:
            message = "an action's settings must be a mapping, as in {mask: {keep: last4}}"
        case "model_type" if not is_empty:
            message = f"must be a mapping; its keys: {', '.join(_keys(place, marks))}"
        case _:
            message = in_words(problem)
    return message


def _keys(place: Sequence[int | str], marks: Sequence[str]) -> list[str]:
    """Name the keys that a mapping may have."""
    model = next((_SETTINGS[mark] for mark in marks if mark in _SETTINGS), None)
    if model is None:
        model = _SECTIONS.get(str(place[0]), Policy) if place else Policy
    return [field.alias or name for name, field in model.model_fields.items()]


def line_of_rule(node: yaml.Node | None, content: Mapping[str, object], section: str, rule: str) -> int:
    """Give the line of a rule, or of a section if `rule` is empty; of one that is inherited, that of `extends`."""
    rules = content.get(section)
    if not rule and section in content:
        return line_of(node, [section])
    if isinstance(rules, dict) and rule in rules:
        return line_of(node, [section, rule])
    for place, entry in enumerate(rules if isinstance(rules, list) else ()):
        if isinstance(entry, dict) and entry.get("id") == rule:
            return line_of(node, [section, place])
    return line_of(node, ["extends"])
