"""Key templates: what they accept, what they render, and that the default never makes two records one item."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import EncodeError
from consumer.settings import Output
from consumer.settings.key_template import MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, KeyTemplate

METADATA = {"stream": "orders", "shard": "shardId-000000000001", "sequence": "495", "sub": "3", "arrival": "1710498600"}


def render(template: str, document: dict[str, Any], limit: int = MAX_PARTITION_KEY_BYTES) -> str:
    return KeyTemplate(template, limit).render(document, METADATA)


@pytest.mark.parametrize(
    ("template", "document", "key"),
    [
        ("{user_id}", {"user_id": "12345"}, "12345"),
        ("u#{user_id}!", {"user_id": 12345}, "u#12345!"),
        ("{a.b.c}", {"a": {"b": {"c": "deep"}}}, "deep"),
        ("{n}", {"n": Decimal("149.90")}, "149.90"),
        ("{n}", {"n": Decimal("1E+3")}, "1000"),
        ("{n}", {"n": Decimal("1E-90")}, "1E-90"),
        ("{stream}/{shard}/{sequence}/{sub}/{arrival}", {}, "orders/shardId-000000000001/495/3/1710498600"),
        ("{shard}", {"shard": "a field that a template cannot reach"}, "shardId-000000000001"),
        ("{größe}{größe}", {"größe": "ü"}, "üü"),
    ],
)
def test_renders(template: str, document: dict[str, Any], key: str) -> None:
    assert render(template, document) == key


@pytest.mark.parametrize(
    ("template", "document", "code"),
    [
        ("{user_id}", {}, "key_missing"),
        ("{user_id}", {"user_id": None}, "key_missing"),
        ("{a.b}", {"a": "no object"}, "key_missing"),
        ("{a.b}", {"a.b": "not a path"}, "key_missing"),
        ("{user_id}", {"user_id": ""}, "key_empty"),
        ("always#{user_id}", {"user_id": ""}, "key_empty"),
        ("{user_id}", {"user_id": True}, "key_not_scalar"),
        ("{user_id}", {"user_id": ["12345"]}, "key_not_scalar"),
        ("{user_id}", {"user_id": {"id": 1}}, "key_not_scalar"),
        ("{user_id}", {"user_id": "x" * 2049}, "key_too_long"),
        ("{user_id}", {"user_id": "ü" * 1025}, "key_too_long"),
        ("{user_id}x", {"user_id": "ü" * 1024}, "key_too_long"),
    ],
)
def test_refuses(template: str, document: dict[str, Any], code: str) -> None:
    with pytest.raises(EncodeError) as refusal:
        render(template, document)
    assert refusal.value.code == code


def test_the_limit_counts_bytes() -> None:
    assert len(render("{user_id}", {"user_id": "ü" * 1024})) == 1024
    with pytest.raises(EncodeError):
        render("{user_id}", {"user_id": "ü" * 513}, limit=MAX_SORT_KEY_BYTES)


@pytest.mark.parametrize(
    "template", ["", "constant", "{}", "{a", "a}", "{a}}", "{{a}}", "{a.}", "{.a}", "{a..b}", "x{}{a}"]
)
def test_a_malformed_template_is_refused_at_the_start(template: str) -> None:
    with pytest.raises(ValueError, match="key template"):
        KeyTemplate(template, MAX_SORT_KEY_BYTES)


def test_knows_whether_it_names_the_whole_identity() -> None:
    assert KeyTemplate(Output().sort_key, MAX_SORT_KEY_BYTES).is_unique_per_record
    assert not KeyTemplate("{timestamp}#{shard}#{sequence}", MAX_SORT_KEY_BYTES).is_unique_per_record


IDENTITIES = st.tuples(
    st.text("#{}0123456789-:TZ", min_size=1, max_size=12),  # timestamps as nasty as a sender may make them
    st.sampled_from(["shardId-000000000000", "shardId-000000000001", "shardId-000000000010"]),
    st.integers(0, 10**56).map(str),
    st.integers(0, 1000).map(str),
)


@given(IDENTITIES, IDENTITIES)
def test_with_the_default_keys_no_two_records_share_an_item(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    template = KeyTemplate(Output().sort_key, MAX_SORT_KEY_BYTES)

    def sort_key(record: tuple[str, ...]) -> str:
        timestamp, shard, sequence, sub = record
        return template.render({"timestamp": timestamp}, {"shard": shard, "sequence": sequence, "sub": sub})

    assert (sort_key(one) == sort_key(other)) == (one == other)
