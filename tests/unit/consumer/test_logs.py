"""The log: one line of JSON per event, harmless by construction. In processes of their own: it is global state."""

import json
import subprocess
import sys
from typing import Any

import pytest

from consumer import logs

CANARY = "4111 1111 1111 1111"
PREAMBLE = f"""
import logging, sys, threading
from consumer import logs
CANARY = {CANARY!r}
logs.configure("info", "test")
log = logs.get_logger("test")
def fail():
    raise ValueError(CANARY)
"""


def lines_of(code: str, status: int = 0) -> list[dict[str, Any]]:
    run = subprocess.run([sys.executable, "-c", PREAMBLE + code], capture_output=True, text=True, check=False)
    assert run.returncode == status
    assert run.stdout == ""
    assert CANARY not in run.stderr
    return [json.loads(line) for line in run.stderr.splitlines()]


def test_known_fields_pass_and_unknown_ones_are_withheld() -> None:
    code = "log.info('batch.done', records=3, shard='s', table=None, document={'card': CANARY}, user=CANARY, pids=[1])"
    (line,) = lines_of(code)
    assert line["event"] == "batch.done"
    assert line["severity"] == "info"
    assert line["process"] == "test"
    assert (line["records"], line["shard"], line["table"], line["pids"]) == (3, "s", None, ["1"])
    assert line["document"] == line["user"] == "<withheld>"


def test_long_texts_are_cut() -> None:
    (line,) = lines_of("log.info('e' * 1000, reason='x' * 1000)")
    assert len(line["event"]) == len(line["reason"]) == 300


def test_below_the_level_nothing_is_written() -> None:
    assert lines_of("log.debug('x')") == []


@pytest.mark.parametrize("argument", ["True", "error"])
def test_of_an_exception_the_class_and_the_places_are_written(argument: str) -> None:
    (line,) = lines_of(f"""
try:
    fail()
except ValueError as error:
    log.error('x', exc_info={argument})
""")
    assert line["event"] == "x"
    assert line["error"] == "ValueError"
    assert [frame.split()[-1] for frame in line["frames"]] == ["<module>", "fail"]


def test_what_nobody_catches_is_written_without_its_message() -> None:
    (line,) = lines_of("fail()", status=1)
    assert (line["event"], line["error"]) == ("process.uncaught_exception", "ValueError")
    assert line["frames"][-1].endswith(" fail")


def test_what_ends_a_thread_is_written_without_its_message() -> None:
    (line,) = lines_of("thread = threading.Thread(target=fail); thread.start(); thread.join()")
    assert (line["event"], line["error"]) == ("process.uncaught_exception", "ValueError")
    assert line["frames"][-1].endswith(" fail")


def test_what_python_cannot_raise_is_written_without_its_message() -> None:
    (line,) = lines_of("""
class Dying:
    def __del__(self):
        fail()
Dying()
""")
    assert (line["event"], line["error"]) == ("process.uncaught_exception", "ValueError")


def test_of_what_libraries_log_the_template_passes() -> None:
    first, second, third = lines_of("""
logging.getLogger("botocore").warning("retrying %s", CANARY)
logging.getLogger("urllib3").error("Failed: " + CANARY)
logging.getLogger("botocore").info("quiet %s", CANARY)
try:
    fail()
except ValueError:
    logging.getLogger("x").exception("in %s", CANARY)
""")
    assert (first["logger"], first["template"], first["severity"]) == ("botocore", "retrying %s", "warning")
    assert (second["template"], second["severity"]) == ("<withheld>", "error")
    assert (third["error"], third["template"]) == ("ValueError", "in %s")


def test_ctrl_c_is_no_error() -> None:
    assert lines_of("sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)") == []


def test_stacks_are_places_and_names_only() -> None:
    text = (
        "Thread 0x00007f1 (most recent call first):\n"
        '  File "/opt/app/plugins/mine.py", line 7 in redact\n'
        '  File "<4111111111111111>", line 1 in <module>\n'
        "\nCurrent thread 0x2 (most recent call first):\n"
        '  File "/usr/lib/python3.11/threading.py", line 320 in wait\n'
        "something else, 4111111111111111\n"
    )
    assert logs.frames_of_stacks(text) == [
        "",
        "plugins/mine.py:7 redact",
        "",
        "",
        "python3.11/threading.py:320 wait",
        "",
    ]
