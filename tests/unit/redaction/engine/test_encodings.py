"""How sensitive text in another dress is recognised and read."""

import base64
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redaction.detectors.base import view
from redaction.engine import encodings
from redaction.patterns import compile_bytes

ENCODED = compile_bytes(encodings.ENCODED)
VISA = "4111111111111111"


def readings(text: str) -> list[str]:
    return [said for decoded in (encodings.decoded_pieces, encodings.decoded_whole) for _, said in decoded(text)]


@given(
    st.sampled_from(["", "a", "ab", "abc"]),
    st.sampled_from([VISA, "4111 1111 1111 1111", "219-09-9999", "jane.doe@mail.example.com"]),
    st.sampled_from(["", " ", " and more"]),
    st.sampled_from(["", "/", "path/", "k=", "a", "ab", "abc"]),
    st.booleans(),
)
def test_base64_is_seen_and_read_at_any_alignment(before: str, value: str, after: str, prefix: str, url: bool) -> None:  # noqa: FBT001
    encode = base64.urlsafe_b64encode if url else base64.b64encode
    text = prefix + encode(f"{before}{value}{after}".encode()).decode().rstrip("=" if url else "")
    assert ENCODED.search(text.encode())
    assert any(value in said for said in readings(text))


@given(
    st.lists(st.text("0123456789", min_size=3, max_size=6), min_size=2, max_size=5).map(" ".join),
    st.sampled_from([quote, quote_plus, lambda text: quote(text).replace("1", "%31")]),
)
def test_url_encoding_is_seen_and_read(value: str, encode: Callable[[str], str]) -> None:
    text = f"https://x.example/?q={encode(value)}&r=1"
    assert ENCODED.search(text.encode())
    assert any(value in said for said in readings(text))


@pytest.mark.parametrize(
    "text", ["&#52;111", "&#x34;111", "&#X34;111", "\\u0034111", "\\\\u0034111", "%34111", "q=pay+4111"]
)
def test_escapes_are_seen_and_read(text: str) -> None:
    assert ENCODED.search(text.encode())
    assert any("4111" in said for said in readings(text))


def test_lone_surrogates_in_escapes_are_read_as_something() -> None:
    [said] = readings("\\ud800 \\u0034")
    assert len(view(said)) == len(said)


@given(st.text())
@example("%\ud83d\ude00&#0;\\ud800")
@example("A" * 40 + "&#xFFFFFFFFFF;" + "%FF%FE")
def test_any_text_can_be_read(text: str) -> None:
    for (start, end), said in (*encodings.decoded_pieces(text), *encodings.decoded_whole(text)):
        assert 0 <= start < end <= len(text)
        view(said)


@pytest.mark.parametrize(
    "text",
    [
        "An ordinary sentence, of words.",
        "0b9f7a52-4111-4111-8111-111111111111",
        "d41d8cd98f00b204e9800998ecf8427e",
        "100%",
        "a+b",
        "x & y",
        "C:\\users\\me",
    ],
)
def test_ordinary_texts_are_not_looked_into(text: str) -> None:
    assert not ENCODED.search(text.encode())
