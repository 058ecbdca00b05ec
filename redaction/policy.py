"""The policy file: schema, loading, validation, digest. Every error names file, line and key."""

import difflib
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from redaction.names import normalize
from redaction.plugin import PolicyError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

DEFAULT = "default"
# Serialising recurses; orjson stops at 254 levels. DynamoDB holds 32.
_MAX_DEPTH = 128
# What a Kinesis record can hold at most.
_MAX_BYTES = 10 * 2**20

RuleId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
DetectorName = Literal["card", "ssn"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FieldRule(_Strict):
    """Fields called by one of `names`, at any depth. `drop`: without a trace. `mask`: as a card number."""

    id: RuleId
    action: Literal["drop", "mask"]
    names: list[str] = Field(min_length=1)


class DropRecord(_Strict):
    """Records whose `field` (exact names, from outside in, joined by dots) has the value `equals`."""

    id: RuleId
    field: str = Field(pattern=r"^[^.]+(\.[^.]+)*$")
    equals: StrictStr | StrictBool | StrictInt | None


class LimitSettings(_Strict):
    """What a payload may be: levels of nesting, the record's own object being the first, and bytes."""

    max_depth: int = Field(default=32, ge=1, le=_MAX_DEPTH)
    max_bytes: int = Field(default=2**20, ge=2, le=_MAX_BYTES)


class Policy(_Strict):
    """A whole policy file. A detector's rule id is its name."""

    name: str = Field(min_length=1, max_length=64)
    version: str = Field(min_length=1, max_length=64)
    limits: LimitSettings = LimitSettings()
    fields: list[FieldRule] = []
    detectors: dict[DetectorName, Literal["mask"]] = {}
    drop_records: list[DropRecord] = []

    @model_validator(mode="after")
    def _unambiguous(self) -> "Policy":
        ids: set[str] = set()
        rule_ids = [
            *self.detectors,
            *(rule.id for rule in self.fields),
            *(rule.id for rule in self.drop_records),
        ]
        for rule_id in rule_ids:
            if rule_id in ids:
                message = f"rule id {rule_id!r} is used twice (detectors' are their names); give each rule its own"
                raise ValueError(message)
            ids.add(rule_id)
        owner: dict[str, str] = {}
        for rule in self.fields:
            for name in rule.names:
                key = normalize(name)
                if not key:
                    message = f"rule {rule.id!r}: field name {name!r} has no letter or digit; it needs one"
                    raise ValueError(message)
                if owner.setdefault(key, rule.id) != rule.id:
                    message = f"field name {name!r} stands in rules {owner[key]!r} and {rule.id!r}; keep one"
                    raise ValueError(message)
        return self

    def digest(self) -> str:
        """Hash what the policy means: 16 hex digits of SHA-256; spelling and order of names do not count."""
        canonical = self.model_dump(mode="json")
        for rule in canonical["fields"]:
            rule["names"] = sorted({normalize(name) for name in rule["names"]})
        text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_policy(source: str) -> Policy:
    """Load `default`, or the YAML file at the path `source`. Raises PolicyError."""
    if source == DEFAULT:
        packaged = resources.files("redaction").joinpath("policies/default.yaml")
        return parse_policy(packaged.read_text("utf-8"), "default.yaml")
    try:
        text = Path(source).read_text("utf-8")
    except OSError as error:
        message = f"{source}: can't be read ({error.strerror}); give the path of a YAML file, or {DEFAULT!r}"
        raise PolicyError(message) from error
    except UnicodeDecodeError as error:
        message = f"{source}: is not UTF-8 text; save it as UTF-8"
        raise PolicyError(message) from error
    return parse_policy(text, source)


def parse_policy(text: str, source: str) -> Policy:
    """Validate the text of a policy; `source` names it in errors. Raises PolicyError, one line a problem."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_duplicates(node, source)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        message = f"{source}:{line}: is not YAML: {error.problem}"
        raise PolicyError(message) from error
    except (yaml.YAMLError, RecursionError) as error:
        message = f"{source}: is not YAML, or nested too deep"
        raise PolicyError(message) from error
    if not isinstance(content, dict):
        message = f"{source}: must be a mapping with the keys {', '.join(Policy.model_fields)}"
        raise PolicyError(message)
    try:
        return Policy.model_validate(content)
    except ValidationError as error:
        problems = [_explain(problem, node, source) for problem in error.errors(include_url=False)]
        raise PolicyError("\n".join(problems)) from error


def _refuse_duplicates(node: yaml.Node | None, source: str) -> None:
    """YAML lets the last of equal keys win, silently: half of a policy could be gone."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                message = f"{source}:{key.start_mark.line + 1}: key {key.value!r} stands twice; keep one"
                raise PolicyError(message)
            seen.add(str(key.value))
            _refuse_duplicates(value, source)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(item, source)


def _explain(problem: "ErrorDetails", node: yaml.Node | None, source: str) -> str:
    # pydantic adds the names of the alternatives to the place of `equals`, and `[key]` to that of a bad key.
    place = [part for part in problem["loc"] if part not in {"[key]", "str", "bool", "int"}]
    name = ".".join(str(part) for part in place) or "policy"
    if problem["type"] == "extra_forbidden":
        known = _known_keys(place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
        message = f"unknown key{hint}"
    elif problem["type"] == "missing":
        message = "is missing; add it"
    elif problem["type"] == "string_type":
        message = "must be a string; put it in quotes"
    elif problem["type"] == "string_pattern_mismatch":
        message = f"must match {problem['ctx']['pattern']}"
    else:
        message = problem["msg"].removeprefix("Value error, ")
    return f"{source}:{_line(node, place)}: {name}: {message}"


def _known_keys(place: list[int | str]) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "limits": LimitSettings,
        "fields": FieldRule,
        "drop_records": DropRecord,
    }
    model = models.get(str(place[0]), Policy) if place else Policy
    return list(model.model_fields)


def _line(node: yaml.Node | None, place: list[int | str]) -> int:
    line = 1
    for part in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == part), None)
            if not found:
                break
            line = found[0].start_mark.line + 1
            node = found[1]
    return line
