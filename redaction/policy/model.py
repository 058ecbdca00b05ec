"""What a policy can say: the schema of the file, and what must hold within one policy."""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from phonenumbers import SUPPORTED_REGIONS
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, field_validator, model_validator

from redaction.actions.spec import ActionSpec, type_of
from redaction.detectors.registry import detectors
from redaction.policy.selectors import Selector, parse_name, parse_path
from redaction.policy.words import Core, Grammar, joined, parse_words
from redaction.vocabulary import fold

# Serialising recurses; orjson stops at 254 levels. DynamoDB holds 32.
_MAX_DEPTH = 128
# What a Kinesis record can hold at most.
_MAX_BYTES = 10 * 2**20  # AWS: of a Kinesis record, since October 2025

# At most four digits: a rule id becomes a label of metrics, and a label with more looks like content (redaction.guard).
_ID = r"^[a-z][a-z_]{0,63}([0-9][a-z_]*){0,4}$"
_MAX_ID_LENGTH = 64
RuleId = Annotated[str, Field(pattern=_ID, max_length=_MAX_ID_LENGTH)]
UNKNOWN_FIELDS = "unknown_fields"
"""The id under which metrics and `--explain` show what became of fields that no rule names."""

_NO_ID_CHARACTERS = re.compile(r"[^a-z0-9]+")
_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MAX_TAG_LENGTH = 256


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Selecting(_Strict):
    names: list[str] = Field(
        default=[],
        description="Fields called so at any depth; case and separators don't matter, `*` stands for any characters.",
    )
    paths: list[str] = Field(
        default=[],
        description="Fields at a place: names from the record's top, joined by dots; `*` is any one name, `**` any "
        "number of them (none included), lists are passed through.",
    )

    @field_validator("names")
    @classmethod
    def _are_names(cls, names: list[str]) -> list[str]:
        for name in names:
            parse_name(name)
        return names

    @field_validator("paths")
    @classmethod
    def _are_paths(cls, paths: list[str]) -> list[str]:
        for path in paths:
            parse_path(path)
        return paths

    @property
    def selectors(self) -> tuple[Selector, ...]:
        """The names and paths, parsed."""
        return (*map(parse_name, self.names), *map(parse_path, self.paths))


class FieldRule(_Selecting):
    """What happens to some fields and, of names and paths, all that is below them; `release` does not reach below.

    Of two rules the more special one counts: a path before a path with wildcards, before a name, before a name with
    wildcards, before words, of which the longest counts.
    """

    id: RuleId
    action: ActionSpec
    type: str | None = Field(
        default=None,
        description="The detector whose kind of value these fields hold, so that equal values get equal tokens.",
    )
    words: list[str] = Field(
        default=[],
        description="Fields whose names end in one of these, whatever stands before, and but for numbers and words "
        "that say nothing (`number`, `value`, `new`, ...); a word may be of several: `security code`.",
    )
    hints: list[str] = Field(
        default=[],
        description="Likewise, of names that say less: the field counts where its value looks like the rule's `type`.",
    )

    @field_validator("words", "hints")
    @classmethod
    def _are_words(cls, words: list[str]) -> list[str]:
        for word in words:
            parse_words(word)
        return words


class ExceptionRule(_Selecting):
    """Fields in which some detectors don't count, and why."""

    id: RuleId
    detectors: list[str] = Field(min_length=1)
    reason: str = Field(min_length=8, description="For whoever reviews the policy.")


class DropRecord(_Strict):
    """Records whose `field` (exact names, from outside in, joined by dots) has the value `equals`."""

    id: RuleId
    field: str = Field(pattern=r"^[^.]+(\.[^.]+)*$")
    equals: StrictStr | StrictBool | StrictInt | None


class LimitSettings(_Strict):
    """What a record may be; one beyond a limit is quarantined."""

    max_depth: int = Field(
        default=32, ge=1, le=_MAX_DEPTH, description="Levels of nesting, the record's own object being the first."
    )
    max_bytes: int = Field(default=_MAX_BYTES, ge=2, le=_MAX_BYTES, description="Of a payload, before redaction.")
    max_values: int = Field(
        default=3000, ge=1, le=1_000_000, description="Fields and list elements of all its objects and lists."
    )
    max_suspect_chars: int = Field(
        default=32 * 1024,
        ge=256,
        le=_MAX_BYTES,
        description="Characters that look sensitive and have to be validated, for each 400 KB of a record; for a "
        "smaller one up to twice as many: what it may cost.",
    )


class Policy(_Strict):
    """A redaction policy; its attributes are the keys of a policy file, as docs/policies.md explains them.

    Names of detectors and ids of rules are what metrics and `--explain` show.
    """

    name: str = Field(min_length=1, max_length=64)
    version: str = Field(min_length=1, max_length=64)
    extends: str | list[str] = Field(
        default=[],
        description="Policies that this one adds to or changes: a built-in one, or a file beside this one. A rule with "
        "the id of one of theirs replaces it, and adds to its names and paths.",
    )
    limits: LimitSettings = LimitSettings()
    fields: list[FieldRule] = []
    innocent: list[str] = Field(
        default=[], description="Names, by words, that no rule's words select: a longer word counts before a shorter."
    )
    tags: dict[Annotated[str, Field(min_length=1, max_length=_MAX_TAG_LENGTH)], ActionSpec] = Field(
        default={},
        description="What happens to fields that bear a tag in the schema of their document, by tag, spelled as there. "
        "What a rule of `fields` hides stays so; of several tags of a field the first that hides it counts. Documents "
        "with a tag that is not named here are quarantined.",
    )
    unknown_fields: Literal["release", "mask", "drop", "quarantine"] = Field(
        default="release", description="What happens to fields that no rule speaks of."
    )
    detectors: dict[str, ActionSpec] = Field(
        default={}, description="What is searched for everywhere, and what happens to it; `release`: not searched for."
    )
    regions: list[str] = Field(
        default=[],
        description="Countries (ISO 3166-1, two letters) whose telephone numbers count as they are written at home.",
    )
    exceptions: list[ExceptionRule] = []
    drop_records: list[DropRecord] = []

    @field_validator("innocent")
    @classmethod
    def _are_words(cls, words: list[str]) -> list[str]:
        for word in words:
            parse_words(word)
        return words

    @field_validator("tags")
    @classmethod
    def _tags_have_ids(cls, tags: dict[str, ActionSpec]) -> dict[str, ActionSpec]:
        for tag in tags:
            tag_id(tag)
        if alike := tags_of_one_id(tags):
            message = f"{alike[0]!r} and {alike[1]!r} are one in metrics, {tag_id(alike[0])!r}; keep one"
            raise ValueError(message)
        return tags

    def tag_rules(self) -> dict[str, FieldRule]:
        """Give what happens to fields that bear a tag as a rule, by tag, in the order in which they count.

        Of values under a key the type says what kind they are, if it is that of a detector.
        """
        return {
            tag: FieldRule(id=tag_id(tag), action=spec, type=kind if (kind := type_of(spec)) in detectors() else None)
            for tag, spec in self.tags.items()
        }

    def grammar(self) -> Grammar:
        """Compile the words of all rules."""
        cores = [Core(word, rule.id) for rule in self.fields for word in rule.words]
        cores += [Core(word, rule.id, hint=True) for rule in self.fields for word in rule.hints]
        return Grammar([*cores, *(Core(word, None) for word in self.innocent)])

    @field_validator("regions")
    @classmethod
    def _regions_are_known(cls, regions: list[str]) -> list[str]:
        if unknown := sorted(set(regions) - SUPPORTED_REGIONS):
            message = f"{unknown[0]!r} is no country with telephone numbers; give codes such as 'DE', in capitals"
            raise ValueError(message)
        return regions

    def digest(self) -> str:
        """Hash what the policy means: 16 hex digits of SHA-256; order and spelling of names do not count."""
        canonical = self.model_dump(mode="json", exclude={"extends"})
        for rule in (*canonical["fields"], *canonical["exceptions"]):
            rule["names"] = sorted({normalize_pattern(name) for name in rule["names"]})
            rule["paths"] = sorted({".".join(parse_path(path).segments) for path in rule["paths"]})
        for rule in canonical["fields"]:
            rule["action"] = _canonical_action(rule["action"])
            for key in ("words", "hints"):
                rule[key] = sorted(set(map(joined, rule[key])))
        canonical["innocent"] = sorted(set(map(joined, canonical["innocent"])))
        for rule in canonical["exceptions"]:
            rule["detectors"] = sorted(set(rule["detectors"]))
        for section in ("fields", "exceptions"):  # of drop_records the first that applies is named
            canonical[section].sort(key=lambda rule: str(rule["id"]))
        canonical["detectors"] = {
            name: _canonical_action(spec) for name, spec in canonical["detectors"].items() if spec != "release"
        }
        canonical["regions"] = sorted(set(self.regions))
        if not self.regions:  # policies without them keep the hash that they had
            del canonical["regions"]
        canonical["tags"] = [(tag, _canonical_action(spec)) for tag, spec in canonical["tags"].items()]  # in order
        if not self.tags:
            del canonical["tags"]
        text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        if twice := self.id_used_twice():
            message = f"rule id {twice!r} is used twice (detectors' are their names); give each rule its own"
            raise ValueError(message)
        return self

    def id_used_twice(self) -> str | None:
        """Find a rule id that stands for two rules."""
        seen: set[str] = {*self.detectors, UNKNOWN_FIELDS, *map(tag_id, self.tags)}
        for ids in (self.fields, self.exceptions, self.drop_records):
            for each in ids:
                if each.id in seen:
                    return each.id
                seen.add(each.id)
        return None


def tag_id(tag: str) -> str:
    """Give the id of what a policy says of a tag, as in metrics: of `PersonalData` `tag_personal_data`.

    :raises ValueError: it would be none.
    """
    words = _NO_ID_CHARACTERS.sub("_", _CASE.sub("_", fold(tag)).lower()).strip("_")
    rule = f"tag_{words}"
    if not words or len(rule) > _MAX_ID_LENGTH or not re.fullmatch(_ID, rule):
        message = f"{tag!r}: a tag needs a Latin letter or a digit, and may have 60 characters and four digits at most"
        raise ValueError(message)
    return rule


def tags_of_one_id(tags: Iterable[str]) -> tuple[str, str] | None:
    """Find two tags that metrics could not tell apart."""
    known: dict[str, str] = {}
    for tag in tags:
        first = known.setdefault(tag_id(tag), tag)
        if first != tag:
            return first, tag
    return None


def _canonical_action(spec: object) -> object:
    return {"mask": {"keep": "none"}} if spec == "mask" else spec


def normalize_pattern(name: str) -> str:
    """Spell a name of a rule, which may hold `*`, as it is compared."""
    return parse_name(name).segments[1]
