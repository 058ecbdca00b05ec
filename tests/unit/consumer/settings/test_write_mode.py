"""Which settings and policies fit `write_mode: newest`; what does not is refused before anything starts."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from consumer.dynamodb.item import ItemEncoder, decode_item, item_encoder
from consumer.dynamodb.names import VERSION
from consumer.errors import EncodeError, UsageError
from consumer.record import Record
from consumer.redactors.loading import load_candidate, load_plugin
from consumer.settings import Output, Settings, load_settings
from tests.kits.cli import Run

BY_FIELD = {"write_mode": "newest", "partition_key": "{user_id}", "sort_key": "{kind}", "version_field": "at"}
BY_PLACE = {"write_mode": "newest", "partition_key": "{user_id}", "sort_key": "latest#{user_id}"}
KEYED = {"partition_key_field": "user_id"}
SHARD = "shardId-000000000001"


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """Write a settings file; return its path."""

    def write(output: dict[str, Any], stream: dict[str, Any] | None = None, **sections: Any) -> Path:
        path = tmp_path / "worker.yaml"
        path.write_text(yaml.safe_dump({"output": output, "stream": stream or {}, **sections}), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("output", "stream"),
    [
        ({}, {}),
        (BY_FIELD, {}),
        (BY_FIELD | {"sort_key": "{timestamp}#{shard}", "version_field": "meta.updated"}, {}),
        (BY_PLACE, KEYED),
        (BY_PLACE | {"sort_key": "{stream}"}, KEYED),
        (BY_PLACE | {"partition_key": "{c.id}", "sort_key": "{c.id}"}, {"partition_key_field": "c.id"}),
    ],
    ids=repr,
)
def test_what_fits_is_accepted(file: Any, run: Run, output: dict[str, Any], stream: dict[str, Any]) -> None:
    assert run("config", "check", "--config", file(output, stream)).status == 0


@pytest.mark.parametrize(
    ("output", "stream", "said"),
    [
        ({"version_field": "at"}, {}, "version_field is set, but write_mode is put"),
        ({}, KEYED, "stream.partition_key_field is for output.write_mode newest"),
        (BY_FIELD, KEYED, "stream.partition_key_field is for output.write_mode newest without output.version_field"),
        ({"write_mode": "newest", "version_field": "at"}, {}, "sort_key holds {sequence}"),
        (BY_FIELD | {"partition_key": "{sequence}"}, {}, "partition_key holds {sequence}"),
        (BY_PLACE, {}, "nothing says which of two documents is the newer"),
        (BY_PLACE | {"sort_key": "{kind}"}, KEYED, "output.sort_key holds {kind}"),
        (BY_PLACE | {"sort_key": "{shard}"}, KEYED, "output.sort_key holds {shard}"),
        (BY_PLACE | {"sort_key": "{user_id.x}"}, KEYED, "output.sort_key holds {user_id.x}"),
        (
            BY_PLACE | {"partition_key": "{stream}", "sort_key": "{stream}"},
            KEYED,
            "neither key template holds {user_id}",
        ),
        (BY_PLACE, {"partition_key_field": "shard"}, "the record's metadata"),
        (BY_FIELD | {"version_field": "a..b"}, {}, "output.version_field"),
        (BY_FIELD | {"version_field": ""}, {}, "output.version_field"),
        (BY_FIELD | {"version_field": "{at}"}, {}, "output.version_field"),
        (BY_PLACE, {"partition_key_field": "{user_id}"}, "stream.partition_key_field"),
        (BY_FIELD | {"write_mode": "newer"}, {}, "output.write_mode"),
    ],
    ids=repr,
)
def test_what_does_not_fit_is_refused_with_a_sentence(
    file: Any, run: Run, output: dict[str, Any], stream: dict[str, Any], said: str
) -> None:
    ran = run("config", "check", "--config", file(output, stream))
    assert ran.status == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


RULES = [
    "fields: [{id: r, names: [FIELD], action: drop}]",
    "fields: [{id: r, names: [FIELD], action: mask}]",
    "fields: [{id: r, names: [FIELD], action: {replace: {with: x}}}]",
    "unknown_fields: mask",
]


@pytest.fixture
def policy(tmp_path: Path) -> Any:
    def write(text: str) -> dict[str, Any]:
        path = tmp_path / "policy.yaml"
        path.write_text(f"name: own\nversion: '1'\n{text}\n", encoding="utf-8")
        return {"policy": str(path)}

    return write


def ways(field: str = "at") -> list[tuple[dict[str, Any], str, str]]:
    return [
        ({"output": BY_FIELD}, field, "output.version_field"),
        ({"output": BY_PLACE, "stream": KEYED}, "user_id", "stream.partition_key_field"),
    ]


@pytest.mark.parametrize("rule", RULES[:3])
@pytest.mark.parametrize(("sections", "field", "setting"), ways())
def test_a_policy_that_changes_the_field_is_refused(
    policy: Any, sections: dict[str, Any], field: str, setting: str, rule: str
) -> None:
    options = policy(rule.replace("FIELD", field))
    with pytest.raises(UsageError) as refusal:
        load_plugin(Settings.model_validate(sections | {"redaction": {"options": options}}))
    if "drop" in rule and field == "user_id":
        assert "output.partition_key" in str(refusal.value)  # refused for the key already
    else:
        assert str(refusal.value).startswith(
            f"{setting}: rule 'r' of the policy 'own' does not release the field {field}"
        )
    with pytest.raises(UsageError, match=r"redaction\.candidate: "):
        load_candidate(Settings.model_validate(sections | {"redaction": {"candidate": options}}))


def test_what_no_rule_speaks_of_must_be_released(policy: Any) -> None:
    text = "unknown_fields: mask\nfields: [{id: r, names: [user_id, kind], action: release}]"
    made = Settings.model_validate({"output": BY_FIELD, "redaction": {"options": policy(text)}})
    with pytest.raises(UsageError, match="does not release the field at"):
        load_plugin(made)
    released = Settings.model_validate(
        {"output": BY_FIELD, "redaction": {"options": policy(text.replace("kind", "kind, at"))}}
    )
    assert load_plugin(released).name == "own"


def test_the_same_policy_does_for_put(policy: Any) -> None:
    options = policy(RULES[0].replace("FIELD", "at"))
    assert load_plugin(Settings.model_validate({"redaction": {"options": options}})).name == "own"


def encode(settings: Settings, document: dict[str, Any], key: str = "") -> Any:
    record = Record("7", 2, 5, orjson.dumps(document), key)
    return item_encoder(settings, SHARD, "p@1", "d").encode(document, record)


def test_the_item_says_how_old_it_is_and_of_what_that_was_made() -> None:
    settings = Settings.model_validate({"output": BY_FIELD})
    item = encode(settings, {"user_id": "u", "kind": "k", "at": '2024"ü'})
    document, added = decode_item(item.attributes, settings.output)
    assert document == {"user_id": "u", "kind": "k", "at": '2024"ü'}
    assert added[VERSION] == item.version == 't2024"ü\x1f' + "7".zfill(56) + "#0000000002"
    assert added["version_of"] == "field at"
    assert (added["sequence"], added["sub"], added["arrival_ms"]) == ("7", 2, 5)


def test_the_partition_key_itself_is_compared_and_not_stored() -> None:
    settings = Settings.model_validate({"output": BY_PLACE, "stream": KEYED})
    item = encode(settings, {"user_id": "u", "x": 1}, "u")
    assert decode_item(item.attributes, settings.output)[1]["version_of"] == "sequence number in transactions"
    with pytest.raises(EncodeError) as refusal:
        encode(settings, {"user_id": "u", "x": 1}, "4111111111111111")
    assert refusal.value.code == "partition_key_differs"
    assert "4111" not in str(refusal.value)


def test_put_writes_no_version() -> None:
    item = encode(load_settings(None), {"user_id": "u", "timestamp": "t"})
    assert item.version == ""
    assert VERSION not in item.attributes["_sanitizer"]["M"]


def test_an_encoder_without_versions_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="versions"):
        ItemEncoder(Output.model_validate(BY_FIELD), "orders", SHARD, "p@1", "d")
