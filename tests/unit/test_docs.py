"""What the documents show is run: the guide's settings, and the walk to a plug-in."""

import json
import re
import textwrap
from pathlib import Path

import pytest
import yaml

from consumer.errors import UsageError
from consumer.settings import load_settings
from redaction.detectors.base import view
from redaction.patterns import compile_bytes, spans
from tests.unit.installing import Installed, install

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
PLUGINS = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "loyalty_plugin"
BLOCK = r"((?:    .*\n|\n)+)"


def block(beginning: str) -> str:
    """Return the guide's indented block that begins with a line."""
    found = re.search(rf"^    {re.escape(beginning)}\n{BLOCK}", GUIDE, re.MULTILINE)
    assert found, beginning
    return textwrap.dedent(f"    {beginning}\n{found[1]}")


def files() -> dict[str, str]:
    """Return the files that the walk shows: their path stands before each."""
    found = re.findall(rf"^`([^`\n]+)`\n\n{BLOCK}", PLUGINS, re.MULTILINE)
    return {path: textwrap.dedent(text).strip("\n") + "\n" for path, text in found}


def commands() -> list[tuple[str, str]]:
    """Return the commands that the walk shows, and what it says they print."""
    found = re.findall(r"^    \$ (.*)\n((?:    (?!\$ ).*\n)*)", PLUGINS, re.MULTILINE)
    return [(command, textwrap.dedent(printed)) for command, printed in found]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A package written from the walk alone."""
    scratch = tmp_path_factory.mktemp("walk")
    package = scratch / "package"
    for path, text in files().items() | {("src/loyalty_plugin/__init__.py", "")}:
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text, encoding="utf-8")
    return install(package, scratch)


def test_the_guides_settings_are_valid(tmp_path: Path) -> None:
    path = tmp_path / "worker.yaml"
    path.write_text(block("stream:"), encoding="utf-8")
    settings = load_settings(path)
    assert settings.kcl.application == yaml.safe_load(path.read_text())["kcl"]["application"]


def test_the_guides_mistakes_are_told_as_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("worker.yaml").write_text(
        "straem: {name: a}\noutput:\n  table: orders\n  write_mode: newer\n  ttl_days: thirty\n", encoding="utf-8"
    )
    with pytest.raises(UsageError) as refused:
        load_settings(Path("worker.yaml"))
    shown = block("$ sanitizer config check --config worker.yaml").split("\n", 1)[1]
    assert shown.strip() == f"sanitizer: {refused.value}"


def test_the_guides_write_modes_are_valid(tmp_path: Path) -> None:
    section = GUIDE.partition("## Keys that several records share")[2].partition("\n## ")[0]
    shown = re.findall(r"(?:^(?:    .*)?\n)*^    output:\n(?:    .*\n)+", section, re.MULTILINE)
    assert len(shown) == 2
    for text in shown:
        path = tmp_path / "worker.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        assert load_settings(path).output.write_mode == "newest"


def test_the_walk_leads_to_the_example() -> None:
    shown = {path: text for path, text in files().items() if path != "worker.yaml"}
    sources = [*EXAMPLE.glob("*.*"), *EXAMPLE.glob("src/loyalty_plugin/*.py"), *EXAMPLE.glob("tests/*.py")]
    kept = {str(path.relative_to(EXAMPLE)): path.read_text(encoding="utf-8") for path in sources if path.is_file()}
    assert kept.pop("src/loyalty_plugin/__init__.py") == ""
    assert kept.pop("README.md")
    assert shown == kept
    listed = re.search(rf"with these files:\n\n{BLOCK}", PLUGINS)
    assert listed
    assert {line.split()[0] for line in listed[1].split("\n") if line} == {*kept, "src/loyalty_plugin/__init__.py"}


def test_the_walks_commands_print_what_it_says(written: Installed) -> None:
    install_it, *others = commands()
    assert install_it[0].startswith("pip install --no-deps --no-build-isolation ")
    assert len(others) == 4
    for command, printed in others:
        ran = written.run(command)
        # What is said about records goes to stderr, and has no order with stdout.
        assert not printed or sorted(ran.splitlines()) == sorted(printed.splitlines())


def test_the_walks_pattern_uses_the_key_as_context() -> None:
    (pattern,) = re.findall(r"`(\(\?i:loyalty\)[^`]*[^`\\])`", PLUGINS)
    candidate = compile_bytes(pattern.encode())
    plain = json.dumps({"loyalty": "1234567889"}, separators=(",", ":"))
    for text in (plain, json.dumps({"loyalty": 1234567889}), json.dumps({"raw": plain})):
        assert next(spans(candidate, view(text)), None)


def test_the_guide_leads_to_the_walk() -> None:
    assert "(plugins.md)" in GUIDE
