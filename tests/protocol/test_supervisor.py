"""The supervisor with real pipeline processes and stand-ins for the daemon, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DRIVER = """
import json, os, signal, sys, threading, time
from pathlib import Path
from consumer import logs
from consumer.kcl import daemon, handover
from consumer.kcl.log import Phase
from consumer.pipeline.crash_journal import JournalReading, Stage
from consumer.settings import Settings
from consumer.web import health
from consumer.worker import pipeline_pool, preflight, supervisor

mode, folder = sys.argv[1], Path(sys.argv[2])
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
logs.configure("info", "supervisor")
policy = folder / "policy.yaml"
policy.write_text("name: test\\nversion: '1'\\ndetectors: {card: mask}\\n")
seen = {"starts": 0, "handed_over": 0}
preflight.check = lambda settings: None
supervisor.find_java = lambda settings: Path("/bin/true")
lives = ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]
line = {
    "loggerName": "software.amazon.kinesis.coordinator.Scheduler", "level": "INFO",
    "message": "Initialization complete. Starting worker loop.",
}
works = ["/bin/sh", "-c", "echo '%s'; trap 'exit 0' TERM; sleep 1000 & wait" % json.dumps(line)]
fails = ["/bin/sh", "-c", "exit 1"]
daemon.command = lambda *_: {"daemon fails": fails, "daemon works": works, "shard hangs": works}.get(mode, lives)
handover.resign = lambda *_: None
handover.hand_over = lambda *_: seen.update(handed_over=seen["handed_over"] + 1) or 0
start = pipeline_pool.PipelinePool._start
def counted(self, slot):
    seen["starts"] += 1
    start(self, slot)
pipeline_pool.PipelinePool._start = counted
made = supervisor.Supervisor(Settings(
    redaction={"plugin": "policy", "options": {"policy": str(policy)}},
    http={"host": "127.0.0.1", "port": 0},
    pipeline={"processes": 1},
    runtime_dir=folder / "run",
))

def wait(condition):
    while not condition():
        time.sleep(0.02)

def act():
    wait(lambda: hasattr(made, "_daemons") and made._daemons.started)
    if mode == "pipeline cannot start":
        policy.unlink()
        made._pipelines.in_slot(0).kill()
    if mode == "policy changes":
        policy.write_text("name: test\\nversion: '1'\\ndetectors: {ssn: mask}\\n")
        made._pipelines.in_slot(0).kill()
    if mode == "terminal goes":
        print("started", flush=True)
        return
    if mode == "level is switched":
        os.kill(os.getpid(), signal.SIGHUP)
        wait(lambda: made._log_level == "debug")
        first = made._pipelines.in_slot(0)
        first.kill()
        wait(lambda: made._pipelines.in_slot(0) not in (None, first) and made._pipelines.in_slot(0).is_ready)
        os.kill(os.getpid(), signal.SIGHUP)
        wait(lambda: made._log_level == "info")
    elif mode == "daemon works":
        wait(lambda: made._daemons.phase)
    elif mode == "shard hangs":
        for _ in range(health.ENDS_UNHEALTHY):
            wait(lambda: made._pipelines.in_slot(0) and made._is_at(Phase.SERVING))
            hanging = made._pipelines.in_slot(0)
            made._events.put(("stuck", "shardId-0", JournalReading(Stage.SETTLING, hanging.pid, 1)))
            wait(lambda: made._pipelines.in_slot(0) is not hanging)
    elif mode == "daemon does not begin":
        time.sleep(0.5)
    elif mode != "stop":
        wait(lambda: made._daemons.failures == 3 and made._daemons.process is None)
    condition = made._condition()
    seen.update(
        failures=made._daemons.failures,
        ready=[reason.code for reason in health.ready(condition).reasons],
        live=[reason.code for reason in health.live(condition).reasons],
        serves=made._may_take_over(),
        turned_ago=condition.turned_ago,
    )
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=act, daemon=True).start()
seen["status"] = made.run()
print(json.dumps(seen))
"""


def drive(mode: str, folder: Path) -> Any:
    ran = subprocess.run(
        [sys.executable, "-c", DRIVER, mode, str(folder)], capture_output=True, text=True, timeout=60, check=True
    )
    assert "Traceback" not in ran.stderr
    return json.loads(ran.stdout) | {"log": [json.loads(line) for line in ran.stderr.splitlines()]}


def test_a_pipeline_that_cannot_start_again_is_tried_ever_more_slowly(tmp_path: Path) -> None:
    seen = drive("pipeline cannot start", tmp_path)
    assert seen["starts"] == seen["failures"] == 3  # the first, and one after each pause; the third pause has begun
    assert seen["ready"] == ["starting"]
    assert seen["handed_over"] == 1
    reasons = [line["reason"] for line in seen["log"] if line["event"] == "pipeline.not_started"]
    assert len(reasons) >= 2
    assert all("policy.yaml: can't be read" in reason for reason in reasons)


def test_a_policy_that_changed_under_a_running_worker_is_not_applied_to_a_part_of_it(tmp_path: Path) -> None:
    seen = drive("policy changes", tmp_path)
    reasons = [line["reason"] for line in seen["log"] if line["event"] == "pipeline.not_started"]
    assert len(reasons) >= 2
    assert all("has changed since the worker was started" in reason for reason in reasons)


@pytest.mark.parametrize("mode", ["daemon fails", "stop"])
def test_a_stop_hands_the_leases_over_even_in_the_pause_between_two_daemons(tmp_path: Path, mode: str) -> None:
    seen = drive(mode, tmp_path)
    assert seen["handed_over"] == 1
    assert seen["starts"] == 1
    assert seen["status"] == 0


@pytest.mark.parametrize(("mode", "serves"), [("daemon works", True), ("daemon does not begin", False)])
def test_a_worker_is_ready_and_healthy_when_kcl_has_begun_and_not_before(
    tmp_path: Path, mode: str, *, serves: bool
) -> None:
    """By its health ECS decides whether a new task stands in for an old one, which is then stopped."""
    seen = drive(mode, tmp_path)
    assert seen["ready"] == seen["live"] == ([] if serves else ["starting"])
    assert seen["turned_ago"] < 10
    assert seen["serves"] is serves  # and takes leases over only then


def test_a_shard_that_hangs_again_and_again_is_a_case_for_a_new_container(tmp_path: Path) -> None:
    seen = drive("shard hangs", tmp_path)
    assert seen["live"] == ["shard_stuck"]  # and not yet daemon_failing
    assert [line["stage"] for line in seen["log"] if line["event"] == "pipeline.stuck"] == ["settling"] * 3


def test_a_worker_says_at_its_start_what_it_is_made_of(tmp_path: Path) -> None:
    seen = drive("stop", tmp_path)
    [started] = [line for line in seen["log"] if line["event"] == "worker.started"]
    assert started["policy"] == "test@1"
    assert started["digest"]
    assert started["kcl"] == "3.1.3"
    assert started["python"].count(".") == 2
    assert {"version", "java", "stream", "worker_id", "port"} <= set(started)
