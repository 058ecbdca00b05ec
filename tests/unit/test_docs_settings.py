"""The page of the settings: each variable that it names is one, and each default would be taken."""

import json
import re
from pathlib import Path
from typing import Final

import pytest
import yaml

from consumer.settings import load_settings
from consumer.settings.load import settings_of
from consumer.settings.sources import read
from docs.setting_tables import Setting, sections

PAGE: Final = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
SETTINGS: Final = [setting for _, _, settings in sections() for setting in settings]
WITH_VARIABLE: Final = [
    setting for setting in SETTINGS if setting.variable and setting.schema.get("default") is not None
]


def name_of(setting: Setting) -> str:
    return ".".join(setting.path)


@pytest.mark.parametrize("setting", WITH_VARIABLE, ids=name_of)
def test_a_variable_sets_its_setting(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    default = setting.schema["default"]
    monkeypatch.setenv(setting.variable, default if isinstance(default, str) else json.dumps(default))
    sources = read(None)
    settings_of(sources)
    assert setting.variable in sources.origin(setting.path)


def test_the_defaults_together_are_settings(tmp_path: Path) -> None:
    written: dict[str, object] = {}
    for setting in WITH_VARIABLE:
        place: object = written
        for key in setting.path[:-1]:
            assert isinstance(place, dict)
            place = place.setdefault(key, {})
        assert isinstance(place, dict)
        place[setting.path[-1]] = setting.schema["default"]
    file = tmp_path / "worker.yaml"
    file.write_text(yaml.safe_dump(written), encoding="utf-8")
    assert load_settings(file) == load_settings(None)


def test_the_example_of_a_variable_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    (name, value), *more = re.findall(r"`(SANITIZER_\w+)='([^']+)'`", PAGE)
    assert not more
    monkeypatch.setenv(name, value)
    assert [sink.plugin for sink in load_settings(None).sinks] == ["jsonl"]


def test_no_setting_is_missing() -> None:
    for setting in SETTINGS:
        assert f"| `{name_of(setting)}`" in PAGE
    assert {"kcl.max_records", "output.index.sort_key", "sinks.plugin", "runtime_dir"} <= set(map(name_of, SETTINGS))
