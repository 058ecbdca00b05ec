"""`sanitizer policy try`: counts by path, a page that loads nothing, and no values unless they are asked for."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.kits.cli import Run

POLICY = """\
name: mine
version: "7"
drop_records: [{id: tests, field: kind, equals: test}]
fields:
  - {id: card_field, action: {mask: {keep: last4}}, names: [card]}
  - {id: gone, action: drop, names: [secrets]}
  - {id: who, action: {tokenise: {key: customer}}, names: [customer]}
detectors: {email: mask}
"""
RECORDS = [
    {"card": "4111111111111111", "tags": ["a", "mail b@example.com and c@example.com"], "amount": 12.50},
    {"card": "4242424242424242", "tags": ["plain", "mail d@example.com"], "amount": 3},
    {"secrets": {"pin": "9876"}, "customer": "Jane <Doe>", "e@example.com": True, "none": None},
    {"kind": "test"},
    ["378282246310005"],
]
VALUES = ("4111", "4242", "12.5", "b@example.com", "e@example.com", "9876", "Jane", "3782", "plain")


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.jsonl"
    path.write_text("\n".join(map(json.dumps, RECORDS)) + "\n")
    return path


class Read(HTMLParser):
    """What a page asks for, and what it marks."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.marked: dict[str, list[str]] = {"del": [], "ins": [], "mark": []}
        self._tag = ""
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.asked += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href", "action", "data", "poster"}]
        self.asked += [tag for each in ("script", "link", "iframe", "img", "object", "base") if each == tag]

    def handle_data(self, data: str) -> None:
        if self._tag in self.marked:
            self.marked[self._tag].append(data)
        self._tag = ""


def test_it_is_told_by_path_what_is_released_and_what_is_hidden_by_what(run: Run, policy: Path, sample: Path) -> None:
    ran = run("policy", "try", "--policy", policy, sample)
    assert (ran.status, ran.err) == (0, "")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[0].startswith("mine, version 7, digest ")
    assert lines[1:4] == [
        "5 records: 3 released, 1 dropped, 1 rejected",
        "1 dropped by tests",
        "1 rejected as not_an_object: is JSON, but no object; what to do: ask the producer",
    ]
    hidden = lines[lines.index("hidden, of so many values") + 1 : lines.index("released as they came, and searched")]
    assert [line for line in hidden if line] == [
        "0 of 1 ?: email: mask",
        "2 of 2 card: card_field: mask (2 times)",
        "1 of 1 customer: who: tokenise",
        "1 of 1 secrets: gone: drop",
        "2 of 4 tags: email: mask (3 times)",
    ]
    assert lines[-1] == "2 amount"
    assert not [value for value in VALUES if value in ran.out]


def test_it_is_told_to_scripts(run: Run, policy: Path, tmp_path: Path) -> None:
    array = tmp_path / "sample.json"
    array.write_text(json.dumps(RECORDS, indent=2))
    ran = run("policy", "try", "--policy", policy, "--json", array)
    told = json.loads(ran.out)
    assert (told["records"], told["released"], told["dropped"], told["rejected"]) == (
        5, 3, {"tests": 1}, {"not_an_object": 1}
    )  # fmt: skip
    at = {each["path"]: each for each in told["paths"]}
    assert at["tags"] == {"path": "tags", "values": 4, "hidden": 2, "released": 2, "by": {"email: mask": 3}}
    assert not [value for value in VALUES if value in ran.out]


def test_a_pipe_and_the_default_policy_will_do(run: Run) -> None:
    ran = run("policy", "try", "-", stdin=b'{"cvv": "123"}')
    assert ran.status == 0
    assert ran.out.startswith("default, version ")
    assert "1 of 1  cvv: card_security_field: drop" in ran.out


def test_the_page_marks_what_was_done_and_shows_no_values(run: Run, policy: Path, sample: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run("policy", "try", "--policy", policy, sample, "--html", page).status == 0
    text = page.read_text(encoding="utf-8")
    read = Read(page)
    assert read.asked == []
    assert re.search(r"default-src 'none'", text)
    assert not re.search(r"url\(|@import|https?:", text)
    assert not [value for value in VALUES if value in text]
    assert "sample.jsonl" in text
    assert str(tmp_path) not in text
    assert {"card_field: mask", "who: tokenise", "gone: drop"} <= set(read.marked["mark"])
    assert "tags: " in text
    # A name that held something is not told either.
    assert "<li>?: " in text
    # Two records of one shape are one example.
    assert text.count("<section>") == 2
    again = run("policy", "try", "--policy", policy, "--html", page, "-", stdin=b'{"a": "x"}\n{"a": "y"}')
    assert again.err == ""
    assert page.read_text(encoding="utf-8").count("<section>") == 1
    assert "2 records of this kind" in page.read_text(encoding="utf-8")


def test_the_page_shows_values_where_asked(run: Run, policy: Path, sample: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run("policy", "try", "--policy", policy, sample, "--html", page, "--values").status == 0
    read = Read(page)
    assert read.asked == []
    assert '"4111111111111111"' in read.marked["del"]
    assert '"************1111"' in read.marked["ins"]
    assert '{"pin":"9876"}' in read.marked["del"]
    assert '"Jane <Doe>"' in read.marked["del"]
    assert "<Doe>" not in page.read_text(encoding="utf-8")
    assert "12.5" in page.read_text(encoding="utf-8")
    assert "378282246310005" not in page.read_text(
        encoding="utf-8"
    )  # of a record that was rejected there is no example


def test_wrong_usage_is_one_sentence(run: Run, policy: Path, sample: Path, tmp_path: Path) -> None:
    for arguments, sentence in (
        (["--values", sample], "--html"),
        (["--policy", tmp_path / "none.yaml", sample], "can't be read"),
        (["--policy", policy, "--html", tmp_path / "no" / "page.html", sample], "cannot be written"),
    ):
        ran = run("policy", "try", *arguments)
        assert ran.status == 2
        assert sentence in ran.err


def test_a_sample_without_records_is_no_trial(run: Run, tmp_path: Path) -> None:
    sample, page = tmp_path / "empty.jsonl", tmp_path / "page.html"
    sample.write_text("\n \n")
    ran = run("policy", "try", sample, "--html", page)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == f"sanitizer: {sample} holds no records: nothing was tried.\n"
    assert not page.exists()
    sample.write_text("")
    ran = run("policy", "diff", "default", "allow-list", "--input", sample)
    assert ran.status == 2
    assert ran.err == "sanitizer: --input holds no records: nothing was compared but the rules.\n"
