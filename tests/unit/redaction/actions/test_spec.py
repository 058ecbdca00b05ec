"""Actions as a policy file writes them."""

import re
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from redaction.actions import plugins
from redaction.actions.spec import ActionSpec, compile_action, spec_name
from redaction.keys import Key, KeyUnavailable, KnownKeys
from redaction.plugin import PluginInvalid, PolicyError

KEYS = KnownKeys({"customer": [Key("b", b"\x01" * 32), Key("a", b"\x02" * 32)]}, "key file k.yaml")


class Rule(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    action: ActionSpec


def read(action: object) -> ActionSpec:
    return Rule.model_validate({"action": action}).action


def problems(action: object) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        read(action)
    return [(".".join(map(str, problem["loc"])), problem["msg"]) for problem in caught.value.errors()]


@pytest.mark.parametrize(
    ("written", "name", "value", "result"),
    [
        ("mask", "mask", "4111-1111-1111-1111", "****"),
        ({"mask": {}}, "mask", "4111-1111-1111-1111", "****"),
        ({"mask": {"keep": "last4"}}, "mask", "4111-1111-1111-1111", "****-****-****-1111"),
        ({"mask": {"keep": "bin_last4"}}, "mask", 4111111111111111, "411111******1111"),
        ({"replace": {"with": "[email]"}}, "replace", "a@example.com", "[email]"),
        ({"generalise": {"to": "year"}}, "generalise", "1985-04-12", "1985"),
        ({"generalise": {"to": "bucket", "width": 50}}, "generalise", Decimal("149.99"), 100),
        ({"generalise": {"to": "bucket", "width": 0.1}}, "generalise", Decimal("0.35"), Decimal("0.3")),
    ],
)
def test_forms_without_a_key(written: object, name: str, value: Any, result: object) -> None:
    spec = read(written)
    action = compile_action(spec, "rule", None)
    assert (spec_name(spec), action.name) == (name, name)
    assert action(value, None) == result


@pytest.mark.parametrize(("name", "prefix"), [("tokenise", "tok"), ("hash", "mac"), ("encrypt", "enc")])
def test_forms_with_a_key(name: str, prefix: str) -> None:
    plain = compile_action(read({name: {"key": "customer"}}), "rule", KEYS)
    pinned = compile_action(read({name: {"key": "customer", "key_id": "a", "type": "user"}}), "rule", KEYS)
    assert plain.name == pinned.name == name
    assert str(plain("x", None)).startswith(f"{prefix}_rule_b_")
    assert str(pinned("x", None)).startswith(f"{prefix}_user_a_")


@pytest.mark.parametrize("name", ["drop", "release", "quarantine"])
def test_structural_actions_are_names_and_nothing_to_compile(name: str) -> None:
    assert spec_name(read(name)) == name
    with pytest.raises(ValueError, match=f"{name} is no value action"):
        compile_action(read(name), "rule", None)


@pytest.mark.parametrize(
    ("written", "place", "words"),
    [
        ("bla", "action.<name>", "must be one of mask, drop, release, quarantine, or a mapping with one key"),
        ("dropp", "action.<name>", "did you mean 'drop'?"),
        ("tokenise", "action.<name>", "tokenise needs settings: write {tokenise: {...}}"),
        (3, "action", "must be one of mask"),
        (None, "action", "must be one of mask"),
        ({}, "action", "must be one of mask"),
        ({"mask": {}, "hash": {}}, "action", "must be one of mask"),
        ({"mask": {"keep": "all"}}, "action.<mask>.mask.keep", "'none', 'last4' or 'bin_last4'"),
        ({"mask": {"kep": "last4"}}, "action.<mask>.mask.kep", "Extra inputs"),
        ({"replace": {}}, "action.<replace>.replace.with", "Field required"),
        ({"replace": {"with": "a\nb"}}, "action.<replace>.replace", "printable"),
        ({"generalise": {"to": "decade"}}, "action.<generalise>.generalise.to", "'year', 'month'"),
        ({"generalise": {"to": "bucket"}}, "action.<generalise>.generalise", "width: is needed"),
        ({"generalise": {"to": "year", "width": 5}}, "action.<generalise>.generalise", "no meaning otherwise"),
        ({"generalise": {"to": "bucket", "width": "5"}}, "action.<generalise>.generalise.width", "must be a number"),
        ({"generalise": {"to": "bucket", "width": True}}, "action.<generalise>.generalise.width", "must be a number"),
        ({"generalise": {"to": "bucket", "width": -5}}, "action.<generalise>.generalise", "positive number"),
        ({"tokenise": {}}, "action.<tokenise>.tokenise.key", "Field required"),
        ({"tokenise": {"key": "Customer"}}, "action.<tokenise>.tokenise.key", "match pattern"),
        ({"hash": {"key": "customer", "key_id": "a1"}}, "action.<hash>.hash.key_id", "match pattern"),
        ({"encrypt": None}, "action.<encrypt>.encrypt", "valid dictionary"),
        ({"my_action": 5}, "action.<plug-in>.my_action", "valid dictionary"),
    ],
)
def test_errors_are_those_of_the_form_that_was_meant(written: object, place: str, words: str) -> None:
    ((where, message),) = problems(written)
    assert where == place
    assert words in message


def test_a_spec_is_frozen_and_dumps_as_it_was_written() -> None:
    written = {"replace": {"with": "[email]"}}
    rule = Rule.model_validate({"action": written})
    assert rule.model_dump(mode="json") == {"action": written}
    with pytest.raises(ValidationError):
        rule.action = "mask"  # type: ignore[misc]
    assert Rule(action=rule.action) == rule


def test_the_json_schema_lists_the_forms() -> None:
    schema = Rule.model_json_schema()
    forms = schema["properties"]["action"]["anyOf"]
    assert {"mask", "drop", "release", "quarantine"} == set(forms[0]["enum"])
    assert [form["$ref"].rsplit("/", 1)[1] for form in forms[1:]] == [
        *("MaskSpec", "ReplaceSpec", "GeneraliseSpec", "TokeniseSpec", "HashSpec", "EncryptSpec", "PluginSpec")
    ]
    assert schema["$defs"]["ReplaceSettings"]["required"] == ["with"]
    assert schema["$defs"]["PluginSpec"]["propertyNames"]["not"]["enum"]


def test_a_key_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(PolicyError, match="needs the key 'customer', but no source of keys is configured"):
        compile_action(read({"hash": {"key": "customer"}}), "rule", None)
    with pytest.raises(KeyUnavailable, match=r"there is no key 'custom'; .*did you mean 'customer'"):
        compile_action(read({"hash": {"key": "custom"}}), "rule", KEYS)
    with pytest.raises(KeyUnavailable, match=re.escape("no live key id 'c' (live: b, a)")):
        compile_action(read({"hash": {"key": "customer", "key_id": "c"}}), "rule", KEYS)


class TestPlugins:
    @pytest.fixture(autouse=True)
    def _installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        module = ModuleType("some_plugin")

        class Shout:
            name = "shout"

            def __init__(self, settings: Mapping[str, object], type_: str, keys: object) -> None:
                assert keys is KEYS
                self._end = f"{settings['end']} {type_}"

            def __call__(self, value: object, kind: object) -> str:
                del kind
                return f"{value}{self._end}"

        module.Shout = Shout  # type: ignore[attr-defined]
        module.no_action = lambda *_: 5  # type: ignore[attr-defined]

        def refuse(*_: object) -> None:
            raise PolicyError("shout: end: is missing")

        module.refuse = refuse  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "some_plugin", module)
        targets = {"shout": "Shout", "dull": "no_action", "broken": "absent", "strict": "refuse"}
        entries = [EntryPoint(name, f"some_plugin:{end}", plugins.ENTRY_POINT_GROUP) for name, end in targets.items()]
        entries.append(EntryPoint("twice", "some_plugin:Shout", plugins.ENTRY_POINT_GROUP))
        entries.append(EntryPoint("twice", "some_plugin:refuse", plugins.ENTRY_POINT_GROUP))

        def entry_points(*, group: str) -> Sequence[EntryPoint]:
            return entries if group == plugins.ENTRY_POINT_GROUP else []

        monkeypatch.setattr(plugins, "entry_points", entry_points)

    def test_an_installed_action(self) -> None:
        spec = read({"shout": {"end": "!"}})
        assert spec_name(spec) == "shout"
        assert compile_action(spec, "rule", KEYS)("hey", None) == "hey! rule"

    @pytest.mark.parametrize(
        ("name", "error", "words"),
        [
            ("tokenize", PolicyError, "no action is named 'tokenize'; did you mean 'tokenise'? known: broken, drop"),
            ("shoutt", PolicyError, "did you mean 'shout'?"),
            ("zzz", PolicyError, "no action is named 'zzz'; known: "),
            ("broken", PluginInvalid, "action 'broken' (some_plugin:absent) can't be built: AttributeError"),
            ("shout", PluginInvalid, "can't be built: KeyError"),
            ("dull", PluginInvalid, "is no action: it must be callable and have a name"),
            ("strict", PolicyError, "shout: end: is missing"),
            ("twice", PluginInvalid, "registered more than once: some_plugin:Shout and some_plugin:refuse"),
        ],
    )
    def test_one_that_does_not_work(self, name: str, error: type[Exception], words: str) -> None:
        with pytest.raises(error, match=re.escape(words)):
            compile_action(read({name: {}}), "rule", KEYS)
