"""Compressed records: what is read, what is damaged, and how much is made of them at most."""

import gzip
import random
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any, Final

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from consumer.decoder import Decoded, Decoder, Undecodable
from consumer.decoding.auto import Auto
from consumer.decoding.compression import Gzip, Zlib, Zstd
from consumer.errors import UsageError
from tests.kits.decoding import context, data_of

MIB: Final = 2**20
DECODERS: Final[dict[Callable[[bytes], bytes], Any]] = {gzip.compress: Gzip, zlib.compress: Zlib, zstd.compress: Zstd}
DAMAGED = (Undecodable("compression_damaged"),)
TOO_LARGE = (Undecodable("decoded_too_large"),)

Compress = Callable[[bytes], bytes]
compressions = pytest.mark.parametrize("compress", DECODERS, ids=["gzip", "zlib", "zstd"])


def decoder(compress: Compress, max_bytes: int = 32 * MIB) -> Decoder:
    made: Decoder = DECODERS[compress]({}, context(max_bytes))
    return made


def skippable(content: bytes) -> bytes:
    return b"\x5a\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


@compressions
@given(content=st.binary(max_size=3000))
def test_what_was_compressed_is_given_back(compress: Compress, content: bytes) -> None:
    assert data_of(decoder(compress).decode(compress(content))) == [content]


@compressions
@given(content=st.binary(max_size=300), data=st.data())
def test_what_is_cut_short_or_has_a_tail_is_damaged(compress: Compress, content: bytes, data: st.DataObject) -> None:
    whole = compress(content)
    assert decoder(compress).decode(whole[: data.draw(st.integers(0, len(whole) - 1))]) == DAMAGED
    assert decoder(compress).decode(whole + data.draw(st.binary(min_size=1, max_size=3))) == DAMAGED


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
@given(content=st.binary(min_size=1, max_size=300), data=st.data())
def test_a_bit_that_was_changed_is_noticed(compress: Compress, content: bytes, data: st.DataObject) -> None:
    whole = bytearray(compress(content))
    place = data.draw(st.integers(10 if compress is gzip.compress else 2, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    made = decoder(compress).decode(bytes(whole))
    assert made == DAMAGED or data_of(made) == [content]  # a bit of padding means nothing


def test_all_members_and_frames_are_read() -> None:
    parts = [b'{"a":1}\n', b"", b'{"b":2}\n']
    assert data_of(Gzip({}, context()).decode(b"".join(map(gzip.compress, parts)))) == [b"".join(parts)]
    frames = skippable(b"meta") + b"".join(zstd.compress(part) + skippable(b"") for part in parts)
    assert data_of(Zstd({}, context()).decode(frames)) == [b"".join(parts)]
    assert data_of(Auto({}, context()).decode(frames)) == [b'{"a":1}', b'{"b":2}']


def test_what_was_written_as_a_stream_is_read() -> None:
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.checksum_flag: 1})
    written = compressor.compress(b'{"a":' * 1000, zstd.ZstdCompressor.FLUSH_BLOCK)
    written += compressor.compress(b"1" + b"}" * 1000, zstd.ZstdCompressor.FLUSH_FRAME)
    assert data_of(Zstd({}, context()).decode(written)) == [b'{"a":' * 1000 + b"1" + b"}" * 1000]
    broken = bytearray(written)
    broken[-1] ^= 1
    assert Zstd({}, context()).decode(bytes(broken)) == DAMAGED


@compressions
def test_one_is_not_taken_for_another(compress: Compress) -> None:
    for other in DECODERS:
        if other is not compress:
            assert decoder(compress).decode(other(b"{}")) == DAMAGED
    for data in (b"", b"{}", b"\x1f\x8b", b"\x78\x9c", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"):
        assert decoder(compress).decode(data) == DAMAGED


@compressions
def test_no_more_is_made_than_the_bound(compress: Compress) -> None:
    content = random.Random(1).randbytes(2 * MIB)  # noqa: S311 - the same each time
    data = compress(content)
    assert data_of(decoder(compress, len(content) + 256).decode(data)) == [content]
    assert decoder(compress, len(content) + 255).decode(data) == TOO_LARGE


@compressions
def test_beyond_a_mebibyte_no_more_is_made_than_two_hundred_times_what_came(compress: Compress) -> None:
    assert data_of(decoder(compress).decode(compress(b"0" * MIB))) == [b"0" * MIB]
    assert decoder(compress).decode(compress(b"0" * 8 * MIB)) == TOO_LARGE
    slow = b"".join(b"%08d%s" % (number, b"x" * 200) for number in range(40_000))
    assert data_of(decoder(compress).decode(compress(slow))) == [slow]


@compressions
def test_a_bomb_takes_no_memory(compress: Compress) -> None:
    bomb = compress(bytes(100 * MIB))
    read = decoder(compress)
    tracemalloc.start()
    try:
        assert read.decode(bomb) == TOO_LARGE
        assert Auto({}, context()).decode(bomb) == TOO_LARGE
        assert tracemalloc.get_traced_memory()[1] < 64 * MIB
    finally:
        tracemalloc.stop()


def test_very_many_members_or_frames_are_refused() -> None:
    assert Gzip({}, context()).decode(gzip.compress(b"") * 20_000) == TOO_LARGE
    assert Zstd({}, context()).decode(skippable(b"") * 20_000) == TOO_LARGE


def test_a_window_that_is_larger_than_what_may_be_made_is_refused() -> None:
    def written(log: int) -> bytes:
        options: dict[int, int] = {
            zstd.CompressionParameter.window_log: log,
            zstd.CompressionParameter.compression_level: 1,
        }
        compressor = zstd.ZstdCompressor(options=options)
        return compressor.compress(b"abc" * 1000) + compressor.flush()

    read = Zstd({}, context())
    assert data_of(read.decode(written(23))) == [b"abc" * 1000]
    assert read.decode(written(27)) == TOO_LARGE
    assert read.decode(b"\x28\xb5\x2f\xfd\x00" + bytes([31 << 3]) + b"\x01\x00\x00") == TOO_LARGE  # two tebibytes


def test_a_foreign_dictionary_has_a_code_of_its_own() -> None:
    dictionary = zstd.train_dict([b'{"user_id":"%d","amount":%d}' % (n, n * 7) for n in range(2000)], 2000)
    data = zstd.compress(b'{"user_id":"1","amount":7}', zstd_dict=dictionary)
    assert Zstd({}, context()).decode(data) == (Undecodable("compression_dictionary"),)
    assert Auto({}, context()).decode(data) == (Undecodable("compression_dictionary"),)


@compressions
def test_there_are_no_options(compress: Compress) -> None:
    with pytest.raises(UsageError, match=r"it has no options\."):
        DECODERS[compress]({"level": 3}, context())


def test_an_install_without_zstd_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "backports", None)
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    monkeypatch.setitem(sys.modules, "compression", None)
    with pytest.raises(UsageError, match=r'it needs the extra "formats"'):
        Zstd({}, context())
    auto = Auto({}, context())
    assert auto.decode(zstd.compress(b"{}")) == (Undecodable("zstd_not_installed"),)
    assert auto.decode(gzip.compress(b"{}")) == (Decoded(b"{}"),)
