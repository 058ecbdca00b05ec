"""Settings: file, environment, defaults; refusals name the place and show no value."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from consumer.errors import UsageError
from consumer.settings import Settings, lease_tables, load_settings

SECRET = "correct horse battery staple, 4111"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.yaml"


def refusal(file: Path | None, content: str = "") -> str:
    if file:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as error:
        load_settings(file)
    assert error.value.exit_status == 2
    return str(error.value)


def test_everything_has_a_default() -> None:
    settings = load_settings(None)
    assert settings.stream.name == "transactions"
    assert settings.http.port == 9464
    assert settings.output.reserved_attribute == "_sanitizer"


def test_an_empty_file_changes_nothing(file: Path) -> None:
    file.write_text("")
    assert load_settings(file) == load_settings(None)


def test_the_environment_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("stream: {name: of-file, initial_position: LATEST}\nhttp: {port: 1}\n")
    monkeypatch.setenv("SANITIZER_STREAM__NAME", "of-environment")
    settings = load_settings(file)
    assert (settings.stream.name, settings.stream.initial_position) == ("of-environment", "LATEST")
    assert settings.http.port == 1


@pytest.mark.parametrize("url", ["https://docs.example.com/runbook/", "http://127.0.0.1:8000/runbook.html?of=us"])
def test_the_runbook_has_an_address(url: str, file: Path) -> None:
    file.write_text(yaml.safe_dump({"http": {"runbook_url": url}}))
    assert load_settings(file).http.runbook_url == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//a",
        "https://me:pass@a",
        "https://a#b",
        'https://a"',
        "https://a\x1b[1m",
    ],
)
def test_what_is_no_address_of_a_page_is_no_runbook(url: str, file: Path) -> None:
    assert "http.runbook_url: must be the address of a page" in refusal(
        file, yaml.safe_dump({"http": {"runbook_url": url}})
    )


def test_structured_values_come_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANITIZER_KCL__EXTRA_PROPERTIES", '{"maxLeasesForWorker": "5"}')
    monkeypatch.setenv("SANITIZER_REDACTION__OPTIONS__POLICY", "policy.yaml")
    monkeypatch.setenv("SANITIZER_RUNTIME_DIR", "/var/run/sanitizer")
    settings = load_settings(None)
    assert settings.kcl.extra_properties == {"maxLeasesForWorker": "5"}
    assert settings.redaction.options == {"policy": "policy.yaml"}
    assert settings.runtime_dir == Path("/var/run/sanitizer")


def test_the_variable_that_names_the_file_is_no_misspelt_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANITIZER_CONFIG", "settings.yaml")
    assert load_settings(None) == Settings()


@pytest.mark.parametrize(
    "variable", ["SANITIZER_STREAM__NAM", "SANITIZER_STRAEM__NAME", "SANITIZER_STREAM_NAME", "SANITIZER_NAME"]
)
def test_an_unknown_variable_is_refused(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, SECRET)
    said = refusal(None)
    assert variable in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("strem: {name: a}", "strem"),
        ("stream: {nam: a}", "stream.nam"),
        ("_env_file: /etc/hostname", "_env_file"),
        ("1: 2", "1"),
        ("stream: {1: 2}", "stream.1"),
    ],
)
def test_an_unknown_key_is_refused(file: Path, content: str, place: str) -> None:
    assert f"{place}: " in refusal(file, content)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (f"quarantine: {{fingerprint_key: '{SECRET[:31]}'}}", "quarantine.fingerprint_key"),
        (f"quarantine: {{fingerprint_secret: '{SECRET}'}}", "quarantine.fingerprint_secret"),
        (f"quarantine: {{fingerprint_key: '{SECRET * 2}', fingerprint_secret: 'secretsmanager:x'}}", "quarantine"),
        (f"http: {{port: '{SECRET}'}}", "http.port"),
        (f"kcl: {{retrieval_mode: '{SECRET}'}}", "kcl.retrieval_mode"),
        (f"output: {{table: '{SECRET}'}}", "output.table"),
        (f"stream: '{SECRET}'", "stream"),
        (f"pipeline: {{checkpoint_seconds: ['{SECRET}']}}", "pipeline.checkpoint_seconds"),
        (f"output: {{sort_key: ['{SECRET}']}}", "output.sort_key"),
    ],
)
def test_a_bad_value_is_named_by_its_place_and_not_shown(file: Path, content: str, place: str) -> None:
    said = refusal(file, content)
    assert f"{place}: " in said
    assert str(file) in said
    assert SECRET[:20] not in said


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (
            "redaction: {options: {policy: allow-list}}\nstream: {name: a}\nredaction: {timeout_seconds: 5}\n",
            "settings.yaml:3 names 'redaction' twice",
        ),
        (
            "redaction:\n  options:\n    policy: allow-list\n    policy: default\n",
            "settings.yaml:4 names 'policy' twice",
        ),
        ("sinks:\n  - plugin: jsonl\n    plugin: kinesis\n", "settings.yaml:3 names 'plugin' twice"),
        ('{"http": {"port": 1, "port": 2}}', "settings.yaml:1 names 'port' twice"),
    ],
)
def test_a_key_that_stands_twice_is_refused_at_every_level(file: Path, content: str, place: str) -> None:
    """YAML would let the last one win: an allow-list was gone, and the laxer default applied."""
    assert place in refusal(file, content)


@pytest.mark.parametrize("variable", ["SANITIZER_REDACTION", "SANITIZER_REDACTION__OPTIONS"])
def test_a_key_that_stands_twice_in_a_variable_is_refused(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = '{"policy": "allow-list", "policy": "default"}'
    monkeypatch.setenv(variable, value if variable.endswith("OPTIONS") else f'{{"options": {value}}}')
    assert refusal(None).endswith(f": {variable}: must be JSON, in which no key stands twice.")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("http: {}\nstraem: {name: a}", "settings.yaml:2: straem: unknown key; did you mean 'stream'?"),
        ("kcl:\n  heap_md: 5", "settings.yaml:2: kcl.heap_md: unknown key; did you mean 'heap_mb'?"),
        (
            "sinks:\n- plugin: jsonl\n- plugim: jsonl",
            "yaml:3: sinks.1.plugim: unknown key; did you mean 'plugin'",
        ),
        (
            "redaction:\n  candidate:\n    polcy: a",
            "yaml:3: redaction.candidate.polcy: unknown key; did you",
        ),
        ("logs:\n  colour: red", "settings.yaml:2: logs.colour: unknown key; known: level, format, cloudwatch_metrics"),
        ("logs:\n  format: console\n  cloudwatch_metrics: true", "format must not be console"),
        ("logs: {}\nhttp:\n\n  port: high", "settings.yaml:4: http.port: "),
        ("output:\n  table: t\nsinks:\n  - {}", "settings.yaml:4: sinks.0.plugin: is missing; add it"),
    ],
)
def test_a_mistake_has_its_line_and_what_was_probably_meant(file: Path, content: str, said: str) -> None:
    assert said in refusal(file, content)


def test_a_mistake_of_the_environment_is_not_blamed_on_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANITIZER_HTTP__PORT", SECRET)
    said = refusal(file, "http:\n  port: 9464\n")
    assert "SANITIZER_HTTP__PORT: http.port: " in said
    assert "settings.yaml" not in said


def test_why_a_file_is_no_yaml_shows_nothing_of_it(file: Path) -> None:
    assert "4111" not in refusal(file, "quarantine: {fingerprint_key: *4111}")


@pytest.mark.parametrize("variable", ["SANITIZER_REDACTION__OPTIONS", "SANITIZER_REDACTION"])
def test_broken_json_in_a_variable_is_refused_in_one_sentence(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, f"{{{SECRET}")
    said = refusal(None)
    assert said == f"The configuration is not valid: {variable}: must be JSON, in which no key stands twice."


def test_every_problem_is_told_at_once_each_with_its_place(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANITIZER_HTTP__PORT", "high")
    monkeypatch.setenv("SANITIZER_OUTPUT", '{"tabel": "t"}')
    monkeypatch.setenv("SANITIZER_LOG__LEVEL", "info")
    said = refusal(file, "http: {port: 1}\nsinks: []\nstream:\n  nam: a\n  name: ''\n1: 2\nstraem: {}\n")
    stream = "must be 1 to 128 letters, digits, '_', '.' and '-'"
    assert sorted(said.splitlines()) == sorted(
        [
            "The configuration is not valid:",
            "SANITIZER_LOG__LEVEL: this environment variable names no setting; did you mean SANITIZER_LOGS__LEVEL?",
            "SANITIZER_HTTP__PORT: http.port: must be a whole number",
            "SANITIZER_OUTPUT: output.tabel: unknown key; did you mean 'table'?",
            f"{file}:2: sinks: needs 1 or more entries",
            f"{file}:4: stream.nam: unknown key; did you mean 'name'?",
            f"{file}:5: stream.name: {stream}",
            f"{file}:6: 1: unknown key; known: {', '.join(Settings.model_fields)}",
            f"{file}:7: straem: unknown key; did you mean 'stream'?",
        ]
    )


def test_a_contradiction_of_variables_names_them(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANITIZER_OUTPUT__VERSION_FIELD", "updated_at")
    said = refusal(file, "http: {port: 1}")
    assert "SANITIZER_OUTPUT__VERSION_FIELD: output: version_field is set, but write_mode is put" in said
    assert f"{file}:1: output: version_field is set" in refusal(file, "output: {write_mode: put}")


def _settings(model: type[BaseModel], place: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    for name, field in model.model_fields.items():
        yield (*place, name)
        of_a_list = (0,) if get_origin(field.annotation) is tuple else ()
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _settings(part, (*place, name, *of_a_list))


def refused(file: Path) -> str:
    try:
        load_settings(file)
    except UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "value",
    [None, "", f"{SECRET}\n", [], [SECRET], {}, {"a": SECRET}, True, -41111, 4.1111e30, float("nan"), -0.41111],
    ids=repr,
)
def test_no_setting_is_refused_in_the_words_of_a_library(file: Path, value: object) -> None:
    """Nor is any value shown that is of somebody's file, but for key templates, which are names of fields."""
    refusals = 0
    for place in _settings(Settings):
        content: object = value
        for name in reversed(place):
            content = {name: content} if isinstance(name, str) else [content]
        file.write_text(yaml.safe_dump(content))
        said = refused(file).replace(str(file), "")
        refusals += f"{'.'.join(map(str, place))}: " in said
        assert not re.search(r"[Ii]nput|should|pattern|Tuple|Field|\^", said), said
        assert place[-1] in ("partition_key", "sort_key") or not re.search("battery|1111", said), said
    assert refusals > 50  # of about seventy


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("- a list", "must hold sections"),
        ("a: b: c", "settings.yaml:1 is not YAML: mapping values are not allowed here."),
        ("stream: {name: a\n", "settings.yaml:2 is not YAML: expected ',' or '}', but got '<stream end>'."),
        ("http: {}\nstream: {name: 2024-13-45}", "settings.yaml:2 is not YAML: no such date, number or value; is it"),
        ("http: {port: !!bool x}", "settings.yaml:1 is not YAML: no such date, number or value"),
        ("stream: &a {name: *a}", "settings.yaml:1 is nested too deep, or holds itself."),
        ("http: {port: *secret}", "settings.yaml:1 is not YAML: found undefined alias."),
        ("!!python/object/apply:secret []", "settings.yaml:1 is not YAML: could not determine a constructor for the"),
        ('http: {port: "\\secret"}', "settings.yaml:1 is not YAML: found unknown escape character."),
        ("%TAG secret", "settings.yaml:1 is not YAML."),
        ("%YAML 1.1secret", "settings.yaml:1 is not YAML."),
        ("%YAML 1.1'secret", "settings.yaml:1 is not YAML."),
        ("http: &(secret)", "settings.yaml:1 is not YAML: expected alphabetic or numeric character."),
    ],
)
def test_a_file_that_holds_no_settings_is_refused(file: Path, content: str, said: str) -> None:
    found = refusal(file, content)
    assert said in found
    assert "secret" not in found


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load_settings(tmp_path / "missing.yaml")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load_settings(tmp_path)
    (tmp_path / "latin").write_bytes(b"stream: {name: \xff}")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        load_settings(tmp_path / "latin")


def test_secrets_are_starred_wherever_settings_are_shown() -> None:
    settings = Settings.model_validate({"quarantine": {"fingerprint_key": SECRET * 2}})
    assert settings.quarantine.fingerprint_key is not None
    assert settings.quarantine.fingerprint_key.get_secret_value() == SECRET * 2
    for shown in (str(settings.model_dump(mode="json")), settings.model_dump_json(), repr(settings)):
        assert "****" in shown
        assert SECRET not in shown


@pytest.mark.parametrize(
    "content",
    [
        "output: {table: same}\nquarantine: {table: same}",
        "output: {table: kinesis-sanitizer}",
        "kcl: {application: app}\nquarantine: {table: app-CoordinatorState}",
        "kcl: {application: app}\noutput: {table: app-WorkerMetricStats}",
    ],
)
def test_a_table_of_two_purposes_is_refused(file: Path, content: str) -> None:
    assert "is named twice" in refusal(file, content)


def test_kcl_has_three_tables() -> None:
    assert lease_tables("app") == ("app", "app-WorkerMetricStats", "app-CoordinatorState")


@pytest.mark.parametrize("key", ["partition_key", "sort_key"])
def test_a_malformed_template_is_refused(file: Path, key: str) -> None:
    assert f"output.{key}: the key template" in refusal(file, f"output: {{{key}: constant}}")


def test_settings_that_contradict_each_other_are_refused(file: Path) -> None:
    content = "kcl: {extra_properties: {fanoutConfig.consumerName: a}}"
    assert "retrieval_mode is POLLING" in refusal(file, content)
    file.write_text("kcl: {retrieval_mode: FANOUT, extra_properties: {fanoutConfig.consumerName: a}}")
    assert load_settings(file).kcl.retrieval_mode == "FANOUT"


@pytest.mark.parametrize(
    "redaction",
    [
        "{options: {policy: default, keys: here}}",
        "{plugin: other, options: {keys: here}, keys: there}",
    ],
)
def test_keys_have_one_source(file: Path, redaction: str) -> None:
    assert "name their source as redaction.keys" in refusal(file, f"redaction: {redaction}")


def test_a_plug_in_may_have_an_option_of_its_own_called_keys(file: Path) -> None:
    file.write_text("redaction: {plugin: other, options: {keys: here}}")
    assert load_settings(file).redaction.options == {"keys": "here"}


def test_a_candidate_is_named_in_file_or_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(None).redaction.candidate is None
    file.write_text("redaction: {keys: keys.yaml, candidate: {policy: next.yaml}}")
    candidate = load_settings(file).redaction.candidate
    assert candidate
    assert candidate.policy == str(file.parent / "next.yaml")
    monkeypatch.setenv("SANITIZER_REDACTION__CANDIDATE__POLICY", "other.yaml")
    monkeypatch.setenv("SANITIZER_REDACTION__KEYS", "secretsmanager:prod/keys")
    redaction = load_settings(file).redaction
    assert redaction.candidate
    assert (redaction.candidate.policy, redaction.keys) == ("other.yaml", "secretsmanager:prod/keys")


@pytest.mark.parametrize("redaction", ["{candidate: {}}", "{candidate: next.yaml}", "{candidate: {policy: ''}}"])
def test_a_candidate_needs_a_policy(file: Path, redaction: str) -> None:
    assert "redaction.candidate" in refusal(file, f"redaction: {redaction}")


def test_settings_survive_the_way_to_a_pipeline_process() -> None:
    settings = Settings.model_validate(
        {
            "stream": {"name": "orders"},
            "kcl": {"java": "/opt/java"},
            "redaction": {"keys": "keys.yaml", "candidate": {"policy": "next.yaml"}},
        }
    )
    sent = settings.model_dump(mode="json", exclude={"quarantine": {"fingerprint_key"}})
    assert Settings(**sent) == settings


def test_a_file_that_is_nested_without_end_is_no_yaml(file: Path) -> None:
    assert refusal(file, "stream: " + "[" * 5000).endswith("is nested too deep, or holds itself.")
