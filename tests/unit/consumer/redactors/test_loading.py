"""The redactor as configured: its keys, its candidate, and whether it fits the keys of the stored items."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from consumer.errors import StartError, UsageError
from consumer.redactors.loading import YieldingRedactor, load_candidate, load_plugin, load_redaction
from consumer.settings import Settings
from redaction.engine import PolicyRedactor
from redaction.guard import redactor_for
from redaction.plugin import Rejected, Released, Tag, Verdict

SECRET = base64.b64encode(bytes(range(32))).decode()
TOKENISED = "fields: [{{id: user, names: [user_id], action: {{{action}: {{key: customer{more}}}}}}}]"


@pytest.fixture
def policy(tmp_path: Path) -> Any:
    """Write a policy file; return its path."""

    def write(text: str) -> str:
        file = tmp_path / "policy.yaml"
        file.write_text(f"name: own\nversion: '1'\n{text}\n")
        return str(file)

    return write


@pytest.fixture
def keys(tmp_path: Path) -> str:
    file = tmp_path / "keys.yaml"
    file.write_text(f"customer: [{{id: b, secret: {SECRET}}}, {{id: a, secret: {SECRET}}}]\n")
    return str(file)


def settings(policy: str, keys: str | None = None, **output: str) -> Settings:
    redaction = {"options": {"policy": policy}, "keys": keys}
    return Settings.model_validate({"redaction": redaction, "output": output})


def usage(made: Settings) -> str:
    with pytest.raises(UsageError) as caught:
        load_plugin(made)
    assert caught.value.exit_status == 2
    return str(caught.value)


@pytest.mark.parametrize("action", ["tokenise", "hash", "encrypt"])
def test_a_key_field_may_be_keyed_with_a_pinned_id_only(policy: Any, keys: str, action: str) -> None:
    said = usage(settings(policy(TOKENISED.format(action=action, more="")), keys))
    assert "output.partition_key: rule 'user'" in said
    assert "user_id" in said
    assert "pin one with 'key_id'" in said
    pinned = policy(TOKENISED.format(action=action, more=", key_id: a"))
    redactor = load_plugin(settings(pinned, keys))
    verdict = redactor.redact([b'{"user_id":"12345"}'])[0]
    assert isinstance(verdict, Released)
    assert verdict.document["user_id"] != "12345"


def test_a_keyed_field_outside_the_templates_needs_no_pin(policy: Any, keys: str) -> None:
    unpinned = policy(TOKENISED.format(action="tokenise", more=""))
    made = settings(unpinned, keys, partition_key="{merchant}", sort_key="{sequence}#{sub}#{shard}")
    assert load_plugin(made).name == "own"


@pytest.mark.parametrize("action", ["tokenise", "hash", "encrypt"])
def test_what_is_found_in_a_key_field_may_be_keyed_with_a_pinned_id_only(policy: Any, keys: str, action: str) -> None:
    text = "detectors: {{email: {{{action}: {{key: customer{more}}}}}}}"
    said = usage(settings(policy(text.format(action=action, more="")), keys))
    assert said.startswith("output.partition_key: detector 'email' of the policy 'own' ")
    assert "what it finds in the field user_id with whichever id of the key 'customer'" in said
    assert "pin one with 'key_id'" in said
    redactor = load_plugin(settings(policy(text.format(action=action, more=", key_id: a")), keys))
    verdict = redactor.redact([b'{"user_id":"jane@example.com"}'])[0]
    assert isinstance(verdict, Released)
    assert "jane" not in str(verdict.document["user_id"])


@pytest.mark.parametrize(
    "rules",
    [
        "unknown_fields: mask",
        "fields: [{id: r, names: [user_id, timestamp], action: mask}]",
        "fields: [{id: r, names: [user_id, timestamp], action: {tokenise: {key: customer, key_id: a}}}]",
        "exceptions: [{id: e, names: [user_id], paths: [timestamp], detectors: [email], reason: made by ourselves}]",
    ],
)
def test_nothing_is_found_in_key_fields_that_are_hidden_or_excepted(policy: Any, keys: str, rules: str) -> None:
    text = "detectors: {card: mask, email: {tokenise: {key: customer}}}\n"
    assert load_plugin(settings(policy(text + rules), keys)).name == "own"


@pytest.mark.parametrize(
    "rules",
    [
        "unknown_fields: mask\nfields: [{id: r, names: [user_id, timestamp], action: release}]",
        "exceptions: [{id: e, names: [user_id], detectors: [card], reason: made by ourselves}]",
        "exceptions: [{id: e, names: [timestamp], detectors: [email], reason: made by ourselves}]",
    ],
)
def test_released_key_fields_are_searched(policy: Any, keys: str, rules: str) -> None:
    text = "detectors: {card: mask, email: {tokenise: {key: customer}}}\n"
    assert "detector 'email'" in usage(settings(policy(text + rules), keys))


TAG = "tags: {{PUBLIC: release, MAIL: {{tokenise: {{key: customer{more}}}}}}}\n"


@pytest.mark.parametrize("rules", ["", "unknown_fields: mask", "fields: [{id: r, names: [user_id], action: release}]"])
def test_a_tag_that_a_key_field_may_bear_may_be_keyed_with_a_pinned_id_only(policy: Any, keys: str, rules: str) -> None:
    said = usage(settings(policy(TAG.format(more="") + rules), keys))
    assert said.startswith("output.partition_key: tag 'MAIL' of the policy 'own' tokenises the field user_id, where a ")
    assert "pin one with 'key_id'" in said
    assert load_plugin(settings(policy(TAG.format(more=", key_id: a") + rules), keys)).name == "own"


def test_a_tag_changes_nothing_of_key_fields_that_are_hidden(policy: Any, keys: str) -> None:
    rule = "fields: [{id: r, names: [user_id, timestamp], action: mask}]"
    assert load_plugin(settings(policy(TAG.format(more="") + rule), keys)).name == "own"


def test_a_plug_in_is_asked_for_the_redactor_of_a_schema() -> None:
    class Plain:
        name = version = digest = "1"

        def redact(self, payloads: Sequence[bytes]) -> list[Verdict]:
            return [Rejected("of_schema") for _ in payloads]

    class Aware(Plain):
        def tagged(self, _tags: Sequence[Tag]) -> Plain:
            return Plain()

    tags: list[Tag] = [(("a",), "PII")]
    assert redactor_for(YieldingRedactor(Plain()), tags) == Rejected("tag_unknown")
    found = redactor_for(YieldingRedactor(Aware()), tags)
    assert isinstance(found, YieldingRedactor)
    assert found.redact([b"{}"]) == [Rejected("of_schema")]


def test_keys_of_metadata_alone_are_not_searched(policy: Any, keys: str) -> None:
    text = policy("detectors: {email: {tokenise: {key: customer}}}")
    made = settings(text, keys, partition_key="{shard}", sort_key="{sequence}#{sub}")
    assert load_plugin(made).name == "own"


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("fields: [{id: r, names: [USER-ID], action: drop}]", "partition_key: rule 'r'"),
        ("fields: [{id: r, names: [user_id], action: quarantine}]", "partition_key: rule 'r'"),
        ("fields: [{id: r, paths: [timestamp], action: drop}]", "sort_key: rule 'r'"),
        ("unknown_fields: drop", "partition_key: rule 'unknown_fields'"),
        (
            "unknown_fields: quarantine\nfields: [{id: r, names: [user_id], action: release}]",
            "sort_key: rule 'unknown_fields'",
        ),
    ],
)
def test_a_key_field_that_is_never_released_is_refused(policy: Any, text: str, setting: str) -> None:
    said = usage(settings(policy(text)))
    assert f"output.{setting}" in said
    assert "no record could be stored" in said


def test_a_field_within_a_dropped_one_is_never_released(policy: Any) -> None:
    text = "fields: [{id: r, names: [customer], action: drop}]"
    assert "'r'" in usage(settings(policy(text), partition_key="{customer.id}"))


def test_metadata_is_no_field(policy: Any) -> None:
    text = "fields: [{id: r, names: [shard, arrival, stream], action: drop}]"
    assert load_plugin(settings(policy(text), partition_key="{shard}#{stream}#{arrival}")).name == "own"


def test_a_policy_that_needs_keys_and_has_none_says_where_to_name_them(policy: Any) -> None:
    assert "set redaction.keys" in usage(settings(policy(TOKENISED.format(action="hash", more=", key_id: a"))))


def test_a_key_that_is_not_in_the_file_is_a_matter_of_configuration(policy: Any, keys: str) -> None:
    text = TOKENISED.format(action="hash", more=", key_id: a").replace("customer", "custmer")
    said = usage(settings(policy(text), keys))
    assert "did you mean 'customer'?" in said
    assert SECRET[:12] not in said


def test_a_key_file_that_is_not_there_is_a_matter_of_configuration(policy: Any, tmp_path: Path) -> None:
    text = policy(TOKENISED.format(action="hash", more=", key_id: a"))
    for source in (tmp_path / "none.yaml", tmp_path, tmp_path / "none" / "keys.yaml"):
        assert f"key file {source} cannot be read" in usage(settings(text, str(source)))


def test_keys_out_of_reach_are_a_matter_of_the_surroundings(policy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETSMANAGER", "http://127.0.0.1:1")
    monkeypatch.setattr("consumer.redactors.key_provider._RETRIES", 0)
    text = policy(TOKENISED.format(action="hash", more=", key_id: a"))
    with pytest.raises(StartError, match="rule 'user'") as caught:
        load_plugin(settings(text, "secretsmanager:prod/keys"))
    assert caught.value.exit_status == 1


def test_an_arn_of_something_else_is_a_matter_of_configuration() -> None:
    assert "must be a path" in usage(settings("default", "arn:aws:s3:::bucket"))


def test_no_key_is_read_that_no_rule_needs() -> None:
    assert load_plugin(settings("default", "/nowhere/keys.yaml")).name == "default"
    assert load_redaction("policy", {}).name == "default"


def test_there_is_no_candidate_unless_one_is_named() -> None:
    assert load_candidate(Settings()) is None


def test_the_candidate_has_the_same_keys(policy: Any, keys: str) -> None:
    text = policy(TOKENISED.format(action="hash", more=", key_id: a"))
    redaction = {"keys": keys, "candidate": {"policy": text}}
    made = load_candidate(Settings.model_validate({"redaction": redaction}))
    assert isinstance(made, PolicyRedactor)
    assert made.name == "own"


@pytest.mark.parametrize("text", ["fields: [{id: r, names: [user_id], action: drop}]", "colour: red"])
def test_a_candidate_that_could_not_go_live_is_refused(policy: Any, text: str) -> None:
    made = Settings.model_validate({"redaction": {"candidate": {"policy": policy(text)}}})
    with pytest.raises(UsageError, match=r"^redaction\.candidate: "):
        load_candidate(made)


@pytest.mark.parametrize("name", ["default", "allow-list", "pci-dss", "gdpr-pseudonymise"])
def test_every_policy_that_comes_with_it_fits_the_default_keys(name: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text(f"pseudonyms: [{{id: a, secret: {SECRET}}}]\n")
    assert load_plugin(settings(name, str(file))).name == name


def test_the_fields_of_the_second_index_are_looked_at_too(policy: Any, keys: str) -> None:
    index: Any = {"partition_key": "{user_id}"}
    other = {"partition_key": "{merchant}", "index": index}
    said = usage(settings(policy(TOKENISED.format(action="tokenise", more="")), keys, **other))
    assert said.startswith("output.index.partition_key: rule 'user'")
    assert "one value would stand in the index under two keys" in said
    dropped = policy("fields: [{id: user, names: [user_id], action: drop}]")
    assert "no document would stand in the index" in usage(settings(dropped, **other))
