"""The example of another application, installed as a user would install it, and used."""

import json
import re
from pathlib import Path

import pytest

from tests.unit.installing import Installed, install

EXAMPLE = Path(__file__).parents[2] / "examples" / "fraud_alert"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(EXAMPLE, tmp_path_factory.mktemp("example"))


def test_its_own_tests_pass(example: Installed) -> None:
    assert " passed" in example.run("python -m pytest -q -p no:cacheprovider")


def test_its_settings_are_valid(example: Installed) -> None:
    assert "fraud-alert@1" in example.run("sanitizer config check --config worker.yaml")


def test_it_is_as_short_as_is_said() -> None:
    source = (EXAMPLE / "src/fraud_alert/__init__.py").read_text(encoding="utf-8")
    assert len([line for line in source.splitlines() if line.strip()]) < 60


def test_the_alert_in_its_readme_is_one_that_it_gives(example: Installed) -> None:
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^    (\{.*\})$", readme, re.MULTILINE)
    record = json.loads(shown) | {"credit_card": "4111 1111 1111 1111"}
    code = (
        "import sys; from redaction.plugin import load_redactor; "
        "(alert,) = load_redactor('fraud-alert', {}).redact([sys.stdin.buffer.read()]); print(alert.body.decode())"
    )
    assert json.loads(example.run(f'python -c "{code}"', json.dumps(record))) == json.loads(shown)
