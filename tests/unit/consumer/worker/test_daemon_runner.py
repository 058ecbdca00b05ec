"""The daemon's process, and the pauses between one daemon and the next."""

import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from consumer.metrics import Metrics
from consumer.worker.daemon_runner import HEALTHY_SECONDS, DaemonProcess, DaemonRunner
from consumer.worker.events import DaemonExited, DaemonPhase, Event
from tests.kits.worker import Clock, FakeDaemon, phase_line


def test_the_daemon_is_read_line_by_line_until_it_ends(tmp_path: Path) -> None:
    lines: list[bytes] = []
    events: list[Event] = []
    ended = threading.Event()

    def post(event: Event) -> None:
        events.append(event)
        ended.set()

    code = "pwd; echo $SANITIZER_DAEMON; echo on stderr >&2; exit 3"
    with (tmp_path / "lock").open("w") as lock:
        daemon = DaemonProcess(["/bin/sh", "-c", code], tmp_path, lock.fileno(), post, 7, lines.append)
        assert ended.wait(10)
    assert [line.strip().decode() for line in lines] == [str(tmp_path), "7", "on stderr"]
    assert events == [DaemonExited(7, 3)]
    assert daemon.wait(0) == 3


def test_a_daemon_that_does_not_end_is_killed(tmp_path: Path) -> None:
    ended = threading.Event()
    started = threading.Event()
    command = ["/bin/sh", "-c", "trap '' TERM; echo up; while :; do read _ || sleep 0.05; done"]
    with (tmp_path / "lock").open("w") as lock:
        daemon = DaemonProcess(command, tmp_path, lock.fileno(), lambda _: ended.set(), 1, lambda _: started.set())
        assert started.wait(10)
        daemon.terminate()
        assert daemon.wait(0.1) is None
        daemon.kill()
        assert daemon.wait(10) == -signal.SIGKILL
        assert ended.wait(10)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def posted() -> list[Event]:
    return []


@pytest.fixture
def runner(metrics: Metrics, log: Any, clock: Clock, posted: list[Event]) -> DaemonRunner:
    def start(number: int, on_line: Any) -> FakeDaemon:
        return FakeDaemon(number, on_line, posted.append, clock)

    return DaemonRunner(start, metrics, posted.append, log, clock)


def test_the_pauses_grow_with_each_failure_and_begin_anew_after_a_healthy_one(
    runner: DaemonRunner, clock: Clock, log: Any
) -> None:
    for _ in range(6):
        runner.start()
        runner.put_off("daemon_exit")
        due = []
        for passed in (log.named("daemon.restarts")[-1]["delay_seconds"] - 0.01, 0.02):
            clock.now += passed
            due.append(runner.is_due)
        assert due == [False, True]
    assert [said["delay_seconds"] for said in log.named("daemon.restarts")] == [0.2, 0.8, 3.2, 12.8, 30.0, 30.0]
    runner.start()
    clock.now += HEALTHY_SECONDS + 1
    assert runner.is_healthy
    runner.put_off("daemon_exit")
    assert log.named("daemon.restarts")[-1] == {"reason": "daemon_exit", "delay_seconds": 0.2}
    assert (runner.failures, runner.failed_for) == (1, "daemon_exit")


def test_what_its_log_says_of_its_phase_is_told_with_its_number(runner: DaemonRunner, posted: list[Event]) -> None:
    runner.start()
    assert isinstance(runner.process, FakeDaemon)
    runner.process.on_line(phase_line())
    [event] = posted
    assert isinstance(event, DaemonPhase)
    assert event.daemon == 1


def test_a_drained_daemon_is_not_waited_for_once_nothing_is_left_to_do(runner: DaemonRunner, clock: Clock) -> None:
    runner.start()
    assert isinstance(runner.process, FakeDaemon)
    runner.process.drains_in = 1000.0
    left = iter([2, 1, 0])
    assert runner.drain(60, lambda: next(left))
    assert clock.now < 3
    assert runner.process.wait(0) == -signal.SIGKILL


def test_a_daemon_that_does_not_drain_in_time_is_killed_and_told_of(
    runner: DaemonRunner, clock: Clock, log: Any
) -> None:
    runner.start()
    assert isinstance(runner.process, FakeDaemon)
    runner.process.drains_in = 1000.0
    assert not runner.drain(60, lambda: 1)
    assert clock.now == pytest.approx(60, abs=1)
    assert log.named("daemon.killed")
    assert runner.process.wait(0) == -signal.SIGKILL
