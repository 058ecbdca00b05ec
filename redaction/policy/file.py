"""Policy files: reading, extending, and errors that name file, line and what would be right."""

from collections.abc import Collection, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import yaml
from pydantic import ValidationError

from redaction.built_in import built_in
from redaction.detectors.registry import detectors
from redaction.plugin import PolicyError
from redaction.policy.checks import Problem, problems, warnings
from redaction.policy.errors import explain, line_of_rule
from redaction.policy.model import ExceptionRule, FieldRule, LimitSettings, Policy, normalize_pattern
from redaction.policy.words import joined
from redaction.strict_yaml import NotYAML, line_of, load

_Rule = TypeVar("_Rule", FieldRule, ExceptionRule)

DEFAULT: Final = "default"
_MAX_FILE_BYTES: Final = 4 * 2**20


class _File(NamedTuple):
    """A policy, all that it extends merged in, and where its own rules stand."""

    policy: Policy
    source: str
    node: yaml.Node | None
    content: Mapping[str, object]

    def told(self, problem: Problem, kind: str = "") -> str:
        line = line_of_rule(self.node, self.content, problem.section, problem.rule)
        place = f"{problem.section}: {problem.rule}" if problem.rule else problem.section
        return f"{self.source}:{line}: {kind}{place}: {problem.message}"


def load_policy(source: str) -> Policy:
    """Load a built-in policy, or the YAML or JSON file at the path `source`.

    :raises PolicyError: it cannot be read, or is not valid.
    """
    return _load(source, ()).policy


def review_policy(source: str) -> tuple[Policy, list[str]]:
    """Load as `load_policy` does; also gives warnings of what is allowed and hardly meant, one line each."""
    file = _load(source, ())
    return file.policy, [file.told(warning, "warning: ") for warning in warnings(file.policy)]


def parse_policy(text: str, source: str) -> Policy:
    """Validate the text of a policy; `source` names it in errors.

    :raises PolicyError: it is not valid; one line a problem.
    """
    return _parse(text, source, Path(source).parent, (str(Path(source).resolve()),)).policy


def schema() -> dict[str, object]:
    """Give the JSON schema of policy files."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Policy.model_json_schema()}


def _load(source: str, within: Sequence[str], folder: Path | None = None) -> _File:
    if source in built_in():
        packaged = resources.files("redaction").joinpath(f"policies/{source}.yaml")
        name, identity = f"{source}.yaml", f"built-in {source}"
        text = packaged.read_text("utf-8")
        folder = None
    else:
        path = Path(source) if folder is None else folder / source
        name, identity = str(path), str(path.resolve())
        text = _read(path)
        folder = path.parent
    if identity in within:
        message = f"{name}: extends itself, by way of others or at once; break the circle"
        raise PolicyError(message)
    return _parse(text, name, folder, (*within, identity))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            message = f"{path}: is larger than {_MAX_FILE_BYTES} bytes; is it a policy?"
            raise PolicyError(message)
        return path.read_text("utf-8")
    except OSError as error:
        known = ", ".join(repr(name) for name in built_in())
        message = f"{path}: can't be read ({error.strerror}); give the path of a YAML file, or one of {known}"
        raise PolicyError(message) from error
    except UnicodeDecodeError as error:
        message = f"{path}: is not UTF-8 text; save it as UTF-8"
        raise PolicyError(message) from error


def _parse(text: str, source: str, folder: Path | None, within: Sequence[str]) -> _File:
    try:
        node, content = load(text)
    except NotYAML as error:
        message = f"{source}{f':{error.line}' if error.line else ''}: {error.reason}"
        raise PolicyError(message) from error
    if not isinstance(content, dict):
        message = f"{source}:1: must be a mapping with the keys {', '.join(Policy.model_fields)}"
        raise PolicyError(message)
    try:
        policy = Policy.model_validate(content)
    except ValidationError as error:
        lines = [explain(problem, node, source) for problem in error.errors(include_url=False)]
        raise PolicyError("\n".join(dict.fromkeys(lines))) from error
    policy = _with_parents(policy, source, line_of(node, ["extends"]), folder, within)
    file = _File(policy, source, node, content)
    if found := list(problems(policy, detectors())):
        raise PolicyError("\n".join(map(file.told, found)))
    return file


def _with_parents(policy: Policy, source: str, line: int, folder: Path | None, within: Sequence[str]) -> Policy:
    """Lay each policy over those that it extends: of these the later counts, and the policy itself most."""
    names = [policy.extends] if isinstance(policy.extends, str) else policy.extends
    base: Policy | None = None
    for name in names:
        try:
            parent = _load(name, within, folder).policy
        except PolicyError as error:
            message = f"{source}:{line}: extends: {error}"
            raise PolicyError(message) from error
        base = _extended(parent, base) if base else parent
    return _extended(policy, base) if base else policy


def _extended(policy: Policy, parent: Policy) -> Policy:
    """Lay a policy over the one that it extends; what both say is decided by the policy, defaults by neither."""
    limits = parent.limits.model_dump(exclude_unset=True) | policy.limits.model_dump(exclude_unset=True)
    unknown = [each.unknown_fields for each in (policy, parent) if "unknown_fields" in each.model_fields_set]
    return policy.model_copy(
        update={
            "limits": LimitSettings.model_validate(limits),
            "fields": _merged(policy.fields, parent.fields),
            "innocent": _innocent(policy, parent),
            "tags": parent.tags | policy.tags,
            **({"unknown_fields": unknown[0]} if unknown else {}),
            "detectors": parent.detectors | policy.detectors,
            "regions": sorted({*parent.regions, *policy.regions}),
            "exceptions": _merged(policy.exceptions, parent.exceptions),
            "drop_records": [
                *(rule for rule in parent.drop_records if rule.id not in {own.id for own in policy.drop_records}),
                *policy.drop_records,
            ],
        }
    )


def _innocent(policy: Policy, parent: Policy) -> list[str]:
    """Join the lists; what the policy itself has as a word of a rule is none of them any more."""
    taken = {joined(word) for rule in policy.fields for word in (*rule.words, *rule.hints)}
    theirs = [word for word in parent.innocent if joined(word) not in taken]
    return list(dict.fromkeys([*theirs, *policy.innocent]))


def _merged(own: Sequence[_Rule], inherited: Sequence[_Rule]) -> list[_Rule]:
    by_id = {rule.id: rule for rule in own}
    taken = {normalize_pattern(name) for rule in own for name in rule.names}
    words = {joined(word) for rule in own for word in _words(rule)}
    merged: list[_Rule] = []
    for theirs in inherited:
        mine = by_id.pop(theirs.id, None)
        left = _with_selectors_of(theirs, mine) if mine else _without(theirs, taken, words)
        if left.selectors or _words(left):
            merged.append(left)
    return merged + [rule for rule in own if rule.id in by_id]


def _words(rule: FieldRule | ExceptionRule) -> Sequence[str]:
    return (*rule.words, *rule.hints) if isinstance(rule, FieldRule) else ()


def _without(rule: _Rule, names: Collection[str], words: Collection[str]) -> _Rule:
    """Take from a rule what another policy says otherwise."""
    update = {"names": [name for name in rule.names if normalize_pattern(name) not in names]}
    if words and _words(rule):
        for key in ("words", "hints"):
            update[key] = [word for word in getattr(rule, key) if joined(word) not in words]
    is_same = all(len(left) == len(getattr(rule, key)) for key, left in update.items())
    return rule if is_same else rule.model_copy(update=update)


def _with_selectors_of(theirs: _Rule, mine: _Rule) -> _Rule:
    update: dict[str, object] = {
        "names": list(dict.fromkeys([*theirs.names, *mine.names])),
        "paths": list(dict.fromkeys([*theirs.paths, *mine.paths])),
    }
    if isinstance(mine, FieldRule):
        update |= {
            "type": mine.type or theirs.type,
            "words": list(dict.fromkeys([*theirs.words, *mine.words])),
            "hints": [word for word in dict.fromkeys([*theirs.hints, *mine.hints]) if word not in mine.words],
        }
    return mine.model_copy(update=update)
