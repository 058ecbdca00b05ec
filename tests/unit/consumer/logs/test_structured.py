"""The log: one line of JSON per event, harmless by construction. In processes of their own: it is global state."""

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest

from consumer import logs
from consumer.logs import structured
from tests.kits.emf import extracted

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


def text_at_terminal(code: str, **environment: str) -> str:
    """Run it with a terminal as its stderr, and return what stands there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + code], stderr=theirs, env=os.environ | {"TERM": "xterm"} | environment
    ) as process:
        os.close(theirs)
        text = b""
        with suppress(OSError):  # EIO: nobody else has the terminal any more
            while part := os.read(ours, 4096):
                text += part
    os.close(ours)
    assert process.returncode == 0
    assert CANARY not in text.decode()
    return text.decode().replace("\r\n", "\n")


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


SPOKEN = "log.info('batch.ended', records=3, shard='s', code=None, reason='two words', document=CANARY)"


def test_on_a_terminal_a_line_is_for_a_person() -> None:
    text = text_at_terminal(SPOKEN)
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[\d+m", "", text)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT[\d:.]+Z \[info *\] batch\.ended +process=test records=3 shard=s "
        r'reason="two words" document=<withheld>\n',
        plain,
    )


@pytest.mark.parametrize(
    ("form", "at_terminal", "is_json"),
    [("auto", False, True), ("json", True, True), ("console", False, False), ("auto", True, False)],
)
def test_the_format_is_chosen_or_follows_the_terminal(form: str, *, at_terminal: bool, is_json: bool) -> None:
    code = f"logs.configure('info', 'test', {form!r}); logs.get_logger('x').info('batch.ended', records=3)"
    if at_terminal:
        text = text_at_terminal(code)
    else:
        text = subprocess.run(
            [sys.executable, "-c", PREAMBLE + code], capture_output=True, text=True, check=True
        ).stderr
        assert "\x1b" not in text
    assert text.startswith('{"event": "batch.ended"') == is_json
    assert ("records=3" in re.sub(r"\x1b\[\d+m", "", text)) != is_json


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_refused(environment: dict[str, str]) -> None:
    text = text_at_terminal(SPOKEN, **environment)
    assert "\x1b" not in text
    assert text.endswith(' process=test records=3 shard=s reason="two words" document=<withheld>\n')


def test_a_person_sees_frames_below_the_line_and_no_orders_to_the_terminal() -> None:
    text = text_at_terminal(
        """
try:
    fail()
except ValueError:
    log.error('x', exc_info=True, reason='a\\x1b[2Jb\\nc', pids=[1, 2])
""",
        NO_COLOR="1",
    )
    first, *frames = text.splitlines()
    assert first.endswith(r'error=ValueError process=test reason="a\u001b[2Jb\nc" pids=1,2')
    assert [frame.split()[-1] for frame in frames] == ["<module>", "fail"]
    assert all(frame.startswith("    ") for frame in frames)


def test_the_level_can_be_switched_for_loggers_that_exist() -> None:
    lines = lines_of("""
log.debug('a')
logs.set_level('debug')
log.debug('b', records=1)
logs.set_level('error')
log.warning('c')
log.error('d')
logs.set_level('error')
""")
    said = [(line["event"], line.get("level"), line["process"]) for line in lines]
    assert said == [
        ("log.level_changed", "debug", "test"),
        ("b", None, "test"),
        ("log.level_changed", "error", "test"),
        ("d", None, "test"),
        ("log.level_changed", "error", "test"),
    ]


def test_all_that_a_thread_says_of_a_batch_carries_its_ids() -> None:
    first, second, third, other = lines_of("""
logs.batch_began('shardId-1', 1)
log.info('a')
logs.get_logger('writer').info('b', table='t')
logs.batch_began('shardId-1', 2)
log.info('c')
thread = threading.Thread(target=lambda: log.info('d')); thread.start(); thread.join()
""")
    assert (first["shard"], first["batch"], third["batch"]) == ("shardId-1", 1, 2)
    assert first["trace"] == second["trace"] != third["trace"]
    assert re.fullmatch("[b-v]{16}", first["trace"]), "no digits: a run of them looks like a card number"
    assert "trace" not in other


def test_a_flood_is_cut_counted_and_summed_up() -> None:
    lines = lines_of("""
import collections
counts = collections.Counter()
logs.count_suppressed(lambda event: counts.update([event]))
for i in range(25):
    log.warning('dynamodb.write_retried', shard='s', code='Throttled', attempt=i)
    log.error('session.failed', shard='s')
log.warning('dynamodb.write_retried', shard='other', code='Throttled', attempt=99)
log.warning('dynamodb.write_retried', shard='s', code='Refused', attempt=99)
logs.flush()
log.info('worker.stopped', count=counts['dynamodb.write_retried'])
""")
    retried = [line for line in lines if line["event"] == "dynamodb.write_retried"]
    assert [line["attempt"] for line in retried] == [*range(structured.LINES_MOST), 99, 99]
    assert len([line for line in lines if line["event"] == "session.failed"]) == 25, "what ends something is all said"
    (summary,) = [line for line in lines if line["event"] == "log.suppressed"]
    assert (summary["name"], summary["severity"], summary["count"]) == ("dynamodb.write_retried", "warning", 15)
    assert (summary["shard"], summary["code"], summary["process"]) == ("s", "Throttled", "test")
    assert lines[-1]["count"] == 15


def test_debug_lines_are_never_too_many() -> None:
    assert len(lines_of("logs.set_level('debug')\nfor i in range(50): log.debug('batch.ended')")) == 51


def test_a_flood_of_a_library_is_cut_by_its_template() -> None:
    lines = lines_of("""
for i in range(30):
    logging.getLogger('botocore').warning('retrying %s', CANARY)
logging.getLogger('botocore').warning('other %s', CANARY)
logs.flush()
""")
    assert [line["event"] for line in lines] == [*["library.log"] * (structured.LINES_MOST + 1), "log.suppressed"]
    assert lines[-1]["template"] == "retrying %s"


EMBEDDED = """
from consumer.logs import EmbeddedMetrics, Measured
lag = {"LagSeconds": Measured(2.5, "Seconds")}
logs.publish(EmbeddedMetrics("Space", {"Application": "payments"}, lag, 1700000000.5))
"""


@pytest.mark.parametrize("level", ["debug", "info", "error"])
def test_metrics_are_a_line_for_cloudwatch_at_any_level(level: str) -> None:
    (line,) = lines_of(f"logs.configure({level!r}, 'test'){EMBEDDED}")
    told = extracted(json.dumps(line))
    assert (told.namespace, told.dimensions, told.values) == ("Space", {"Application": "payments"}, {"LagSeconds": 2.5})
    assert (told.units, told.at) == ({"LagSeconds": "Seconds"}, 1700000000500)
    assert (line["event"], line["process"]) == ("metrics.published", "test")


def test_metrics_for_cloudwatch_are_nothing_for_a_person() -> None:
    assert text_at_terminal(EMBEDDED) == ""


def test_nothing_else_passes_for_metrics() -> None:
    (line,) = lines_of("log.info('batch.done', embedded={'_aws': CANARY}, _aws=CANARY)")
    assert line["embedded"] == line["_aws"] == "<withheld>"
