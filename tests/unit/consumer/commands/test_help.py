"""The help of each command: nothing in it is cut off, its examples can be typed, and shells complete it."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from consumer.cli import cli
from tests.kits.cli import Run

ROOT = Path(__file__).parents[4]
_WIDTH = 80


def _commands() -> Iterator[tuple[str, ...]]:
    """Yield the words of each command, groups and the whole among them."""
    yield ()
    for name in cli.commands:
        _, command, _ = cli.resolve_command(click.Context(cli), [name])
        yield (name,)
        if isinstance(command, click.Group):
            yield from ((name, each) for each in command.commands)


COMMANDS = list(_commands())


def _help(run: Run, *words: str) -> str:
    ran = run(*words, "--help")
    assert (ran.status, ran.err) == (0, "")
    return ran.out


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_summary_is_cut_off(run: Run, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(_WIDTH))
    text = _help(run, *words)
    listed = text.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert not [line for line in listed if line.endswith("...") or not re.match(r"  \S", line)]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_has_examples_that_parse(
    run: Run, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, _, examples = _help(run, *words).partition("Examples:\n")
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    assert lines
    calls = [call for line in lines for call in _calls(line)]
    assert len(calls) >= len(lines)
    for call in calls:
        assert call[: len(words)] == list(words) or not words or call[0] == "help"
        for word in call:
            if re.search(r"\.(jsonl|yaml)$", word) and "/" not in word:
                Path(word).touch()
        _parse(call)


def _calls(line: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of the command in a line of shell."""
    parts = shlex.shlex(line, posix=True, punctuation_chars="|&>")
    parts.whitespace_split = True
    call: list[str] | None = None
    skip = False
    for word in [*parts, "|"]:
        if set(word) <= set("|&"):
            if call is not None:
                yield call
            call = None
        elif word == ">":
            skip = True
        elif skip:
            skip = False
        elif word == "sanitizer":
            call = []
        elif call is not None:
            call.append(word)


def _parse(call: list[str]) -> None:
    """Parse without running: an option that is none, a value that is wrong or a missing argument raises."""
    with cli.make_context("sanitizer", list(call)) as context:
        command: click.Command = cli
        rest = call
        while isinstance(command, click.Group) and rest and rest[0] != "help":
            _, found, rest = command.resolve_command(context, rest)
            assert found is not None
            command = found
            if not isinstance(command, click.Group):
                command.make_context(command.name, list(rest), parent=context).close()


@pytest.mark.parametrize(
    ("call", "wrong"), [(["get", "1", "--afer", "24h"], "afer"), (["get", "1", "--after", "noon"], "a time as")]
)
def test_a_wrong_example_would_be_noticed(call: list[str], wrong: str) -> None:
    with pytest.raises(click.UsageError, match=wrong):
        _parse(call)


def test_help_is_a_command_too(run: Run) -> None:
    assert run("help").out == run("--help").out
    assert run("help", "policy", "check").out == run("policy", "check", "--help").out
    assert run("help", "nothing").status == 2


def _asked(**variables: str) -> str:
    """Return what the command answers a shell that asks for completion."""
    command = "import sys; sys.argv = ['sanitizer']; from consumer.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", command],
        env=os.environ | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ran.stderr == ""
    return ran.stdout


def _completed(shell: str, words: str, at: str) -> list[str]:
    return _asked(_SANITIZER_COMPLETE=f"{shell}_complete", COMP_WORDS=words, COMP_CWORD=at).splitlines()


def test_commands_and_options_are_completed() -> None:
    assert _completed("bash", "sanitizer quarantine re", "2") == ["plain,replay"]
    assert _completed("zsh", "sanitizer redact --exp", "2")[:2] == ["plain", "--explain"]
    assert [line.partition("\t")[0] for line in _completed("fish", "sanitizer po", "po")] == ["plain,policy"]
    assert "plain,quarantine" in _completed("bash", "sanitizer help ", "2")


def test_the_guide_has_the_lines_for_each_shell() -> None:
    page = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    lines = re.findall(r"^    (.*_SANITIZER_COMPLETE=(\w+)_source sanitizer.*)$", page, re.MULTILINE)
    assert [shell for _, shell in lines] == ["bash", "zsh", "fish"]
    for shell in ("bash", "zsh", "fish"):
        assert f"_SANITIZER_COMPLETE={shell}_complete" in _asked(_SANITIZER_COMPLETE=f"{shell}_source")
    (bash,) = [line for line, shell in lines if shell == "bash"]
    script = f"set -e; PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; {bash}; complete -p sanitizer"
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert "-F _sanitizer_completion sanitizer" in ran.stdout
