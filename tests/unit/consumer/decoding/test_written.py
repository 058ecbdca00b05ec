"""Whatever JSON is framed and compressed by the libraries: each document comes out of the chain as it went in."""

import gzip
import json
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from consumer.decoder_testing import Log, NoMetrics
from consumer.decoding.chain import Chain
from consumer.decoding.loading import open_chain
from consumer.settings import Settings
from tests.kits.decoding import data_of
from tests.kits.examples import examples

_TEXTS: Final = st.text(st.characters(codec="utf-8"), max_size=9) | st.sampled_from(
    ["}{", "]\n[", '"', "\\", "},{", "\ufeff"]
)
_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_OBJECTS: Final = st.dictionaries(_TEXTS, _VALUES, max_size=3)
_SPACE: Final = st.sampled_from(["", " ", "\n", "\r\n\n", "\t"])


def _gzip(draw: st.DrawFn, data: bytes) -> bytes:
    cut = draw(st.integers(0, len(data)))
    level = draw(st.integers(0, 9))
    return gzip.compress(data[:cut], level) + gzip.compress(data[cut:], level)


def _zlib(draw: st.DrawFn, data: bytes) -> bytes:
    packer = zlib.compressobj(draw(st.integers(-1, 9)), strategy=draw(st.sampled_from([0, 1, 2, 3, 4])))
    cut = draw(st.integers(0, len(data)))
    return packer.compress(data[:cut]) + packer.flush(zlib.Z_FULL_FLUSH) + packer.compress(data[cut:]) + packer.flush()


def _zstd(draw: st.DrawFn, data: bytes) -> bytes:
    cut = draw(st.integers(0, len(data)))
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: draw(st.integers(-5, 12)),
        zstd.CompressionParameter.checksum_flag: draw(st.integers(0, 1)),
        zstd.CompressionParameter.content_size_flag: draw(st.integers(0, 1)),
    }
    skipped = draw(st.sampled_from([b"", b"\x50\x2a\x4d\x18\x01\0\0\0x"]))
    return zstd.compress(data[:cut], options=options) + skipped + zstd.compress(data[cut:], options=options)


_COMPRESSIONS: Final[dict[str, Callable[[st.DrawFn, bytes], bytes]]] = {"gzip": _gzip, "zlib": _zlib, "zstd": _zstd}


@st.composite
def _records(draw: st.DrawFn) -> tuple[list[str], bytes, list[Any]]:
    """A chain that reads a record, the record, its documents."""
    documents = draw(st.lists(_OBJECTS, min_size=1, max_size=5))
    texts = [json.dumps(each, ensure_ascii=draw(st.booleans())) for each in documents]
    framing = draw(st.sampled_from(["json", "ndjson", "json_array", "json_concatenated"]))
    if framing == "json":
        documents = documents[:1]
        text = draw(_SPACE) + json.dumps(documents[0], indent=draw(st.sampled_from([None, 1]))) + draw(_SPACE)
    elif framing == "ndjson":
        text = draw(st.sampled_from(["\n", "\r\n", " \n\n\t"])).join(texts) + draw(_SPACE)
    elif framing == "json_array":
        text = f"{draw(_SPACE)}[{draw(_SPACE)}{(draw(_SPACE) + ',' + draw(_SPACE)).join(texts)}]{draw(_SPACE)}"
    else:
        text = draw(_SPACE).join(texts) + draw(_SPACE)
    data = text.encode()
    names = draw(st.lists(st.sampled_from(sorted(_COMPRESSIONS)), max_size=2))
    for name in names:
        data = _COMPRESSIONS[name](draw, data)
    return [*reversed(names), framing], data, documents


@cache
def _chain(*steps: str) -> Chain:
    return open_chain(Settings.model_validate({"stream": {"format": list(steps)}}), NoMetrics(), Log())


@examples(1000)
@given(_records())
def test_each_document_comes_out_as_it_went_in(record: tuple[list[str], bytes, list[Any]]) -> None:
    steps, data, documents = record
    for chain in (_chain(*steps), _chain("auto")):
        assert [json.loads(each) for each in data_of(chain.decode(data))] == documents
