"""Avro with Glue's registry: a schema for each shape, and no digit lost."""

import json
from decimal import Decimal
from uuid import UUID

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.decoder import Decoded
from consumer.decoder_testing import Log, NoMetrics
from consumer.decoding.loading import open_chain
from consumer.errors import ServiceError
from consumer.producing import avro
from consumer.producing.avro import SCHEMA, AvroGlue
from consumer.settings import Settings

pytestmark = pytest.mark.usefixtures("_in_the_cloud")

DIGITS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,24})?", fullmatch=True, alphabet="0123456789-.")


def decoded(data: bytes) -> bytes:
    chain = open_chain(Settings.model_validate({"stream": {"format": ["glue"]}}), NoMetrics(), Log())
    [part] = chain.decode(data)
    assert isinstance(part, Decoded)
    return part.data


@given(st.lists(DIGITS, min_size=1, max_size=3))
def test_numbers_keep_every_digit(numbers: list[str]) -> None:
    document = f'{{"one": {numbers[0]}, "all": [{", ".join(numbers)}]}}'.encode()
    writer = AvroGlue()
    assert writer.holds(document)
    found = json.loads(decoded(writer.write([document])), parse_float=Decimal, parse_int=Decimal)
    assert found == {"one": Decimal(numbers[0]), "all": [Decimal(each) for each in numbers]}


def test_documents_of_one_shape_share_a_version_of_the_schema() -> None:
    writer = AvroGlue()
    shapes = [b'{"a": "x", "b": 1}', b'{"b": 2.5, "a": "y"}', b'{"a": "x"}', b'{"a": null}']
    assert all(map(writer.holds, shapes))
    ids = [UUID(bytes=writer.write([each])[2:18]) for each in shapes]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    again = AvroGlue()
    assert again.holds(shapes[2])
    assert UUID(bytes=again.write([shapes[2]])[2:18]) == ids[2]
    found = boto3.client("glue").get_schema_version(SchemaVersionId=str(ids[2]))
    assert (found["SchemaArn"].rpartition("/")[2], found["DataFormat"]) == (SCHEMA, "AVRO")


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"[1]",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b'{"no name": 1}',
        b'{"mixed": [1, "a"]}',
        b'{"a": {"b": {}}, "a_b": {}}',
        b'{"digits": 0.1234567890123456789012345678901}',
        b'{"long": ' + b"1234567890" * 5 + b"}",
        b'{"half": "\\ud800"}',
        b'{"deep": ' + b'{"a":' * 40 + b"1" + b"}" * 41,
    ],
)
def test_what_avro_cannot_say_is_not_held(document: bytes) -> None:
    assert not AvroGlue().holds(document)


def test_there_are_not_more_schemas_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avro, "MAX_SHAPES", 2)
    writer = AvroGlue()
    assert [writer.holds(b'{"f%d": 1}' % number) for number in (0, 1, 2, 0)] == [True, True, False, True]


def test_a_registry_out_of_reach_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", "http://127.0.0.1:9")
    writer = AvroGlue()
    assert writer.holds(b"{}")
    with pytest.raises(ServiceError, match="glue:CreateSchema"):
        writer.write([b"{}"])
