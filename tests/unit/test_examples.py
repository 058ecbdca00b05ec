"""The example of a plug-in, installed as a user would install it, and used."""

import json
import re
import textwrap
from pathlib import Path

import pytest

from tests.unit.installing import Installed, install

EXAMPLE = Path(__file__).parents[2] / "examples" / "loyalty_plugin"
TEXT = "card LC-1234567889, and no card LC-1234567888"
LOAD = """
from redaction.guard import redact_guarded
from redaction.plugin import load_redactor
redactor = load_redactor("three-fields", {})
print(redactor.name, redactor.digest)
payloads = [b'{"user_id": "1", "ssn": "219-09-9999"}', b'{"user_id": "4111 1111 1111 1111"}', b'{"amount": true}', b"["]
for verdict in redact_guarded(redactor, payloads):
    print(verdict)
"""


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(EXAMPLE, tmp_path_factory.mktemp("example"))


def test_its_own_tests_pass(example: Installed) -> None:
    assert " passed" in example.run("python -m pytest -q -p no:cacheprovider")


def test_a_policy_may_name_its_detector_and_its_action(example: Installed) -> None:
    (checked,) = json.loads(example.run("sanitizer policy check --json policy.yaml"))
    assert checked["ok"]
    shown = example.run("sanitizer policy show policy.yaml")
    assert "loyalty_card" in shown
    assert "initials" in shown
    assert "0 failed" in example.run("sanitizer policy test policy.yaml")


def test_what_it_finds_is_hidden(example: Installed) -> None:
    record = json.dumps({"holder_name": "Jane Doe", "note": TEXT, "within": json.dumps({"note": TEXT})})
    released = json.loads(example.run("sanitizer redact --policy policy.yaml", record + "\n"))
    hidden = TEXT.replace("1234567889", "*" * 10)
    assert json.loads(released.pop("within")) == {"note": hidden}
    assert released == {"holder_name": "J. D.", "note": hidden}


def test_wrong_settings_are_refused_before_anything_starts(example: Installed) -> None:
    example.folder.joinpath("wrong.yaml").write_text(
        'name: wrong\nversion: "1"\nfields: [{id: holder, action: {initials: {at_most: 9}}, names: [holder]}]\n'
    )
    said = example.run("sanitizer policy check wrong.yaml || test $? = 2")
    assert "rule 'holder': initials: at_most: must be a number from 1 to 3" in said


def test_its_redactor_is_known_by_name(example: Installed) -> None:
    assert example.run("python -", LOAD).splitlines() == [
        "three-fields three-fields-1",
        "Released(document={'user_id': '1'}, body=b'{\"user_id\":\"1\"}', applied=(('three_fields', 'drop'),))",
        "Rejected(code='unexpected_value', rule='three_fields')",
        "Rejected(code='unexpected_type', rule='three_fields')",
        "Rejected(code='invalid_json', rule=None)",
    ]


def test_its_readme_is_right(example: Installed) -> None:
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    for command in re.findall(r"^    ((?:sanitizer|echo) .*)$", readme, re.MULTILINE):
        assert example.run(command)
    blocks = [textwrap.dedent(block) for block in re.findall(r"^    redaction:\n(?:      .*\n)+", readme, re.MULTILINE)]
    for block, name in zip(blocks, ("loyalty", "three-fields"), strict=True):
        example.folder.joinpath("worker.yaml").write_text(block)
        assert f"redactor {name}@1" in example.run("sanitizer config check --config worker.yaml")
