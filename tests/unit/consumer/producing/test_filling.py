import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import StartError, UsageError
from consumer.kinesis.producer import USUAL_RECORD_BYTES, Put, size_of
from consumer.producing import filling
from consumer.producing.filling import CONTROL_EVERY, check_documents, filled
from consumer.producing.formats import format_named

NDJSON = format_named("ndjson")


def documents(*keys: str) -> list[Put]:
    return [Put(b'{"n":%d}' % number, key) for number, key in enumerate(keys)]


def held(puts: list[Put]) -> list[bytes]:
    return [document for put in puts for document in put.documents or ()]


def test_documents_of_a_key_share_records_in_their_order() -> None:
    made = list(filled(documents(*"abababb"), NDJSON, 2))
    assert [(put.partition_key, put.documents) for put in made] == [
        ("a", (b'{"n":0}', b'{"n":2}')),
        ("b", (b'{"n":1}', b'{"n":3}')),
        ("b", (b'{"n":5}', b'{"n":6}')),
        ("a", (b'{"n":4}',)),
    ]
    assert made[0].data == b'{"n":0}\n{"n":2}\n'


@given(st.lists(st.sampled_from("abc")), st.integers(1, 5), st.integers(1, 4))
def test_each_document_is_in_one_record_after_those_of_its_key(keys: list[str], most: int, waiting: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling, "_WAITING", waiting)
        made = list(filled(documents(*keys), NDJSON, most))
    assert sorted(held(made)) == sorted(put.data for put in documents(*keys))
    assert all(len(put.documents or ()) <= most for put in made)
    for key in "abc":
        assert held([put for put in made if put.partition_key == key]) == [
            put.data for put in documents(*keys) if put.partition_key == key
        ]


def test_nothing_waits_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "_WAITING", 10)
    endless = (Put(b"{}", str(number)) for number in itertools.count())
    assert next(filled(endless, NDJSON)).partition_key == "0"


def test_what_a_format_cannot_hold_has_a_record_for_itself_after_what_came_before_it() -> None:
    source = [Put(b'{"n":0}', "a"), Put(b"{broken", "a"), Put(b'{"n":1}', "a")]
    made = list(filled(source, format_named("json-array")))
    assert [put.data for put in made] == [b'[{"n":0}]', b"{broken", b'[{"n":1}]']
    assert made[1].documents is None


def test_no_record_is_larger_than_a_usual_stream_takes() -> None:
    # Quotes and backslashes take more room within a text: what fits as it is does not fit within a message.
    message = b'"' * 4000
    made = list(filled([Put(message, "a")] * 400, format_named("cloudwatch-logs")._replace(write=_escaped), 2000))
    assert len(made) > 2
    assert all(size_of(put) <= USUAL_RECORD_BYTES for put in made)
    assert len(held(made)) == 400


def _escaped(messages: object) -> bytes:
    assert isinstance(messages, list)
    return b"".join(message.replace(b'"', b'\\"') for message in messages)


def test_a_document_that_no_stream_takes_is_told() -> None:
    with pytest.raises(StartError, match="more than 10 MiB"):
        list(filled([Put(os.urandom(11 << 20).replace(b"\n", b""), "a")], NDJSON))


def test_control_messages_stand_between() -> None:
    format_ = format_named("cloudwatch-logs")
    made = list(filled(documents(*"a" * 3 * CONTROL_EVERY), format_, 1))
    assert sum(put.data == format_.control for put in made) == 3
    assert len(held(made)) == 3 * CONTROL_EVERY


def test_records_of_one_document_take_no_more() -> None:
    check_documents("gzip-ndjson", 50)
    check_documents("sns", 1)
    check_documents("json", None)
    with pytest.raises(UsageError, match="format json holds one document"):
        check_documents("json", 2)
