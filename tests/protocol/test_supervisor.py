"""The supervisor with real pipeline processes and stand-ins for the daemon, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from consumer.kcl.jvm import jars

DRIVER = """
import json, os, queue, signal, sys, threading, time
from dataclasses import replace
from pathlib import Path
from consumer import logs
from consumer.kcl.leases.application_item import Facts
from consumer.kcl.log import Phase
from consumer.pipeline.crash_journal import JournalReading, Stage
from consumer.redactors.loading import load_plugin
from consumer.settings import Settings
from consumer.web import health
from consumer.worker.events import ShardStuck, SignalReceived
from consumer.worker.runtime_folder import RuntimeFolder
from consumer.worker.signals import tell_of_signals
from consumer.worker.memory import divide
from consumer.worker.assembly import Surroundings, compose
from consumer.worker.supervisor import Supervisor

mode, folder = sys.argv[1], Path(sys.argv[2])
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
logs.configure("info", "supervisor")
policy = folder / "policy.yaml"
policy.write_text("name: test\\nversion: '1'\\ndetectors: {card: mask}\\n")
lives = ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]
line = {
    "loggerName": "software.amazon.kinesis.coordinator.Scheduler", "level": "INFO",
    "message": "Initialization complete. Starting worker loop.",
}
works = ["/bin/sh", "-c", "echo '%s'; trap 'exit 0' TERM; sleep 1000 & wait" % json.dumps(line)]
fails = ["/bin/sh", "-c", "exit 1"]
command = {"daemon fails": fails, "daemon works": works, "shard hangs": works}.get(mode, lives)
settings = Settings(
    redaction={"plugin": "policy", "options": {"policy": str(policy)}},
    pipeline={"processes": 1},
    runtime_dir=folder / "run",
)
runtime = RuntimeFolder(settings.runtime_dir)
around = Surroundings(command, {}, Facts(), divide(settings, 1024), 1)
made = compose(settings, runtime, around, load_plugin(settings), None, queue.SimpleQueue())
daemons, state = made.daemons, made.state
seen = {"handed_over": 0}

def hand_over():
    seen["handed_over"] += 1
    return 0

leases = made.leases._replace(resign=lambda: None, hand_over=hand_over)
supervisor = Supervisor(settings, replace(made, leases=leases, watchers=()))

def wait(condition):
    while not condition():
        time.sleep(0.02)

def pid():
    return made.pipelines.pids().get("pipeline-0")

def kill_pipeline():
    os.kill(pid(), signal.SIGKILL)

def act():
    wait(lambda: daemons.started)
    if mode == "pipeline cannot start":
        policy.unlink()
        kill_pipeline()
    if mode == "policy changes":
        policy.write_text("name: test\\nversion: '1'\\ndetectors: {ssn: mask}\\n")
        kill_pipeline()
    if mode == "terminal goes":
        print("started", flush=True)
        return
    if mode == "level is switched":
        first = pid()
        os.kill(os.getpid(), signal.SIGHUP)
        wait(lambda: supervisor._log_level == "debug")
        kill_pipeline()
        wait(lambda: pid() not in (None, first) and made.pipelines.all_ready)
        os.kill(os.getpid(), signal.SIGHUP)
        wait(lambda: supervisor._log_level == "info")
    elif mode == "daemon works":
        wait(lambda: daemons.phase)
    elif mode == "shard hangs":
        for _ in range(health.ENDS_UNHEALTHY):
            wait(lambda: state.is_at(Phase.SERVING))
            hanging = pid()
            made.events.put(ShardStuck("shardId-0", JournalReading(Stage.SETTLING, hanging, 1)))
            wait(lambda: pid() != hanging)
    elif mode == "daemon does not begin":
        time.sleep(0.5)
    elif mode != "stop":
        wait(lambda: daemons.failures == 3 and daemons.process is None)
    condition = state.condition()
    seen.update(
        failures=daemons.failures,
        ready=[reason.code for reason in health.ready(condition).reasons],
        live=[reason.code for reason in health.live(condition).reasons],
        serves=state.may_take_over(),
        turned_ago=condition.turned_ago,
    )
    os.kill(os.getpid(), signal.SIGTERM)

tell_of_signals(lambda number: made.events.put(SignalReceived(number)))
threading.Thread(target=act, daemon=True).start()
seen["status"] = supervisor.run()
print(json.dumps(seen))
"""

WHOLE = """
import sys
from pathlib import Path
from consumer.kcl import daemon
from consumer.kcl.leases import handover, origin
from consumer.kcl.leases.application_item import Facts
from consumer.settings import Settings
from consumer.worker import assembly, preflight

preflight.check = lambda settings: None
origin.enter = lambda settings: Facts()
assembly.list_shards = lambda *_: []
assembly.find_java = lambda settings: Path("/bin/true")
daemon.command = lambda *_: ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]
handover.hand_over = lambda *_: 0
sys.exit(assembly.run(Settings(
    redaction={"plugin": "policy", "options": {"policy": sys.argv[1]}},
    http={"host": "127.0.0.1", "port": 0},
    pipeline={"processes": 1},
    runtime_dir=sys.argv[2],
)))
"""


def drive(mode: str, folder: Path) -> Any:
    ran = subprocess.run(
        [sys.executable, "-c", DRIVER, mode, str(folder)], capture_output=True, text=True, timeout=60, check=True
    )
    assert "Traceback" not in ran.stderr
    log = [json.loads(line) for line in ran.stderr.splitlines()]
    starts = sum(line["event"] == "pipeline.started" for line in log)
    return json.loads(ran.stdout) | {"log": log, "starts": starts}


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


def test_a_worker_says_at_its_start_what_it_is_made_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    policy = tmp_path / "policy.yaml"
    policy.write_text("name: test\nversion: '1'\ndetectors: {card: mask}\n")
    said = []
    with subprocess.Popen([sys.executable, "-c", WHOLE, policy, tmp_path / "run"], stderr=subprocess.PIPE) as worker:
        assert worker.stderr is not None
        for line in map(json.loads, worker.stderr):
            said.append(line)
            if line["event"] == "daemon.started":
                worker.terminate()
    assert worker.returncode == 0
    [started] = [line for line in said if line["event"] == "worker.started"]
    assert started["policy"] == "test@1"
    assert started["digest"]
    assert started["kcl"] == jars.version()
    assert started["python"].count(".") == 2
    assert {"version", "java", "stream", "worker_id", "port"} <= set(started)
