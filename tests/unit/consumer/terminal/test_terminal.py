"""What is written is plain where there is no terminal, and gives no orders where there is one."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.terminal.parts import Column, Styled, Table, headed, show
from consumer.terminal.printable import document, echo, printable
from consumer.terminal.progress import Progress
from tests.kits.terminal import ROOT, at_terminal, sanitizer

NASTY = "[bold]x[/bold] :smile: \x1b[31m\x9b2J\u202e\r\x07"
ESCAPED = "[bold]x[/bold] :smile: \\u001b[31m\\u009b2J\\u202e\\u000d\\u0007"

PROGRAM = """
import sys, time
from consumer.terminal.parts import Column, Styled, Table, headed, show
from consumer.terminal.printable import echo
from consumer.terminal.progress import Progress, bar
from consumer.terminal.watching import watching
"""


def program(text: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM + text]


def test_what_is_not_seen_is_written_as_json_has_it() -> None:
    assert printable(NASTY) == ESCAPED
    assert printable("a\tb\nc \u00fc \U0001f600") == "a\tb\nc \u00fc \U0001f600"
    tag = "\U000e0041"
    assert json.loads(f'"{printable(tag)}"') == tag


def test_nothing_is_taken_for_markup_and_nothing_gives_orders(capsys: pytest.CaptureFixture[str]) -> None:
    show(NASTY, Styled(NASTY, "bold red"), headed((NASTY, "b"), [(NASTY, Styled(NASTY, "green"))]))
    echo(NASTY, err=True)
    out, err = capsys.readouterr()
    assert out.splitlines()[:2] == [ESCAPED, ESCAPED]
    assert out.count(ESCAPED) == 5
    assert err == f"{ESCAPED}\n"


def test_nor_at_a_terminal() -> None:
    shown = at_terminal(
        program(f"n = {NASTY!r}\nshow(n, Styled(n, 'bold red'), headed((n, 'b'), [(n, Styled(n, 'green'))]))\necho(n)"),
        columns=200,
    )
    assert shown.status == 0
    assert shown.text.count(ESCAPED) == 6
    assert set(re.findall(r"\x1b\[[0-9;]*[A-Za-z]", shown.text)) == {"\x1b[1;31m", "\x1b[0m", "\x1b[1m", "\x1b[32m"}
    assert not {"\x9b", "\u202e", "\x07"} & set(shown.text)


def test_a_table_in_a_pipe_is_as_wide_as_it_is_and_ends_with_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    long = "word " * 60 + "end"
    show(Table((Column(6, "right", "n"), Column(head="text"), Column()), [("1", long, ""), ("22", "b", "c")]))
    lines = capsys.readouterr().out.split("\n")
    assert lines[1] == f"     1  {long}"
    assert [lines[0], lines[3]] == ["     n  text", ""]
    assert lines[2].split() == ["22", "b", "c"]


def test_at_a_narrow_terminal_cells_go_on_below_themselves() -> None:
    text = "show(Table((Column(5), Column()), [('one', 'word ' * 12), ('two', 'x' * 50)], gap=1))"
    shown = at_terminal(program(text), columns=40)
    assert all(len(line) <= 40 for line in shown.lines)
    assert shown.lines[1].startswith("      word")
    assert sum(line.count("x") for line in shown.lines) == 50


@pytest.mark.parametrize("columns", [10, 20])
def test_at_one_too_narrow_for_a_table_nothing_is_lost(columns: int) -> None:
    text = "show(Table((Column(8), Column(14), Column()), [('failed', 'tables', 'there is none')], gap=1))"
    shown = at_terminal(program(text), columns=columns).lines
    assert [line.split() for line in shown] == [["failed", "tables", "there", "is"], ["none"]]


def test_a_terminal_of_no_width_is_one_of_a_usual_width() -> None:
    text = "show(Styled('Good', 'bold'), headed(('a', 'b'), [('c', 'word ' * 30)]))"
    shown = at_terminal(program(text), environment={"COLUMNS": "0"})
    assert "Good" in shown.text
    assert shown.text.count("word") == 30
    assert max(map(len, shown.lines)) > 60


def test_what_is_copied_is_not_folded() -> None:
    text = "show(Table((Column(), Column()), [('4' * 56, 'y' * 30)], is_whole=True))"
    assert f"{'4' * 56}  {'y' * 30}" in at_terminal(program(text), columns=40).text


@pytest.mark.parametrize(
    ("environment", "orders"),
    [({}, {"\x1b[1;32m", "\x1b[0m"}), ({"NO_COLOR": "1"}, {"\x1b[1m", "\x1b[0m"}), ({"TERM": "dumb"}, set())],
    ids=["colours", "NO_COLOR", "dumb"],
)
def test_colours_are_for_who_wants_them(environment: dict[str, str], orders: set[str]) -> None:
    shown = at_terminal(program("show(Styled('Good', 'bold green'))"), environment=environment)
    assert "Good" in shown.text
    assert set(re.findall(r"\x1b\[[0-9;]*[A-Za-z]", shown.text)) == orders


def test_in_a_pipe_there_is_no_escape_whatever_the_environment_says() -> None:
    text = (
        "show(Styled('Good', 'bold green'), headed(('a', 'b'), [('c', 'd')]))\n"
        "with Progress() as p: p.say('going on')\n"
        "with bar('x', 3) as step: step(1)\n"
        "with watching() as looks: looks.show(['look']); looks.trouble('out of reach')\n"
    )
    given = {"FORCE_COLOR": "1", "TTY_INTERACTIVE": "1", "TERM": "xterm", "COLUMNS": "10", "PATH": "/bin"}
    ran = subprocess.run(program(text), env=given, capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout == "Good\na  b\nc  d\nlook\n"
    assert ran.stderr == "going on\nout of reach\n"


def test_progress_at_a_terminal_leaves_nothing_behind() -> None:
    text = "with Progress() as p:\n    p.say('fed 1 [x]')\n    p.say('fed 2')\necho('done')"
    shown = at_terminal(program(text))
    assert "fed 1 [x]" in shown.text
    assert "fed 2" in shown.text
    assert shown.text.count("\x1b[?25l") == shown.text.count("\x1b[?25h") == 1  # the cursor
    assert shown.text.endswith("\x1b[2Kdone\r\n")


def test_a_terminal_that_cannot_write_over_a_line_gets_lines() -> None:
    shown = at_terminal(program("with Progress() as p: p.say('fed 1'); p.say('fed 2')"), environment={"TERM": "dumb"})
    assert shown.text == "fed 1\r\n"


def test_progress_in_a_pipe_may_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(always=False) as quiet, Progress() as loud:
        quiet.say("a")
        loud.say("b")
        loud.say("c")
    assert capsys.readouterr() == ("", "b\n")


WATCH = """
with watching() as looks:
    try:
        for i in range(1000):
            looks.show([f"look {i}", headed(("shard", "state"), [(f"s{j}", "reading") for j in range(60)])])
            if i == 1: looks.trouble("out of reach")
            time.sleep(0.1)
    except KeyboardInterrupt:
        pass
sys.exit(3)
"""


@pytest.fixture(scope="module")
def watched() -> str:
    shown = at_terminal(program(WATCH), until=lambda text: "look 3" in text)
    assert shown.status == 3
    return shown.text


def test_a_watch_has_a_screen_of_its_own_and_leaves_it_and_the_last_look(watched: str) -> None:
    assert watched.startswith("\x1b[?1049h")
    within, _, after = watched.partition("\x1b[?1049l")
    assert "look 0" in within
    assert "\x1b[31mout of reach\x1b[0m" in within  # above the look, of which the end does not fit
    assert re.search(r"look (?!0)\d+\r\n", after)
    assert "look 0" not in after
    assert after.count("reading") == 60  # the whole of it, beyond the screen's height
    assert watched.count("\x1b[?25l") == watched.count("\x1b[?25h")


def test_a_watch_whose_reader_goes_ends() -> None:
    text = "with watching() as looks:\n    while True: looks.show(['x' * 1000])"
    with subprocess.Popen(
        program("from consumer.cli import *\n" + text),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.wait(30) != 0


def test_documents_are_as_they_are_but_for_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    body = '{"a":"\u009b2J \u00fc"}'.encode()
    assert document(body) == body
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert document(body) == '{"a":"\\u009b2J \u00fc"}'.encode()
    assert document(b'{"a":1}') == b'{"a":1}'
    assert document(b'{"a":"\x7f"}') == b'{"a":"\\u007f"}'


def test_commands_give_no_orders_of_records_policies_and_arguments(tmp_path: Path) -> None:
    records, policy = tmp_path / "mine.jsonl", tmp_path / "mine.yaml"
    records.write_text('{"[bold]a":"[red]x\u009b31m","b\\u001b[31m":"a@example.com"}\n', encoding="utf-8")
    policy.write_text('name: m\nversion: "\\e[31m[bold]1"\nextends: default\n', encoding="utf-8")
    for command in (
        ["redact", "--explain", str(records)],
        ["policy", "try", str(records)],
        ["policy", "show", str(policy)],
        ["policy", "check", str(policy)],
        ["redact", "--nosuch\x1b[31m\x9b"],
        ["policy", "show", "nosuch\x1b[31m\x9b"],
        ["quarantine", "list", "\x1b[31m\x9b"],
    ):
        shown = at_terminal(sanitizer(*command), columns=200)
        assert not {"\x9b", "\x1b"} & set(shown.text), command
        assert shown.text
    assert "[red]x\\u009b31m" in at_terminal(sanitizer("redact", str(records)), columns=200).text


def test_lists_of_names_fit_a_narrow_terminal() -> None:
    lines = at_terminal(sanitizer("policy", "show", "pci-dss"), columns=50).lines
    names = [line for line in lines if line.startswith(" " * 8)]
    assert len(names) > 50
    assert all(len(line) <= 50 for line in names)


def test_short_words_are_not_folded_where_ids_can_be() -> None:
    text = "show(headed(('shard', 'state', 'owner'), [('shardId-000000000000', 'unowned', 'host:1234:abcdef')]))"
    lines = at_terminal(program(text), columns=30).lines
    assert any("unowned" in line for line in lines)
    assert "".join(line.split(" ")[0] for line in lines[1:] if line) == "shardId-000000000000"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_a_terminal_has_no_character_for_is_escaped(encoding: str) -> None:
    text = (
        "from consumer.terminal.streams import make_writable\nmake_writable()\n"
        "show(headed(('owner',), [('\\u2026abc',)]))\n"
        "with watching() as looks: looks.show([Styled('\\u2026def', 'red')])\n"
        "with Progress() as p: p.say('fed 1')\n"
    )
    shown = at_terminal(program(text), environment={"PYTHONIOENCODING": encoding})
    assert shown.status == 0, shown.text
    assert "\\u2026abc" in shown.text
    assert "\\u2026def" in shown.text
    assert re.search(r"[-\\|/] fed 1", shown.text)


@pytest.mark.parametrize(("closed", "written"), [("<&-", b""), (">&-", b""), ("2>&-", b"{}\n"), ("<&- >&- 2>&-", b"")])
def test_a_closed_stream_is_an_empty_one(closed: str, written: bytes) -> None:
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *sanitizer("redact")]
    ran = subprocess.run(command, input=b"{}\n", capture_output=True, check=False, cwd=ROOT)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, written, b"")
