"""Each decoder that is built in, by the kit; and the kit against decoders that break its laws."""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pytest
from backports import zstd

from consumer.decoder import Decoded, Decoder, DecoderContext, Kind, LeftOut, Part, Undecodable
from consumer.decoder_testing import CANARY, CHECKS, DecoderCheck, Samples
from consumer.decoding.auto import Auto
from consumer.decoding.cloudwatch_logs import CloudWatchLogs
from consumer.decoding.compression import Gzip, Zlib, Zstd
from consumer.decoding.confluent import Confluent
from consumer.decoding.dynamodb import DynamoDBChanges
from consumer.decoding.envelope import cloudevents, debezium, dms, envelope, eventbridge, sns
from consumer.decoding.framing import Json, JsonArray, JsonConcatenated, Ndjson
from consumer.decoding.glue import Glue
from tests.kits.schemas import avro_bytes, confluent_record, glue_record

SAMPLES = Path(__file__).parent / "samples"
DOCUMENTS = [json.dumps({"n": n, "card": CANARY, "items": [{"text": "} {"}, {}]}).encode() for n in range(3)]
ONE = DOCUMENTS[0]
LINES = b"\n".join(DOCUMENTS)
ARRAY = b"[" + b", ".join(DOCUMENTS) + b"]"


def records(name: str) -> list[bytes]:
    return [json.dumps(each).encode() for each in json.loads((SAMPLES / name).read_text("utf-8"))]


def of(factory: Callable[[Mapping[str, Any], DecoderContext], Decoder], *data: bytes, **options: Any) -> Samples:
    return Samples(lambda context: factory(options, context), data)


AVRO = {"type": "record", "name": "R", "fields": [{"name": "n", "type": "int"}, {"name": "card", "type": "string"}]}
PROTO = 'syntax = "proto3"; message R { int32 n = 1; string card = 2; repeated R more = 3; }'
WRITTEN = avro_bytes(AVRO, {"n": 1, "card": CANARY})
MESSAGE = b"\x08\x01\x12\x10" + CANARY.encode()
IDS = {name: str(UUID(int=number)) for number, name in enumerate(("avsc", "proto", "json"), 1)}


def with_schemas(factory: Callable[[Mapping[str, Any], DecoderContext], Decoder], *data: bytes) -> Samples:
    """Samples of a decoder that has its schemas in a folder."""

    def made(context: DecoderContext) -> Decoder:
        with TemporaryDirectory() as folder:
            for number, (kind, name) in enumerate(IDS.items(), 1):
                text = {"avsc": json.dumps(AVRO), "proto": PROTO, "json": "{}"}[kind]
                for stem in (name, str(number)):
                    (Path(folder) / f"{stem}.{kind}").write_text(text, encoding="utf-8")
            decoder = factory({"folder": folder}, context)
            for sample in data:  # read, and so remembered
                decoder.decode(sample)
        return decoder

    return Samples(made, data)


BUILT_IN = {
    # Half of a message of Protobuf is one, too: nothing in it says how long it is.
    "confluent": with_schemas(Confluent, confluent_record(1, WRITTEN), confluent_record(3, ONE)),
    "glue": with_schemas(
        Glue,
        glue_record(IDS["avsc"], WRITTEN),
        glue_record(IDS["proto"], b"\0" + MESSAGE, is_compressed=True),
        glue_record(IDS["json"], ONE),
    ),
    "auto": of(Auto, ONE, LINES, ARRAY, b"".join(DOCUMENTS), gzip.compress(LINES), zstd.compress(zlib.compress(ARRAY))),
    "gzip": of(Gzip, gzip.compress(LINES), gzip.compress(ONE) + gzip.compress(b"") + gzip.compress(LINES)),
    "zlib": of(Zlib, zlib.compress(LINES), zlib.compress(b"")),
    "zstd": of(Zstd, zstd.compress(LINES), zstd.compress(ONE) + b"\x50\x2a\x4d\x18\x01\0\0\0x" + zstd.compress(ONE)),
    "json": of(Json, ONE),
    "ndjson": of(Ndjson, ONE, LINES, LINES + b"\r\n\n"),
    "json_array": of(JsonArray, ARRAY),
    "json_concatenated": of(JsonConcatenated, ONE, LINES, b"".join(DOCUMENTS)),
    "envelope": of(envelope, b'{"a":{"b":' + ONE + b'},"id":"7"}', at="a.b", keep=["id"]),
    "cloudevents": of(cloudevents, *records("cloudevents.json")),
    "cloudwatch_logs": of(CloudWatchLogs, *records("cloudwatch_logs.json")),
    "debezium": of(debezium, *records("debezium.json")),
    "dms": of(dms, *records("dms.json")),
    "dynamodb": of(DynamoDBChanges, *records("dynamodb.json")),
    "eventbridge": of(eventbridge, *records("eventbridge.json")),
    "sns": of(sns, *records("sns.json")),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_decoder_conforms(name: str, check: DecoderCheck) -> None:
    check(BUILT_IN[name])


class _Wrong:
    """A decoder that may do anything."""

    takes = Kind.BYTES
    gives = Kind.JSON

    def __init__(self, decode: Callable[[bytes], Any], log: Any = None) -> None:
        self._decode = decode
        self.log = log

    def decode(self, data: bytes) -> Sequence[Part]:
        made: Sequence[Part] = self._decode(data)
        return made


def _growing() -> Callable[[bytes], Sequence[Part]]:
    calls: list[bytes] = []

    def decode(data: bytes) -> Sequence[Part]:
        calls.append(data)
        return [Decoded(b"%d" % len(calls))]

    return decode


@pytest.mark.parametrize(
    ("decode", "law"),
    [
        (lambda _: [], "there is at least one part"),
        (lambda data: data.decode("ascii") and [Decoded(data)], "nothing is raised; here UnicodeDecodeError was"),
        (lambda data: [Undecodable("no")] if b"n" in data else [Decoded(data)], "the samples are understood in whole"),
        (lambda _: [LeftOut("all")], "the samples hold documents"),
        (lambda data: [Decoded(bytearray(data))], "what is decoded is bytes"),  # type: ignore[arg-type]
        (lambda data: [Decoded(data)] if data[:1] == b"{" else [Undecodable("Not 1")], "a code is lower snake case"),
        (lambda data: [Decoded(data)] if data[:1] == b"{" else ["part"], "a part is Decoded, Undecodable or LeftOut"),
        (_growing(), "equal bytes give equal parts"),
        (lambda data: [Decoded(data * 9)], "parts are not larger together than max_bytes"),
        (lambda data: [Decoded(data.partition(b"}]}")[0] + b"}]}")], "what follows a record is not ignored"),
        (lambda data: [Decoded(data[: data.find(b",")] + b"}")], "half of a broken document does not pass"),
        (lambda data: [Decoded(data)] if data[-1:] == b"}" else [Undecodable("c" + CANARY)], "no code and no rule"),
    ],
)
def test_the_kit_notices(decode: Callable[[bytes], Any], law: str) -> None:
    said = set()
    for check in CHECKS[:-1]:
        try:
            check(Samples(lambda _: _Wrong(decode), [ONE]))
        except AssertionError as error:
            said.add(str(error))
    assert not any(CANARY in each for each in said)
    assert any(law in each for each in said), said
