"""The walk through the library is run as it stands on its page."""

import base64
import doctest
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "library.md"
TEXT = PAGE.read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def block(language: str) -> str:
    (text,) = (text for kind, text in FENCE.findall(TEXT) if kind == language)
    return str(text)


def test_what_is_typed_answers_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tokens.yaml").write_text(block("yaml"), encoding="utf-8")
    typed = "".join(text for kind, text in FENCE.findall(TEXT) if kind == "pycon")
    walk = doctest.DocTestParser().get_doctest(typed, {}, "library.md", str(PAGE), 0)
    assert len(walk.examples) > 10
    said: list[str] = []
    failed, _ = doctest.DocTestRunner().run(walk, out=said.append)
    assert not failed, "".join(said)


def test_the_function_lets_only_through_what_is_released(capsys: pytest.CaptureFixture[str]) -> None:
    found: dict[str, Any] = {}
    exec(block("python"), found)  # noqa: S102 - our own page
    sent = [b'{"pan": "4532-1234-5678-9012", "amount": 1}', b"4532123456789012 is no JSON object"]
    event = {"records": [{"recordId": str(n), "data": base64.b64encode(each).decode()} for n, each in enumerate(sent)]}
    released, dropped = found["handler"](event, None)["records"]
    assert released["result"] == "Ok"
    assert b"1234-5678" not in base64.b64decode(released["data"])
    assert dropped == {"recordId": "1", "result": "Dropped"}
    assert capsys.readouterr().out == "rejected: invalid_json\n"


def test_nothing_else_stands_there_as_code() -> None:
    assert sorted({kind for kind, _ in FENCE.findall(TEXT)}) == ["pycon", "python", "yaml"]
