import json
import time
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.detectors.base import view
from redaction.detectors.email import EMAIL
from redaction.engine.finder import Finder
from redaction.patterns import compile_bytes

FINDER = Finder([EMAIL])
CANDIDATE = compile_bytes(EMAIL.candidate)


def found(text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in FINDER.find_in(text)]


def redacted(text: str) -> str:
    for finding in reversed(FINDER.find_in(text)):
        text = text[: finding.start] + EMAIL.mask(text[finding.start : finding.end]) + text[finding.end :]
    return text


ATEXT = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_%-"
LETTER = st.sampled_from("abcdefghijklmnopqrstuvwxyz")
ATOM = st.text(ATEXT, min_size=1, max_size=12).map(lambda text: "a" + text)
LABEL = st.from_regex(r"[a-z][a-z0-9]{0,10}(-[a-z0-9]{1,5})?", fullmatch=True)
TOP = st.sampled_from(["com", "org", "de", "co.uk", "museum", "xn--p1ai", "\u0431\u0433", "технология"])
ADDRESSES = st.builds(
    lambda atoms, labels, top: f"{'.'.join(atoms)}@{'.'.join(labels)}.{top}",
    st.lists(ATOM, min_size=1, max_size=3),
    st.lists(LABEL, min_size=1, max_size=3),
    TOP,
)


@given(
    ADDRESSES,
    st.sampled_from(["", "mail ", "<", '"', "(", "mailto:", "\n", "\u7535\u90ae\uff1a"]),
    st.sampled_from(["", ".", ",", "> ", '"', ")"]),
)
def test_addresses_are_found_whatever_stands_around(address: str, before: str, after: str) -> None:
    assert found(before + address + after) == [address]


@pytest.mark.parametrize(
    "address",
    [
        "simple@example.com",
        "very.common@example.com",
        "disposable.style.email.with+symbol@example.com",
        "o'brien@example.ie",
        "user%example.com@example.org",
        "mailhost!username@example.org",
        "x@example.co.uk",
        "user-@example.org",
        "email@127.local.home.arpa",
        "jörg@müller.example.de",
        "用户@例子.公司",
        "почта@пример.рф",
        "user@xn--80ak6aa92e.xn--p1ai",
        '"john doe"@example.com',
        "a\u200bnna@exam\u200bple.com",
        "anna\uff20example.com",
        "anna%40example.com",
    ],
)
def test_forms(address: str) -> None:
    assert found(f"by {address}, please") == [address]


@pytest.mark.parametrize(
    "text",
    [
        "root@localhost",
        "@example.com",
        "anna@",
        "anna @ example.com",
        "logo@2x.png",
        "hero@3x-dark.webp",
        "lodash@4.17.21",
        "@types/node@20.1.0",
        "react@18.0.0-beta.next",
        "alpine@sha256:0123456789abcdef",
        "pay 3@1.50 each",
        "meet@noon. Then go",
        "a@b.c",
        "****@****",
        "****@example",
        "icon@2x.min.js",
        "lodash@4.17.21.tgz",
        "archive@nightly.tar.gz",
        'messageId":"<CAEddw6POFV_On91@mail.example.com>',
        "Message-ID: <0.1.2.3@mail.example.com>",
        "References: <a1@mail.example.com> <b2@mail.example.com>",
        'msgId":"<20240620144012.4242@mail.example.com>',
        "Message-ID: <CA+a=4012888@mail.example.com>",
        r"{\"In-Reply-To\":\"<a1@mail.example.com>\"}",
        '{"handle":"@example.com"}',
        'note":"by "@example.com',
    ],
)
def test_no_addresses(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to anna@example.com.", ["anna@example.com"]),
        ("mailto:anna@example.com?subject=hi", ["anna@example.com"]),
        ("https://example.com/?id=1&email=anna@example.com&x=1", ["anna@example.com"]),
        ("to='anna@example.com'", ["anna@example.com"]),
        ("anna@example.com-Office", ["anna@example.com"]),
        (
            "anna@example.com,bob@example.org;eve@example.net",
            ["anna@example.com", "bob@example.org", "eve@example.net"],
        ),
        (r"{\"email\":\"anna@example.com\"}", ["anna@example.com"]),
        ("anna@example.com.123", ["anna@example.com"]),
        ("https://user:secret@example.com/", ["secret@example.com"]),
        # endings of files, and paths, are no part of it
        ("r.moon@example.com.gz", ["r.moon@example.com"]),
        ("exports/r.moon@mail.example.co.uk.json.gz", ["r.moon@mail.example.co.uk"]),
        ("https://h.example:8080/orders/5932/pay/r.moon@example.com", ["r.moon@example.com"]),
        ("https://h.example:443/pay?id=7&email=r.moon%40example.com&n=1", ["r.moon%40example.com"]),
        ("/login?next=/a/b&email=r.moon@example.com", ["r.moon@example.com"]),
        ("arn:aws:ses:us-east-1:123456789012:identity/r.moon@example.com", ["r.moon@example.com"]),
        # of a message's header only what is no identifier
        ("From: <anna1@example.com>", ["anna1@example.com"]),
        ("Message-ID: <a1@mail.example.com> To: <anna1@example.com>", ["anna1@example.com"]),
        ("Message-ID: <anna@example.com>", ["anna@example.com"]),
    ],
)
def test_what_is_hidden_and_what_stays(text: str, expected: list[str]) -> None:
    assert found(text) == expected


def test_addresses_that_run_into_each_other_leave_nothing() -> None:
    text = "a@b.c@example.com@example.org"
    for _ in range(3):
        text = redacted(text)
    assert "example" not in text


@given(st.text(max_size=20), ADDRESSES, st.text(max_size=20))
def test_what_is_found_in_a_text_is_a_candidate_in_its_json(before: str, address: str, after: str) -> None:
    text = before + address + after
    if FINDER.find_in(text):
        assert CANDIDATE.search(view(orjson.dumps({"key": text}).decode()))


@given(st.text(max_size=20), ADDRESSES, st.text(max_size=20))
def test_nothing_is_found_after_masking(before: str, address: str, after: str) -> None:
    text = before + address + after
    for _ in range(8):
        text = redacted(text)
    assert FINDER.find_in(text) == []


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Anna@Example.COM", "anna@example.com"),
        ("anna%40example.com", "anna@example.com"),
        ("anna\uff20example.com", "anna@example.com"),
        ("jo\u0308rg@example.com", "j\u00f6rg@example.com"),
        ("an\u200bna@example.com", "anna@example.com"),
    ],
)
def test_one_spelling_for_all(text: str, same: str) -> None:
    assert EMAIL.normalise(text) == EMAIL.normalise(same)


@pytest.mark.parametrize(
    "text", ["a@" + "b." * 8_000, "a@b.cc" * 2_700, "/a=&b=" * 2_700 + "@b.cc", '"' * 16_000 + "@b.cc"]
)
def test_time_is_bounded(text: str) -> None:
    begun = time.process_time()
    FINDER.find_in(text)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize("name", ["presidio_research_synth_v2", "presidio_research_generated_large"])
def test_labelled_texts(name: str) -> None:
    path = Path(__file__).parents[5] / f"shared/data/pii/{name}.jsonl"
    if not path.exists():
        pytest.skip("the shared folder with labelled texts is not beside this checkout")
    labelled = 0
    for row in map(json.loads, path.read_text("utf-8").splitlines()):
        expected = [row["text"][span["start"] : span["end"]] for span in row["spans"] if span["type"] == "EMAIL"]
        assert found(row["text"]) == expected
        labelled += len(expected)
    assert labelled
