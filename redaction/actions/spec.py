"""Actions as a policy file writes them: a name, or a mapping with exactly one key, the name, to its settings.

mask                          {mask: {keep: last4}}
{replace: {with: "[email]"}}  {generalise: {to: bucket, width: 50}}
{tokenise: {key: customer}}   {hash: {key: customer}}   {encrypt: {key: customer, key_id: a}}
drop, release, quarantine     about a field or a record, not a value: the engine's own
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    RootModel,
    Tag,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from redaction.actions.base import Action
from redaction.actions.encrypt import Encrypt
from redaction.actions.generalise import Generalise, Target
from redaction.actions.mask import Keep, Mask
from redaction.actions.plugins import load_action
from redaction.actions.replace import MAX_LENGTH, Replace
from redaction.actions.tokenise import Hash, Tokenise
from redaction.keys import ID_PATTERN, NAME_PATTERN, KeyProvider, Keyring
from redaction.nearest import nearest
from redaction.plugin import PolicyError

__all__ = [
    "BUILT_IN",
    "ActionSpec",
    "EncryptSpec",
    "GeneraliseSettings",
    "GeneraliseSpec",
    "HashSpec",
    "KeySettings",
    "MaskSettings",
    "MaskSpec",
    "PluginSpec",
    "ReplaceSettings",
    "ReplaceSpec",
    "TokeniseSpec",
    "compile_action",
    "spec_name",
    "type_of",
]

_BARE = ("mask", "drop", "release", "quarantine")
_KEYED: dict[str, Callable[[Keyring, str, str | None], Action]] = {
    "tokenise": Tokenise,
    "hash": Hash,
    "encrypt": Encrypt,
}
BUILT_IN = (*_BARE, "replace", "generalise", *_KEYED)
_WRONG = f"must be one of {', '.join(_BARE)}, or a mapping with one key: an action and its settings"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, serialize_by_alias=True)


class MaskSettings(_Strict):
    """What of a card number stays: nothing, its last four digits, or the issuer's (BIN) too."""

    keep: Keep = "none"


class ReplaceSettings(_Strict):
    """What stands in place of every value."""

    text: str = Field(alias="with", min_length=1, max_length=MAX_LENGTH)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        _checked(lambda: Replace(self.text))
        return self


def _checked(build: Callable[[], object]) -> None:
    """Let the action itself say what its settings must be; pydantic adds the place to a ValueError."""
    try:
        build()
    except PolicyError as error:
        raise ValueError(str(error)) from None


def _as_written(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError("must be a number, for example 50")  # noqa: TRY004 - pydantic reports ValueErrors
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def _bare(value: object) -> object:
    if value in _SPECS and value not in _BARE:
        raise ValueError(f"{value} needs settings: write {{{value}: {{...}}}}")
    if value not in _BARE:
        near = nearest(str(value), BUILT_IN)
        raise ValueError(f"{_WRONG}{f'; did you mean {near!r}?' if near else ''}")
    return value


class GeneraliseSettings(_Strict):
    """What stays: a date's year or month, an address's network, or the lower bound of an amount's bucket."""

    to: Target
    width: Annotated[Decimal, BeforeValidator(_as_written, json_schema_input_type=float)] | None = Field(
        default=None, description="Of a bucket: a positive number."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        _checked(lambda: Generalise(self.to, self.width))
        return self


class KeySettings(_Strict):
    """Which key, and whether its first id is used for new values or a pinned one.

    Equal values of one `type` get equal results; default: what the value is known to be, else the rule's id.
    """

    key: str = Field(pattern=NAME_PATTERN)
    key_id: str | None = Field(default=None, pattern=ID_PATTERN)
    type: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,63}$")


class MaskSpec(_Strict):
    """Hide a value."""

    mask: MaskSettings


class ReplaceSpec(_Strict):
    """Put a fixed text in place of a value."""

    replace: ReplaceSettings


class GeneraliseSpec(_Strict):
    """Keep a value's coarse part."""

    generalise: GeneraliseSettings


class TokeniseSpec(_Strict):
    """Put a token in place of a value: equal for equal values, one-way, 128 bits."""

    tokenise: KeySettings


class HashSpec(_Strict):
    """Put a keyed hash of 256 bits in place of a value."""

    hash: KeySettings


class EncryptSpec(_Strict):
    """Encrypt a value, so that whoever has the key can read it."""

    encrypt: KeySettings


class PluginSpec(RootModel[dict[str, dict[str, Any]]]):
    """The settings of an action that an installed package registers; its name is the only key."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "minProperties": 1,
            "maxProperties": 1,
            "propertyNames": {"not": {"enum": list(BUILT_IN)}},
        },
    )


_SPECS: dict[str, type[BaseModel]] = {
    "mask": MaskSpec,
    "replace": ReplaceSpec,
    "generalise": GeneraliseSpec,
    "tokenise": TokeniseSpec,
    "hash": HashSpec,
    "encrypt": EncryptSpec,
}
_PLUGIN = "<plug-in>"


def _tag(value: object) -> str | None:
    """Tell the alternatives apart by their one key, so that errors are those of the one that was meant.

    The tag becomes a part of an error's place; `<` marks it as none of the file's keys.
    """
    if isinstance(value, str):
        return "<name>"
    if isinstance(value, _Strict):
        return f"<{next(iter(type(value).model_fields))}>"
    if isinstance(value, PluginSpec):
        return _PLUGIN
    if isinstance(value, Mapping) and len(value) == 1:
        key = next(iter(value))
        return f"<{key}>" if key in _SPECS else _PLUGIN
    return None


class _AnyOf:
    """A plain `anyOf` in the JSON schema; pydantic would promise `oneOf`."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        return {"anyOf": schema["oneOf"]} if "oneOf" in schema else schema


ActionSpec: TypeAlias = Annotated[
    Annotated[Literal["mask", "drop", "release", "quarantine"], BeforeValidator(_bare), Tag("<name>")]
    | Annotated[MaskSpec, Tag("<mask>")]
    | Annotated[ReplaceSpec, Tag("<replace>")]
    | Annotated[GeneraliseSpec, Tag("<generalise>")]
    | Annotated[TokeniseSpec, Tag("<tokenise>")]
    | Annotated[HashSpec, Tag("<hash>")]
    | Annotated[EncryptSpec, Tag("<encrypt>")]
    | Annotated[PluginSpec, Tag(_PLUGIN)],
    Discriminator(
        _tag,
        custom_error_type="action",
        custom_error_message=_WRONG,
    ),
    _AnyOf(),
]
"""An action, for use in other pydantic models. Parts of an error's place that begin with `<` are no keys."""


def spec_name(spec: ActionSpec) -> str:
    """Return an action's name, as in metrics."""
    if isinstance(spec, str):
        return spec
    return next(iter(spec.root if isinstance(spec, PluginSpec) else type(spec).model_fields))


def type_of(spec: ActionSpec) -> str | None:
    """Return the type that a keyed action is given."""
    match spec:
        case TokeniseSpec(tokenise=settings) | HashSpec(hash=settings) | EncryptSpec(encrypt=settings):
            return settings.type
    return None


def compile_action(spec: ActionSpec, type_: str, provider: KeyProvider | None) -> Action:  # noqa: PLR0911 - one for each form
    """Build a value action; `type_` separates equal texts where a value's kind is not known: the rule's id.

    :raises PolicyError: a setting is wrong, or there is no such action.
    :raises KeyUnavailable: it needs a key that is not there.
    :raises PluginInvalid: a plug-in's action can't be built.
    :raises ValueError: `drop`, `release` and `quarantine` are no value actions.
    """
    match spec:
        case "mask":
            return Mask()
        case MaskSpec():
            return Mask(spec.mask.keep)
        case ReplaceSpec():
            return Replace(spec.replace.text)
        case GeneraliseSpec():
            return Generalise(spec.generalise.to, spec.generalise.width)
        case TokeniseSpec():
            return _keyed("tokenise", spec.tokenise, type_, provider)
        case HashSpec():
            return _keyed("hash", spec.hash, type_, provider)
        case EncryptSpec():
            return _keyed("encrypt", spec.encrypt, type_, provider)
        case PluginSpec():
            ((name, settings),) = spec.root.items()
            return load_action(name, settings, type_, provider, BUILT_IN)
        case _:
            raise ValueError(f"{spec} is no value action")


def _keyed(name: str, settings: KeySettings, type_: str, provider: KeyProvider | None) -> Action:
    if provider is None:
        raise PolicyError(
            f"{name}: needs the key {settings.key!r}, but no source of keys is configured; "
            "set redaction.keys (or --keys) to a key file or a secret"
        )
    return _KEYED[name](Keyring.of(provider, settings.key, settings.key_id), type_, settings.type)
