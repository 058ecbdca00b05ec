"""What docs/policies.md shows is run: policies are loaded, records redacted, commands typed, tables made anew."""

import os
import re
import subprocess
import sys
import textwrap
from base64 import b64encode
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from consumer.quarantine.codes import REDACTION
from consumer.settings import Settings, load_settings
from docs import policy_tables
from docs.policy_tables import outcome, redactor
from redaction.actions.encrypt import Encrypt
from redaction.built_in import built_in
from redaction.comparison import compare
from redaction.keys import Key, Keyring, KeyUnavailable, parse_keys
from redaction.policy.test_runner import load_tests

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")

_PART = re.compile(r"^(#{2,4} .*)\n|^```(\w+) ?(.*)\n((?:.*\n)*?)```\n", re.MULTILINE)
_PAIR = re.compile(r"^in   (.*)\nout  (.*)\n", re.MULTILINE)
_COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_OF_THE_KEY = re.compile(r"\b(tok_email_)[a-z_]+")


class Block(NamedTuple):
    """A fenced block, with the last policy shown before it in its section."""

    language: str
    info: str
    text: str
    policy: str
    section: str


def blocks() -> list[Block]:
    found = []
    section = policy = ""
    for match in _PART.finditer(PAGE):
        if match[1]:
            section, policy = match[1].strip("# "), ""
            continue
        block = Block(match[2], match[3], match[4], policy, section)
        found.append(block)
        if block.language == "yaml" and not block.info:
            policy = block.text
    return found


def stable(text: str) -> str:
    return _OF_THE_KEY.sub(r"\1...", text)


BLOCKS = blocks()
POLICIES = [block for block in BLOCKS if block.language == "yaml" and not block.info]
PAIRS = [(block, *pair) for block in BLOCKS if block.language == "text" for pair in _PAIR.findall(block.text)]


def test_every_code_has_words_and_none_more() -> None:
    table = policy_tables.TABLES["codes"]()
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(REDACTION)


@pytest.mark.parametrize("block", POLICIES, ids=lambda block: block.section)
def test_policies_are_sound(block: Block) -> None:
    redactor(block.text)


@pytest.mark.parametrize(("block", "before", "after"), PAIRS, ids=lambda value: getattr(value, "section", ""))
def test_records_become_what_is_shown(block: Block, before: str, after: str) -> None:
    judge = redactor(block.policy)
    (verdict,) = judge.redact([before.encode()])
    assert outcome(verdict) == after


def test_the_settings_are_valid(tmp_path: Path) -> None:
    (block,) = (block for block in BLOCKS if block.info == "settings")
    path = tmp_path / "worker.yaml"
    required = {
        "stream": {"name": "transactions"},
        "kcl": {"application": "payments"},
        "output": {"table": "documents"},
        "quarantine": {"table": "quarantine"},
    }
    path.write_text(yaml.safe_dump(required | yaml.safe_load(block.text)), encoding="utf-8")
    settings: Settings = load_settings(path)
    assert settings.redaction.candidate is not None


def test_the_candidate_is_counted_as_shown() -> None:
    """By the rules and by what the pipeline process counts; the page's figures come from a worker."""
    (shown,) = (block.text for block in BLOCKS if block.info == "candidate")
    shop = "".join(block.text for block in BLOCKS if block.info in {"file=shop.yaml", "append=shop.yaml"})
    samples = next(block.text for block in BLOCKS if block.info == "file=sample.jsonl").splitlines()[:3]
    payloads = [line.encode() for line in samples]
    live, candidate = (judge.redact(payloads) for judge in (redactor(""), redactor(shop)))
    found = [compare(*each) for each in zip(payloads, live, candidate, strict=True)]
    lines = Counter(
        f'sanitizer_candidate_differences_total{{change="{each.change}",path="{each.path}"}}'
        for differences in found
        for each in differences
    )
    lines['sanitizer_candidate_records_total{result="different"}'] = sum(map(bool, found))
    lines['sanitizer_candidate_records_total{result="same"}'] = len(found) - sum(map(bool, found))
    lines['sanitizer_candidate_records_total{result="failed"}'] = 0
    assert sorted(f"{line} {count:.1f}" for line, count in lines.items()) == sorted(shown.splitlines())


@pytest.mark.parametrize("page", ["README.md", "docs/guide.md", "docs/policies.md"])
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}, anchor


def test_the_policy_of_the_readme_is_sound() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^    name: shop\n(?:    .*\n)+", text, re.MULTILINE)
    assert found
    redactor(textwrap.dedent(found[0]))


def test_the_key_file_can_be_read() -> None:
    (block,) = (block for block in BLOCKS if block.info == "keys")
    text = block.text.replace("BASE64/OF/WHAT/KMS/ENCRYPTED", "QUFBQQ==")
    keys = parse_keys(text, "keys.yaml", lambda _name, _key_id, _blob: bytes(32))
    assert [key.id for key in keys["customer"]] == ["b", "a"]
    with pytest.raises(KeyUnavailable):
        parse_keys(block.text.replace("AAEC", "AAE"), "keys.yaml", lambda *_: b"")


def test_what_was_encrypted_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = (block for block in BLOCKS if block.info == "decrypt")
    key = Key("a", bytes(range(32)))
    document = {"phone": Encrypt(Keyring("customer", [key]), "phone_field")("+1 202 555 0143", None)}
    monkeypatch.chdir(tmp_path)
    Path("keys.yaml").write_text(f"customer: [{{id: a, secret: {b64encode(key.secret).decode()}}}]")
    exec(compile(block.text, "policies.md", "exec"), {"document": document})  # noqa: S102 - the page's own code
    assert capsys.readouterr().out == "+1 202 555 0143\n"


def test_the_walk_through(tmp_path: Path) -> None:
    """Type it all, in order, in an empty folder, as in a terminal."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    commands = 0
    for block in BLOCKS:
        kind, _, name = block.info.partition("=")
        if kind in {"file", "append"}:
            with (tmp_path / name).open("w" if kind == "file" else "a", encoding="utf-8") as file:
                file.write(block.text)
        for command, shown in re.findall(
            r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text if block.language == "console" else "", re.MULTILINE
        ):
            done = subprocess.run(  # noqa: S602 - the page's own commands
                command, shell=True, cwd=tmp_path, env=environment, check=False, text=True, timeout=60,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            assert stable(done.stdout) == stable(shown), command
            commands += 1
    assert commands > 10  # none is skipped silently
    tests = (tmp_path / "shop.test.yaml").read_text(encoding="utf-8")
    assert load_tests(tests, "shop.test.yaml")
    assert {"default", "allow-list"} <= set(built_in())
