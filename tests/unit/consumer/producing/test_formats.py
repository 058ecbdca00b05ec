"""Each format is read back by the decoders that it names: what was written, and nothing else."""

import gzip
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.decoder import Decoded, LeftOut, Part, Undecodable
from consumer.decoder_testing import Log, NoMetrics
from consumer.decoding.chain import Chain
from consumer.decoding.loading import open_chain
from consumer.errors import UsageError
from consumer.local.transactions import transactions
from consumer.producing.formats import DEFAULT, NAMES, Format, format_named, is_object
from consumer.settings import Settings
from tests.kits.examples import examples

pytestmark = pytest.mark.usefixtures("_in_the_cloud")  # which has Glue

ENVELOPES = ("cloudevents", "debezium", "dms", "dynamodb", "eventbridge", "sns")
SEVERAL = [name for name in NAMES if format_named(name).most > 1]
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS.filter(bool), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS.filter(lambda name: name and name != "envelope"), VALUES, max_size=4).map(orjson.dumps)


def chain_of(format_: Format) -> Chain:
    return open_chain(Settings.model_validate({"stream": {"format": format_.setting}}), NoMetrics(), Log())


def documents_of(parts: Sequence[Part]) -> list[Any]:
    assert all(type(part) is Decoded for part in parts), parts
    return [json.loads(part.data, parse_float=Decimal) for part in parts if isinstance(part, Decoded)]


def without_envelope(document: Any) -> Any:
    return {name: value for name, value in document.items() if name != "envelope"}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_back_with_every_digit(name: str) -> None:
    format_ = format_named(name)
    documents = [each.data for each in transactions(7, 60) if is_object(each.data) and format_.holds(each.data)]
    documents = documents[: format_.most]
    assert len(documents) == format_.most
    found = documents_of(chain_of(format_).decode(format_.write(documents)))
    assert [without_envelope(each) for each in found] == [json.loads(each, parse_float=Decimal) for each in documents]


def test_lists_of_what_takes_no_bytes_are_read_back() -> None:
    format_ = format_named("avro-glue")
    for document in (b'{"a":[]}', b'{"a":[null,null]}', b'{"a":[{},{}]}', b'{"a":[[],[]]}', b'{"a":[{"b":null}]}'):
        assert format_.holds(document)
        (found,) = documents_of(chain_of(format_).decode(format_.write([document])))
        assert found == json.loads(document)


@pytest.mark.parametrize("name", NAMES)
@given(st.lists(OBJECTS, min_size=1, max_size=4))
@examples(60)
def test_any_objects_are_read_back(name: str, documents: list[bytes]) -> None:
    format_ = format_named(name)
    documents = [each for each in documents if format_.holds(each)][: 4 if format_.most > 1 else 1]
    if documents:
        found = documents_of(chain_of(format_).decode(format_.write(documents)))
        assert [without_envelope(each) for each in found] == [json.loads(each) for each in documents]


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_document_takes_no_other_along(name: str) -> None:
    """It is held as one of several, or has a record for itself that is one document, whatever that is."""
    format_ = format_named(name)
    chain = chain_of(format_)
    sound = b'{"id":"1"}'
    for broken in (b"", b"{", b'{"a":NaN}', b'{"a":"\xff"}', b"[1]", b"   ", b'{"id":"2"'):
        if format_.holds(broken):
            parts = chain.decode(format_.write([sound, broken, sound] if format_.most > 1 else [broken]))
            assert len(parts) == (3 if format_.most > 1 else 1)
            if format_.most > 1:
                assert [without_envelope(each) for each in documents_of(parts[::2])] == [{"id": "1"}] * 2
        else:
            parts = chain.decode(format_.alone(broken))
            assert len(parts) == 1
            # Nothing at all is Debezium's tombstone.
            assert isinstance(parts[0], Undecodable | Decoded) or parts == [LeftOut("debezium_tombstone")]


def test_what_stands_between_is_left_out() -> None:
    format_ = format_named("cloudwatch-logs")
    assert format_.control is not None
    [part] = chain_of(format_).decode(format_.control)
    assert isinstance(part, LeftOut)


def test_cloudwatch_logs_holds_texts_too() -> None:
    format_ = format_named("cloudwatch-logs")
    [found] = documents_of(chain_of(format_).decode(format_.write([b"started"])))
    assert found["message"] == "started"


def test_a_compression_alone_is_of_json() -> None:
    for compression in ("gzip", "zlib", "zstd"):
        made = [format_named(name) for name in (compression, f"{compression}-json")]
        assert made[0].setting == made[1].setting == [compression, "json"]
        assert made[0].write([b"{}"]) == made[1].write([b"{}"])


@pytest.mark.parametrize("name", SEVERAL)
def test_auto_reads_the_framings_too(name: str) -> None:
    if name == "cloudwatch-logs":
        return
    format_ = format_named(name)
    chain = chain_of(format_._replace(setting="auto"))
    assert documents_of(chain.decode(format_.write([b'{"a":1}', b'{"b":2}']))) == [{"a": 1}, {"b": 2}]


def test_equal_documents_are_equal_records() -> None:
    assert gzip.decompress(format_named("gzip").write([b"{}"])) == b"{}"
    assert format_named("gzip-ndjson").write([b"{}"]) == format_named("gzip-ndjson").write([b"{}"])


def test_a_format_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"There is no format xml; there are: json, ndjson,.*sns\."):
        format_named("xml")
    assert DEFAULT in NAMES
    assert set(ENVELOPES) < set(NAMES)
