"""Whatever a record holds, and whatever its schema is: parts with codes of their own, bounded, the same each time."""

import gc
import gzip
import json
import resource
import time
import tracemalloc
import zlib
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from backports import zstd

from consumer.decoder import PART_BYTES, Decoded, DecoderContext, Part
from consumer.decoder_testing import Log, NoMetrics
from consumer.decoding.chain import DECODER_INVALID, DECODER_RAISED, Chain
from consumer.decoding.loading import open_chain
from consumer.decoding.schemas.definition import Definition, Format, Refused
from consumer.decoding.schemas.memory import SchemaMemory
from consumer.decoding.schemas.reading import reader_of
from consumer.settings import Settings
from tests.fuzz.kit import CANARY, Fuzz

RECORDED: Final = Path(__file__).parents[1] / "data/formats"
MAX_BYTES: Final = 1 << 20

# Of one record of 64 KiB at most. They are far beyond what was seen, and far below what would be a way to stop a shard.
_MAX_SECONDS: Final = 5.0
_MAX_PEAK: Final = 96 << 20
_MAX_GROWTH_KIB: Final = 400 << 10
_MEASURED: Final = 101
"""Every so many records the memory is measured, which takes long."""

_DOCUMENTS: Final = [
    b'{"id":"%b","items":[{"text":"} {"},{}],"n":1.50}' % CANARY.encode(),
    b'{"a":{"b":{"c":"{\\"d\\":1}"}}}',
    b"{}",
]
_FRAMED: Final = [
    *_DOCUMENTS,
    b"\n".join(_DOCUMENTS),
    b"\r\n \n".join([*_DOCUMENTS, b'{"cut":"', b'"}', b""]),
    b"[" + b", ".join(_DOCUMENTS) + b"]",
    b"".join(_DOCUMENTS),
    b" [[{}], {}]",
]


def _chain(*steps: Any) -> Chain:
    stream = {"format": list(steps), "max_decoded_bytes": MAX_BYTES}
    return open_chain(Settings.model_validate({"stream": stream}), NoMetrics(), Log())


class _Judge:
    """Decodes, and holds what comes of it against what must hold."""

    def __init__(self, fuzz: Fuzz) -> None:
        self._fuzz = fuzz
        self._count = 0
        self._most_kib = _resident_kib() + _MAX_GROWTH_KIB

    def decode(self, chain: Chain, data: bytes) -> None:
        fuzz = self._fuzz
        self._count += 1
        is_measured = self._count % _MEASURED == 0
        if is_measured:
            gc.collect()
            tracemalloc.start()
        begin = time.thread_time()
        with fuzz.only(data):
            parts = chain.decode(data)
        seconds = time.thread_time() - begin
        if is_measured:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < _MAX_PEAK, fuzz.told(data, f"{peak} bytes at once")
            assert _resident_kib() < self._most_kib, fuzz.told(data, "the process grows")
        else:
            assert seconds < _MAX_SECONDS, fuzz.told(data, f"{seconds:.1f} s")
        self._hold(chain, data, parts)

    def _hold(self, chain: Chain, data: bytes, parts: Sequence[Part]) -> None:
        told = self._fuzz.told
        assert parts, told(data, "nothing came of it")
        codes = {part[0] for part in parts if not isinstance(part, Decoded)}
        assert not codes & {DECODER_RAISED, DECODER_INVALID}, told(data, f"{codes}")
        size = sum(len(part.data) + PART_BYTES for part in parts if isinstance(part, Decoded))
        assert size <= max(chain.most(len(data)), len(data) + PART_BYTES), told(data, f"{size} bytes came of it")
        assert chain.decode(data) == parts, told(data, "another time something else came of it")


def _resident_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_auto_makes_parts_of_anything(fuzz: Fuzz) -> None:
    chain, judge = _chain("auto"), _Judge(fuzz)
    for data in fuzz.inputs([*_FRAMED, *(zlib.compress(each) for each in _FRAMED)], large=True):
        for record in (data, gzip.compress(data, 1), zstd.compress(zlib.compress(data, 1))):
            judge.decode(chain, record)
        if len(data) + PART_BYTES <= MAX_BYTES and not chain.to_decode([data]):  # it passes by as one document
            assert chain.decode(data) == [Decoded(data)], fuzz.told(data, "it is not one document")


def test_named_compression_and_framing_make_parts_of_anything(fuzz: Fuzz) -> None:
    judge = _Judge(fuzz)
    chains = [
        _chain(*steps)
        for steps in (
            ("json",),
            ("ndjson",),
            ("json_array",),
            ("json_concatenated",),
            ("gzip", "ndjson"),
            ("zlib", "json_array"),
            ("zstd", "json_concatenated"),
            ("gzip", "zlib", "json"),
            ("zstd", "auto"),
        )
    ]
    bomb = b"\0" * (MAX_BYTES + 1)
    packed = [
        made(each)
        for each in [*_FRAMED, bomb]
        for made in (gzip.compress, zlib.compress, zstd.compress, lambda each: gzip.compress(zlib.compress(each)))
    ]
    for data in fuzz.inputs([*_FRAMED, *packed]):
        for chain in chains:
            judge.decode(chain, data)


def test_envelopes_are_opened_or_refused(fuzz: Fuzz) -> None:
    judge = _Judge(fuzz)
    chains = [_chain("auto", step) for step in ("cloudevents", "cloudwatch_logs", "debezium", "dms", "dynamodb")]
    chains += [
        _chain("auto", "eventbridge", "sns"),
        _chain("auto", {"envelope": {"at": "data.b", "keep": ["id", "a"]}}),
    ]
    corpus = [line["text"].encode() for line in _lines("documented") if "text" in line]
    for data in fuzz.inputs([*corpus, *_FRAMED]):
        for chain in chains:
            judge.decode(chain, data)


def _lines(*names: str) -> Iterator[dict[str, Any]]:
    for name in names:
        for text in (RECORDED / f"{name}.jsonl").read_text("utf-8").splitlines():
            yield json.loads(text)


_OTHER_SCHEMAS: Final = 50
"""Every so many records the schema is whichever the record says: unknown ones are looked up a few times a second."""
_BY_SCHEMA: Final = ("go", "java-avro", "java-glue", "java-protobuf", "rust")


def test_records_with_a_schema_are_read_or_refused(fuzz: Fuzz, tmp_path: Path) -> None:
    corpus = []
    for line in _lines(*_BY_SCHEMA):
        if "schema" in line:
            (tmp_path / f"{line['schema']}.{line['suffix']}").write_text(line["text"], "utf-8")
        elif line.get("format") in ("confluent", "glue"):
            corpus.append(b64decode(line["record"]))
    options = {"folder": str(tmp_path)}
    glue, confluent = _chain({"glue": options}), _chain({"confluent": options})
    opened = _chain({"confluent": options}, "debezium")
    heads = [sorted({each[:size] for each in corpus if each[0] == magic}) for magic, size in ((0, 5), (3, 18))]
    judge = _Judge(fuzz)
    for number, data in enumerate(fuzz.inputs(corpus)):
        if number % _OTHER_SCHEMAS == 0:
            judge.decode(glue if data[:1] == b"\3" else opened, data)
        for chain, known in ((confluent, heads[0]), (glue, heads[1])):
            head = known[number % len(known)]
            judge.decode(chain, head + data[len(head) :])


class _Any:
    """Knows a schema that may be anything, and says that each message is the first."""

    lags = False

    def __init__(self, definition: Definition) -> None:
        self._definition = definition

    def fetch(self, schema_id: Any) -> Definition:  # noqa: ARG002
        return self._definition

    def message(self, payload: bytes) -> tuple[tuple[int, ...], int]:  # noqa: ARG002
        return (0,), 0


_FORMATS: Final[Mapping[str, Format]] = {"avsc": Format.AVRO, "json": Format.JSON, "proto": Format.PROTOBUF}


def test_a_schema_reads_or_is_unusable(fuzz: Fuzz, capfd: pytest.CaptureFixture[str]) -> None:
    context = DecoderContext("stream", MAX_BYTES, NoMetrics(), Log())
    texts = [(line["suffix"], line["text"].encode()) for line in _lines(*_BY_SCHEMA) if "schema" in line]
    payloads = [b"", b"\x02\x02\x02", b"\x0a\x01x\x12\x02\x08\x05", CANARY.encode(), bytes(300)]
    for data in fuzz.inputs([suffix.encode() + b"\n" + text for suffix, text in texts]):
        suffix, _, text = data.partition(b"\n")
        format_ = _FORMATS.get(suffix.decode("ascii", "replace"))
        if format_ is None:
            continue
        registry = _Any(Definition(format_, text.decode("utf-8", "replace"), "n", "1"))
        memory = SchemaMemory(
            registry, lambda found: reader_of(found, max_bytes=context.max_bytes, metrics=context.metrics)
        )
        begin = time.thread_time()
        with fuzz.only(data):
            reader = memory.get(1)
            assert reader
        for payload in payloads:
            with fuzz.only((data, payload), Refused):
                document, schema = reader.read(payload, registry)
                assert len(document) <= MAX_BYTES
                assert hash(schema.tags)
        assert time.thread_time() - begin < 2 * _MAX_SECONDS, fuzz.told(data, "it takes long")
    assert CANARY not in "".join(capfd.readouterr())
