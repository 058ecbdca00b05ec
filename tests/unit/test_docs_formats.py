"""What the page on formats, and the part of the plug-ins' page on decoders, show is run."""

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.decoder import Decoded
from consumer.decoder_testing import CHECKS, DecoderCheck, Log, NoMetrics
from consumer.decoding import loading
from consumer.decoding.loading import check_format, open_chain
from consumer.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
FORMATS = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
PLUGINS = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", FORMATS, re.MULTILINE)]
SETTINGS = [
    f"stream:{each}" for block in BLOCKS if block.strip().startswith("stream:") for each in block.split("stream:")[1:]
]


def namespace() -> dict[str, Any]:
    """What the plug-ins' page defines: a decoder, and its test."""
    section = PLUGINS.partition("## A decoder\n")[2].partition("\n## ")[0]
    code = "".join(
        textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n|^\n+(?=    ))+", section, re.MULTILINE)
    )
    found: dict[str, Any] = {}
    exec(code, found)  # noqa: S102 - our own page
    return found


@pytest.mark.parametrize("text", SETTINGS)
def test_the_settings_are_valid(text: str, tmp_path: Path) -> None:
    (tmp_path / "worker.yaml").write_text(text, encoding="utf-8")
    check_format(load_settings(tmp_path / "worker.yaml"))


def test_there_are_settings_to_try() -> None:
    assert len(SETTINGS) == 5
    assert sum("kcl:" in text for text in SETTINGS) == 1


def test_the_example_of_an_envelope_is_what_comes_out() -> None:
    before, after = (json.loads(block) for block in BLOCKS if block.strip().startswith('{"') and "shop" in block)
    chain = open_chain(Settings.model_validate({"stream": {"format": ["auto", "eventbridge"]}}), NoMetrics(), Log())
    (part,) = chain.decode(json.dumps(before).encode())
    assert isinstance(part, Decoded)
    assert json.loads(part.data) == after


def test_each_decoder_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (?:bytes|JSON) \| (?:bytes|JSON) \|", FORMATS, re.MULTILINE)
    assert sorted(rows) == sorted(entry.name for entry in loading._BUILT_IN)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_decoder_of_the_walk_conforms(check: DecoderCheck) -> None:
    check(namespace()["SAMPLES"])


def test_the_worked_examples_settings_are_those_of_a_worker() -> None:
    (worked,) = [yaml.safe_load(text) for text in SETTINGS if "kcl:" in text]
    assert worked["stream"]["format"] == ["auto", "cloudwatch_logs"]
