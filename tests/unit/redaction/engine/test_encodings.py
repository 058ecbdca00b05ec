"""How sensitive text in another dress is recognised and read."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redaction.detectors.base import view
from redaction.engine import encodings
from redaction.patterns import compile_bytes
from redaction.policy.names import normalize
from redaction.policy.selectors import parse_name, parse_path

ENCODED = compile_bytes(encodings.ENCODED)
VISA = "4111111111111111"


def readings(text: str) -> list[str]:
    return [said for decoded in (encodings.decoded_pieces, encodings.decoded_whole) for _, said in decoded(text)]


def test_names_that_select_anywhere_are_labels() -> None:
    selectors = [parse_name("Pin"), parse_name("card*"), parse_path("a.b"), parse_path("**.c_d"), parse_path("e")]
    assert encodings.label_names(selectors) == ["card*", "pin"]


def test_without_names_there_are_no_labels() -> None:
    assert encodings.label_in_text([]) == b""
    assert encodings.in_text([]) == encodings.in_serialised([]) == encodings.ENCODED


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


# --- Labels.

NAMES = ["pin", "credit_card", "card*", "*secret*", "a*b", "stra\u00dfe", "pr\u00e9nom", "\u8eab\u5206\u8bc1"]
LABELS = {name: compile_bytes(encodings.label_in_text(encodings.label_names([parse_name(name)]))) for name in NAMES}


def labels(name: str, text: str) -> list[str]:
    return [encodings.label_name(text, *match.span()) for match in LABELS[name].finditer(view(text))]


@pytest.mark.parametrize(
    ("text", "label", "value"),
    [
        ("pin=1234", "pin", "1234"),
        ("x&PIN=12&y=3", "PIN", "12"),
        ('{"pin":1234}', "pin", "1234"),
        ('{"pin": "12 34", "a": 1}', "pin", "12 34"),
        ("{'pin': '12'}", "pin", "12"),
        ('{\\"pin\\":\\"12\\"}', "pin", "12"),
        ("my.pin = 12", "my.pin", "12"),
        ("p-i-n=1", "p-i-n", "1"),
        ("pin=4111 1111 1111 1111 x", "pin", "4111 1111 1111 1111"),
        ("pin=2024-01-02;", "pin", "2024-01-02"),
        ("spin=1", "spin", "1"),
    ],
)
def test_labels_and_their_values(text: str, label: str, value: str) -> None:
    [match] = LABELS["pin"].finditer(view(text))
    assert encodings.label_name(text, *match.span()) == label
    span = encodings.label_value(view(text), match.end())
    assert span is not None
    assert text[slice(*span)] == value


@pytest.mark.parametrize("text", ["pin", "pin code", "pinned=1", "pin-code=1", "pins: 2", "the pin is 3"])
def test_what_is_no_label(text: str) -> None:
    assert [name for name in labels("pin", text) if normalize(name) == "pin"] == []


@pytest.mark.parametrize("text", ["pin=", 'pin=""', "pin=;x", "pin=   \n"])
def test_labels_without_a_value(text: str) -> None:
    [match] = LABELS["pin"].finditer(view(text))
    assert encodings.label_value(view(text), match.end()) is None


SPELLED = {
    "pin": ["pin", "PIN", "Pin", "p_i-n", "\uff50\uff49\uff4e"],
    "credit_card": ["creditCard", "CREDIT CARD", "credit.card", "credit__card"],
    "card*": ["card", "cardNo", "card-number.x", "card."],
    "*secret*": ["secret", "my_secret_key", "topSecret"],
    "a*b": ["ab", "a_x-b", "A1B"],
    "stra\u00dfe": ["stra\u00dfe", "STRASSE", "Stra\u00dfe"],
    "pr\u00e9nom": ["pr\u00e9nom", "PR\u00c9NOM", "pre\u0301nom"],
    "\u8eab\u5206\u8bc1": ["\u8eab\u5206\u8bc1"],
}


@pytest.mark.parametrize(
    ("name", "spelling"), [(name, each) for name, spellings in SPELLED.items() for each in spellings]
)
@pytest.mark.parametrize("form", ["{}=12", '{{"{}":12}}', "{{'{}': 12}}"])
def test_labels_are_found_in_any_spelling_that_a_field_name_may_have(name: str, spelling: str, form: str) -> None:
    text = form.format(spelling)
    assert normalize(spelling) in {normalize(found) for found in labels(name, text)}


@pytest.mark.parametrize(
    ("name", "spelling"), [(name, each) for name, spellings in SPELLED.items() for each in spellings]
)
@pytest.mark.parametrize("form", ["{}=12", '{{"{}":12}}', "{{'{}': 12}}"])
def test_what_is_a_label_in_a_text_is_seen_in_the_serialised_document(name: str, spelling: str, form: str) -> None:
    text = form.format(spelling)
    if not labels(name, text):
        return
    body = view(json.dumps({"a": text}, ensure_ascii=False))
    assert compile_bytes(encodings.LABEL_IN_SERIALISED).search(body)
    assert compile_bytes(encodings.in_serialised(encodings.label_names([parse_name(name)]))).search(body)
