"""Files that the settings file names: found from its folder, and as before from the current one."""

from pathlib import Path

import pytest

from consumer.errors import UsageError
from consumer.redactors.loading import load_plugin
from consumer.settings import Settings, load_settings, outcome_digest

POLICY = 'name: mine\nversion: "1"\nextends: default\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in one folder, with the settings in another."""
    (tmp_path / "here").mkdir()
    (tmp_path / "conf").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return tmp_path / "conf"


def settings_of(conf: Path, text: str) -> Settings:
    (conf / "settings.yaml").write_text(text, encoding="utf-8")
    return load_settings(conf / "settings.yaml")


def test_a_policy_beside_the_settings_is_found_from_anywhere(conf: Path) -> None:
    (conf / "mine.yaml").write_text(POLICY)
    assert load_plugin(settings_of(conf, "redaction: {options: {policy: mine.yaml}}")).name == "mine"


def test_one_in_the_current_folder_is_found_as_before(conf: Path, here: Path) -> None:
    (here / "mine.yaml").write_text(POLICY)
    settings = settings_of(conf, "redaction: {options: {policy: mine.yaml}}")
    assert settings.redaction.options == {"policy": "mine.yaml"}  # and so digests of settings stay as they were
    assert load_plugin(settings).name == "mine"


def test_which_of_two_is_meant_is_not_guessed(conf: Path, here: Path) -> None:
    for folder in (conf, here):
        (folder / "mine.yaml").write_text(POLICY)
    with pytest.raises(UsageError, match=r"settings.yaml:2: redaction.options.policy: lies in .*; write the whole pat"):
        settings_of(conf, "redaction:\n  options: {policy: mine.yaml}")
    settings_of(conf, f"redaction: {{options: {{policy: {here / 'mine.yaml'}}}}}")


def test_one_file_in_both_folders_is_one(conf: Path, here: Path) -> None:
    (here / "mine.yaml").write_text(POLICY)
    (conf / "mine.yaml").symlink_to(here / "mine.yaml")
    assert settings_of(conf, "redaction: {options: {policy: mine.yaml}}").redaction.options == {"policy": "mine.yaml"}


def test_where_a_missing_one_was_looked_for_is_said(conf: Path) -> None:
    with pytest.raises(UsageError, match=f"{conf}/mine.yaml: can't be read"):
        load_plugin(settings_of(conf, "redaction: {options: {policy: mine.yaml}}"))


def test_every_file_that_is_read_is_looked_for_so(conf: Path) -> None:
    settings = settings_of(
        conf,
        "stream: {format: [gzip, {confluent: {folder: schemas}}]}\n"
        "redaction: {options: {policy: default}, keys: keys.yaml, candidate: {policy: next.yaml}}",
    )
    assert settings.stream.format == ("gzip", {"confluent": {"folder": str(conf / "schemas")}})
    assert settings.redaction.options == {"policy": "default"}
    assert settings.redaction.keys == str(conf / "keys.yaml")
    assert settings.redaction.candidate is not None
    assert settings.redaction.candidate.policy == str(conf / "next.yaml")


@pytest.mark.parametrize("keys", ["secretsmanager:prod/keys", "arn:aws:secretsmanager:eu-central-1:1:secret:a"])
def test_what_is_no_file_stays(conf: Path, keys: str) -> None:
    settings = settings_of(conf, f"redaction: {{plugin: other, options: {{policy: mine.yaml}}, keys: '{keys}'}}")
    assert (settings.redaction.options, settings.redaction.keys) == ({"policy": "mine.yaml"}, keys)


def test_what_a_variable_names_is_in_the_current_folder(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (conf / "mine.yaml").write_text(POLICY)
    monkeypatch.setenv("SANITIZER_REDACTION__OPTIONS__POLICY", "mine.yaml")
    settings = settings_of(conf, "redaction: {options: {policy: other.yaml}}")
    assert settings.redaction.options == {"policy": "mine.yaml"}


def test_a_digest_is_of_what_is_written_wherever_it_is_called(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(keys: str = "keys.yaml", folder: str = "schemas") -> str:
        text = f"redaction: {{keys: {keys}}}\nstream: {{format: [{{confluent: {{folder: {folder}}}}}]}}"
        return outcome_digest(settings_of(conf, text))

    (conf / "keys.yaml").touch()
    (conf / "schemas").mkdir()
    elsewhere = digest()
    monkeypatch.chdir(conf)
    assert digest() == elsewhere
    assert len({elsewhere, digest(keys="others.yaml"), digest(folder="others")}) == 3


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("redaction: {{keys: {}}}", "redaction.keys"),
        ("redaction: {{options: {{policy: {}}}}}", "redaction.options.policy"),
        ("stream: {{format: [{{confluent: {{folder: {}}}}}]}}", "stream.format.0.confluent.folder"),
    ],
)
def test_what_no_file_can_be_named_is_refused_with_its_place(conf: Path, text: str, place: str) -> None:
    with pytest.raises(UsageError) as refused:
        settings_of(conf, "\n" + text.format("k" * 300))
    assert f"settings.yaml:2: {place}: the file cannot be looked for (File name too long)." in str(refused.value)
    assert "kkk" not in str(refused.value)


def test_what_is_empty_names_no_file(conf: Path) -> None:
    assert settings_of(conf, "redaction: {options: {policy: ''}}").redaction.options == {"policy": ""}


@pytest.mark.parametrize("keys", ["arn:aws:s3:::bucket/keys.yaml", "arn:aws:kms:eu-central-1:1:key/a"])
def test_another_arn_is_no_file_either(conf: Path, keys: str) -> None:
    assert settings_of(conf, f"redaction: {{keys: '{keys}'}}").redaction.keys == keys
