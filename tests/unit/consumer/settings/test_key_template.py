"""Key templates: what they accept, what they render, and that the default never makes two records one item."""

from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.dynamodb.item import ItemEncoder
from consumer.errors import EncodeError
from consumer.record import Record
from consumer.settings import Output
from consumer.settings.key_template import MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, KeyTemplate
from tests.kits.examples import examples

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


@pytest.mark.parametrize(
    ("template", "joined", "escaped"),
    [
        ("{user_id}", True, True),
        ("u#{user_id}!", True, True),
        ("{timestamp}#{shard}#{sequence}#{sub}", True, True),
        ("{shard}#{sequence}#{sub}#{a}", True, True),
        ("{sub}#{a}#{sequence}", True, True),
        ("{stream}{a}", False, False),
        ("{shard}-{a}", False, True),
        ("{shard}#{stream}", True, True),
        ("{sequence}{sub}", False, False),
        ("{sequence}0{sub}", False, False),
        ("{amount}{sub}#{shard}#{sequence}", False, False),
        ("{tenant}#{account}", False, True),
        ("{tenant}x#{account}", False, True),
        ("{tenant}x{account}", False, False),
        ("{tenant}%{account}", False, False),
        ("{a}#{sub}#{b}", False, True),
        ("{a}{b}", False, False),
    ],
)
def test_knows_whether_different_values_give_different_keys(template: str, joined: bool, escaped: bool) -> None:  # noqa: FBT001
    assert (KeyTemplate(template, MAX_SORT_KEY_BYTES).meeting is None) == joined
    assert (KeyTemplate(template, MAX_SORT_KEY_BYTES, escaped=True).meeting is None) == escaped


def test_a_template_whose_values_meet_is_not_unique() -> None:
    assert not KeyTemplate("{amount}{sub}#{shard}#{sequence}", MAX_SORT_KEY_BYTES).is_unique_per_record
    assert KeyTemplate("{amount}#{sub}#{shard}#{sequence}", MAX_SORT_KEY_BYTES).is_unique_per_record


PIECES = st.lists(
    st.tuples(
        st.sampled_from(["{a}", "{b}", "{c.d}", "{shard}", "{sequence}", "{sub}"]),
        st.sampled_from(["", "#", "##", "-", ":", "x", "%", "#-", "23", "a#", ".", " "]),
    ),
    min_size=1,
    max_size=4,
)
FREE = st.text("#-:.x%23A0 ", min_size=1, max_size=5)
RECORDS = st.tuples(
    FREE, FREE, FREE, st.sampled_from(["s-1", "s-11", "s.1-1"]), st.sampled_from(["1", "11", "110"]),
    st.sampled_from(["0", "1", "11"]),
)  # fmt: skip


@examples(2000)
@given(PIECES, st.booleans(), st.lists(RECORDS, min_size=2, max_size=12))
def test_different_values_never_give_one_key(
    pieces: list[tuple[str, str]],
    escaped: bool,  # noqa: FBT001
    records: list[tuple[str, ...]],
) -> None:
    template = KeyTemplate("".join(map("".join, pieces)), MAX_SORT_KEY_BYTES, escaped=escaped)
    if template.meeting:
        return
    seen: dict[str, tuple[str, ...]] = {}
    for a, b, d, shard, sequence, sub in records:
        by_name = {"a": a, "b": b, "c.d": d, "shard": shard, "sequence": sequence, "sub": sub}
        values = tuple(by_name[name] for name in template.names)
        key = template.render({"a": a, "b": b, "c": {"d": d}}, {"shard": shard, "sequence": sequence, "sub": sub})
        assert seen.setdefault(key, values) == values


@pytest.mark.parametrize("template", ["{a}#{b}", "{a}##{b}", "{a}x#{b}", "{a}#x{b}"])
def test_no_two_of_all_short_values_give_one_escaped_key(template: str) -> None:
    compiled = KeyTemplate(template, MAX_SORT_KEY_BYTES, escaped=True)
    texts = ["".join(text) for length in (1, 2, 3) for text in product("#%23x", repeat=length)]
    keys = {compiled.render({"a": a, "b": b}, {}) for a in texts for b in texts}
    assert len(keys) == len(texts) ** 2


@given(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_keys_whose_values_hold_no_separator_are_the_same_in_both_forms(a: str, b: str) -> None:
    if "#" in a + b or "%23" in a + b or "%25" in a + b:
        return
    joined, escaped = (KeyTemplate("{a}#{b}", MAX_SORT_KEY_BYTES, escaped=form) for form in (False, True))
    assert joined.render({"a": a, "b": b}, {}) == escaped.render({"a": a, "b": b}, {}) == f"{a}#{b}"


def test_a_template_of_one_field_is_the_same_in_both_forms() -> None:
    template = KeyTemplate(Output().sort_key, MAX_SORT_KEY_BYTES, escaped=True)
    assert template.render({"timestamp": "a#b"}, METADATA) == "a#b#shardId-000000000001#495#3"


MEETING = {"partition_key": "{tenant}#{account}", "sort_key": "latest#{account}"}


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        (MEETING, "set output.key_form to escaped"),
        ({"index": {"partition_key": "{a}:{b}"}}, "set output.key_form to escaped"),
        ({"sort_key": "{amount}{sub}#{shard}#{sequence}"}, "part them by a separator"),
        ({"sort_key": "{amount}{sub}#{shard}#{sequence}", "key_form": "escaped"}, "part them by a separator"),
    ],
)
def test_a_template_whose_values_meet_is_refused(output: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        Output.model_validate(output)


def test_items_of_different_values_are_different_items_in_the_escaped_form() -> None:
    output = Output.model_validate(MEETING | {"key_form": "escaped", "index": {"partition_key": "{tenant}#{account}"}})
    encoder = ItemEncoder(output, "orders", "shardId-1", "p@1", "d")
    record = Record("1", 0, 0, b"")
    documents = [{"tenant": "a#b", "account": "c"}, {"tenant": "a", "account": "b#c"}, {"tenant": "a", "account": "b"}]
    items = [encoder.encode(document, record) for document in documents]
    assert [item.key for item in items] == [("a%23b#c", "latest#c"), ("a#b%23c", "latest#b#c"), ("a#b", "latest#b")]
    assert [item.attributes["_sanitizer_ipk"]["S"] for item in items] == [item.key[0] for item in items]
