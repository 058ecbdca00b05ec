"""How sensitive text in another dress is recognised and read."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from functools import partial
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redaction.detectors.base import view
from redaction.engine import encodings
from redaction.inflate import TooLarge
from redaction.patterns import compile_bytes

ENCODED = compile_bytes(encodings.ENCODED)
VISA = "4111111111111111"


READINGS = (encodings.decoded_pieces, encodings.decoded_lines, encodings.decoded_whole)


def readings(text: str, limit: int = 10_000) -> list[str]:
    return [said for decoded in READINGS for _, said in decoded(text, limit)]


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\\x34111", "4111"),
        ("\\u{34}111", "4111"),
        ("\\U00000034111", "4111"),
        ("%u0034%u0031", "41"),
        ("jane=40example.com", "jane@example.com"),
        ("=34=31=31", "411"),
        ("41=\r\n11", "4111"),
        ("4111=201111", "4111 1111"),
        ("%2B1+202+555", "+1 202 555"),
        ("4111&nbsp;1111", "4111\xa01111"),
    ],
)
def test_escapes_of_programs_and_of_mail_are_read(text: str, said: str) -> None:
    assert ENCODED.search(view(text))
    assert ENCODED.search(view(json.dumps(text)))
    assert said in readings(text)


@pytest.mark.parametrize("text", ["page=40", "n=34", "x=25.00", "ref=2024"])
def test_values_are_not_quoted_printable(text: str) -> None:
    assert not any(said.startswith(("page@", "n4", "x%", "ref 24")) and len(said) > 6 for said in readings(text))


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "path/"])
@pytest.mark.parametrize("value", [VISA, "219-09-9999", "jane.doe@mail.example.com"])
def test_utf_16_in_base64_is_seen_and_read_at_any_alignment(codec: str, before: str, value: str) -> None:
    text = before + base64.b64encode(f"{before}{value}".encode(codec)).decode()
    assert ENCODED.search(text.encode())
    assert any(value in said for said in readings(text))


FORMS: list[Callable[[bytes], bytes]] = [gzip.compress, *(partial(zlib.compress, level=level) for level in range(10))]


@given(
    st.sampled_from(FORMS),
    st.text(max_size=30),
    st.sampled_from(["", "path/", "a"]),
    st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
)
def test_compressed_data_in_base64_are_seen_and_read(
    form: Callable[[bytes], bytes], filler: str, before: str, encode: Callable[[bytes], bytes]
) -> None:
    value = f"{filler} {VISA} {filler}"
    text = before + encode(form(value.encode())).decode()
    assert ENCODED.search(text.encode())
    assert value in readings(text)


def test_lines_of_compressed_data_are_joined() -> None:
    noise = "".join(map(str, range(500)))
    text = base64.encodebytes(gzip.compress(f"{noise}{VISA}".encode())).decode()
    assert any(VISA in said for said in readings(text))


def test_compressed_data_that_are_cut_short_are_read_as_far_as_they_go() -> None:
    text = base64.b64encode(gzip.compress(f"{VISA} and more".encode())[:-6]).decode()
    assert any(VISA in said for said in readings(text))


def test_no_more_is_inflated_than_allowed() -> None:
    text = base64.b64encode(gzip.compress(b"0" * 1000)).decode()
    assert any("0" * 1000 in said for said in readings(text, 1000))
    with pytest.raises(TooLarge):
        readings(text, 999)


def test_lone_surrogates_in_escapes_are_read_as_something() -> None:
    said = readings("\\ud800 \\u0034")
    assert said
    assert all(len(view(each)) == len(each) for each in said)


@given(st.text())
@example("%\ud83d\ude00&#0;\\ud800")
@example("A" * 40 + "&#xFFFFFFFFFF;" + "%FF%FE")
@example("\\UFFFFFFFF\\u{110000}\\x00%uD800=FF=FE=\r\nH4sI" + "A" * 20)
def test_any_text_can_be_read(text: str) -> None:
    for decoded in READINGS:
        for (start, end), said in decoded(text, 10_000):
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


def test_of_a_text_in_quoted_printable_lines_are_read_by_themselves() -> None:
    text = "Card=3A 4111=\r\n 1111\r\nTotal=3A 49.90\r\n"
    read = [(text[start:end], said) for (start, end), said in encodings.decoded_lines(text, 1000)]
    assert read == [("Card=3A 4111=\r\n 1111", "Card: 4111 1111"), ("Total=3A 49.90", "Total: 49.90")]


def test_base64_in_lines_is_read_by_itself() -> None:
    block = base64.encodebytes(f"{'x' * 70} {VISA} {'y' * 70}".encode()).decode()
    text = f"Receipt\n\n{block}\nTotal 49.90"
    spans = {text[start:end].strip() for (start, end), said in encodings.decoded_lines(text, 1000) if VISA in said}
    assert spans == {block.strip()}
