import contextlib
import gzip
import time
import zlib
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redaction.inflate import Corrupt, TooLarge, inflate


def raw(content: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(content) + compressor.flush()


forms = st.sampled_from([gzip.compress, zlib.compress, raw])


@given(st.binary(max_size=3000), forms, st.integers(0, 10))
def test_each_form_gives_back_its_content(content: bytes, form: Callable[[bytes], bytes], spare: int) -> None:
    assert inflate(form(content), len(content) + spare) == content


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_members_are_joined(contents: list[bytes]) -> None:
    data = b"".join(map(gzip.compress, contents))
    whole = b"".join(contents)
    assert inflate(data, len(whole)) == whole
    assert inflate(data + b"\0" * 8, len(whole)) == whole
    if whole:
        with pytest.raises(TooLarge):
            inflate(data, len(whole) - 1)


@pytest.mark.parametrize("form", [gzip.compress, zlib.compress, raw])
@pytest.mark.parametrize("limit", [0, 1, 1000])
def test_no_more_than_the_limit_is_made(form: Callable[[bytes], bytes], limit: int) -> None:
    bomb = form(b"\0" * 50_000_000)
    for damaged in (False, True):
        with pytest.raises(TooLarge):
            inflate(bomb, limit, damaged=damaged)


@given(st.binary(min_size=1, max_size=300), forms, st.data())
def test_what_is_cut_short_is_refused_or_given_as_far_as_it_goes(
    content: bytes, form: Callable[[bytes], bytes], data: st.DataObject
) -> None:
    compressed = form(content)
    cut = compressed[: data.draw(st.integers(0, len(compressed) - 1))]
    with pytest.raises(Corrupt):
        inflate(cut, 1000)
    with contextlib.suppress(Corrupt):
        assert content.startswith(inflate(cut, 1000, damaged=True))


def test_very_many_members_are_refused_in_time() -> None:
    members = gzip.compress(b"") * 20_000
    begun = time.process_time()
    with pytest.raises(TooLarge):
        inflate(members, 10**9)
    assert time.process_time() - begun < 0.5


def test_what_comes_before_damage_is_given() -> None:
    content = bytes(range(256)) * 40
    compressed = bytearray(zlib.compress(content, 0))
    compressed[-1] ^= 1  # its checksum
    with pytest.raises(Corrupt):
        inflate(bytes(compressed), len(content))
    assert inflate(bytes(compressed), len(content), damaged=True) == content


@given(st.binary(max_size=200), st.integers(0, 2000), st.booleans())
@example(data=b"\x1f\x8b", limit=10, damaged=True)
@example(data=b"", limit=10, damaged=True)
def test_any_bytes_give_content_within_the_limit_or_a_named_error(data: bytes, limit: int, damaged: bool) -> None:  # noqa: FBT001
    with contextlib.suppress(Corrupt, TooLarge):
        assert len(inflate(data, limit, damaged=damaged)) <= limit
