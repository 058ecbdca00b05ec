from importlib.metadata import EntryPoint

import pytest

from redaction import plugin
from redaction.plugin import PluginInvalid, PluginNotFound, PolicyError, load_redactor

GROUP = "kinesis_sanitizer.redactors"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    entries: list[EntryPoint] = []
    monkeypatch.setattr(plugin, "entry_points", lambda *, group: entries if group == GROUP else [])
    return entries


def test_the_built_in_needs_no_installed_entry_point(installed: list[EntryPoint]) -> None:
    assert not installed
    assert load_redactor("policy", {}).name == "default"


def test_the_projects_own_registration_is_no_conflict(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("policy", "redaction.engine:from_options", GROUP))
    assert load_redactor("policy", {"policy": "default"}).name == "default"


def test_another_plugin_is_found_by_name(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("other", "redaction.engine:from_options", GROUP))
    assert load_redactor("other", {}).name == "default"


def test_an_unknown_name_lists_the_known(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("other", "nowhere:factory", GROUP))
    with pytest.raises(PluginNotFound, match=r"'polciy'.*known: other, policy"):
        load_redactor("polciy", {})


def test_two_plugins_of_one_name_are_refused(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("policy", "elsewhere:factory", GROUP))
    with pytest.raises(PluginInvalid, match="more than once"):
        load_redactor("policy", {})


@pytest.mark.parametrize("target", ["nowhere:factory", "redaction.engine.redactor:nothing", "builtins:list"])
def test_what_is_no_redactor_is_refused(installed: list[EntryPoint], target: str) -> None:
    installed.append(EntryPoint("broken", target, GROUP))
    with pytest.raises(PluginInvalid, match="'broken'"):
        load_redactor("broken", {})


@pytest.mark.parametrize("options", [{"polcy": "default"}, {"policy": 7}, {"policy": ""}, {"policy": "/no/such/file"}])
def test_bad_options_are_a_policy_error(options: dict[str, object]) -> None:
    with pytest.raises(PolicyError):
        load_redactor("policy", options)
