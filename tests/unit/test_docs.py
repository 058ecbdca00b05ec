"""What the documents show is run: the guide's plug-in, and its settings."""

import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from consumer.config import load_settings
from redaction.guard import redact_guarded
from redaction.plugin import Rejected, Released
from redaction.testing import CHECKS, Canary

GUIDE = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")


def block(beginning: str) -> str:
    """Return the guide's indented block that begins with a line."""
    found = re.search(rf"^    {re.escape(beginning)}\n((?:    .*\n|\n)*)", GUIDE, re.MULTILINE)
    assert found, beginning
    return textwrap.dedent(f"    {beginning}\n{found[1]}")


def test_the_guides_plug_in_works(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("no_email")
    monkeypatch.setitem(sys.modules, "no_email", module)
    code = block("# no_email.py").partition("# pyproject.toml")[0]
    exec(compile(code, "no_email.py", "exec"), module.__dict__)  # noqa: S102
    for check in CHECKS:
        check(module.make({}), Canary(b'{"email": "a@example.com"}', ["a@example.com"]))
    payloads = [b'{"email": "a@example.com", "amount": 1.50}', b"no json"]
    first, second = redact_guarded(module.make({}), payloads)
    assert isinstance(first, Released)
    assert first.body == b'{"amount":1.50}'
    assert first.applied == (("email_field", "drop"),)
    assert second == Rejected("invalid_json")


def test_the_guides_settings_are_valid(tmp_path: Path) -> None:
    path = tmp_path / "worker.yaml"
    path.write_text(block("stream:"), encoding="utf-8")
    settings = load_settings(path)
    assert settings.kcl.application == yaml.safe_load(path.read_text())["kcl"]["application"]
