"""How names and their values are recognised in texts."""

import json
from collections.abc import Iterable

import pytest

from redaction.detectors.base import view
from redaction.engine.encodings import ENCODED, ESCAPED
from redaction.engine.labels import Labels, label_at, label_names, label_value
from redaction.patterns import compile_bytes
from redaction.policy.names import normalize
from redaction.policy.selectors import Selector, parse_name, parse_path
from redaction.policy.words import Core, Grammar


def labels_of(selectors: Iterable[Selector] = (), words: Iterable[str] = ()) -> Labels:
    return Labels(selectors, Grammar(Core(word, "rule") for word in words), {"rule"})


def assert_seen(labels: Labels, text: str) -> None:
    """By every pass that has to let through a text with a label."""
    body = view(json.dumps({"a": text}, ensure_ascii=False))
    line = b'a":"' + view(text)
    for pattern, searched in (
        (labels.any_in_serialised, body),
        (labels.in_serialised, body),
        (labels.any_in_text, line),
        (labels.in_text, line),
        (labels.any_in_text, line[3:]),  # of a list
    ):
        assert compile_bytes(pattern).search(searched)


def test_names_that_select_anywhere_are_labels() -> None:
    selectors = [parse_name("Pin"), parse_name("card*"), parse_path("a.b"), parse_path("**.c_d"), parse_path("e")]
    assert label_names(selectors) == ["card*", "pin"]


def test_without_names_there_are_no_labels() -> None:
    none = labels_of()
    assert not none
    assert none.pattern == b""
    assert none.in_text == ENCODED
    assert none.in_serialised == none.any_in_text == none.any_in_serialised == ESCAPED


NAMES = ["pin", "credit_card", "card*", "*secret*", "a*b", "stra\u00dfe", "pr\u00e9nom", "\u8eab\u5206\u8bc1"]
LABELS = {name: labels_of([parse_name(name)]) for name in NAMES}
PATTERNS = {name: compile_bytes(each.pattern) for name, each in LABELS.items()}


def labels(name: str, text: str) -> list[str]:
    seen = view(text)
    found = [label_at(text, seen, *match.span()) for match in PATTERNS[name].finditer(seen)]
    return [each.name for each in found if each]


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
    [match] = PATTERNS["pin"].finditer(view(text))
    found = label_at(text, view(text), *match.span())
    assert found
    assert found.name == label
    span = label_value(view(text), match.end())
    assert span is not None
    assert text[slice(*span)] == value


@pytest.mark.parametrize("text", ["pin", "pin code", "pinned=1", "pin-code=1", "pins: 2"])
def test_what_is_no_label(text: str) -> None:
    assert [name for name in labels("pin", text) if normalize(name) == "pin"] == []


@pytest.mark.parametrize("text", ["pin=", 'pin=""', "pin=;x", "pin=   \n"])
def test_labels_without_a_value(text: str) -> None:
    [match] = PATTERNS["pin"].finditer(view(text))
    assert label_value(view(text), match.end()) is None


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
    assert_seen(LABELS[name], text)


# --- Labels by words.

WORDS = labels_of(words=["cvv", "security code", "contraseña"])
WORD_PATTERN = compile_bytes(WORDS.pattern)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("credit_card_cvv=123 ok", "credit_card_cvv", "123"),
        ("card[cvv][0]=123&x=1", "card[cvv][0]", "123"),
        ("card%5Bcvv%5D=123&x=1", "card[cvv]", "123"),
        ('{"cvv"=>"987"}', "cvv", "987"),
        ("cvv==987", "cvv", "987"),
        ('{cvv:"987"}', "cvv", "987"),
        ("cvv: 987", "cvv", "987"),
        ("<cvv>987</cvv>", "cvv", "987"),
        ('<ns:card_cvv xsi:type="xsd:string"> 987 </ns:card_cvv>', "ns:card_cvv", "987"),
        ("<cvv><![CDATA[987]]></cvv>", "cvv", "987"),
        ("<card cvv='987'/>", "cvv", "987"),
        ("Card(cvv=987)", "cvv", "987"),
        ("CONTRASEÑA=x1", "CONTRASEÑA", "x1"),
        ("security code number 2=9", "security code number 2", "9"),
    ],
)  # fmt: skip
def test_labels_by_words(text: str, name: str, value: str) -> None:
    seen = view(text)
    label = next(label_at(text, seen, *match.span()) for match in WORD_PATTERN.finditer(seen))
    assert label is not None
    assert label.name == name
    assert text[slice(*label.value)] == value
    assert_seen(WORDS, text)


@pytest.mark.parametrize(
    "text", ["arn:aws:cvv:x1", "cvv://x1", "cvv:{a: 1}", "a cvv > 3", "cvv 12:30", "<cvv><a>1</a></cvv>"]
)
def test_what_is_no_label_by_words(text: str) -> None:
    seen = view(text)
    assert all(label_at(text, seen, *match.span()) is None for match in WORD_PATTERN.finditer(seen))
