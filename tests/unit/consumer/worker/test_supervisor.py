"""The supervisor's loop: what each event brings about. The pool and the runner are real, their processes are not."""

import queue
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from consumer import logs
from consumer.errors import StartError
from consumer.kcl.fetch_sample import FetchSample
from consumer.kcl.jvm import no_skipping
from consumer.kcl.log import Phase
from consumer.metrics import Metrics
from consumer.metrics.collector import WorkerCollector, open_deliveries
from consumer.metrics.process_usage import Usage, Vitals
from consumer.pipeline.crash_journal import TIMED_OUT, CrashJournal, JournalReading, Stage
from consumer.record import Record
from consumer.settings import Settings
from consumer.web import health
from consumer.worker.control import DaemonGone, Exit, GiveUp, SetLogLevel
from consumer.worker.daemon_runner import DaemonRunner, OnLine
from consumer.worker.events import (
    DaemonExited,
    DaemonPhase,
    Event,
    Flooding,
    MoreFits,
    PipelineExited,
    PipelineReady,
    SessionFailed,
    ShardStuck,
    SignalReceived,
)
from consumer.worker.fetch_size import Bounds, FetchSize
from consumer.worker.pipeline_pool import PipelinePool
from consumer.worker.runtime_folder import RuntimeFolder
from consumer.worker.signals import Terminal
from consumer.worker.state import LeaseSigns, Signs, WorkerState
from consumer.worker.supervisor import SLOT, Leases, Parts, Supervisor
from tests.kits.log import RecordingLog
from tests.kits.metrics import metrics_in
from tests.kits.worker import Clock, FakeDaemon, FakePipeline

SHARD = "shardId-000000000000"
TERM = SignalReceived(signal.SIGTERM)
Story = Callable[["Rig"], Iterator[None]]
in_folder = contextmanager(metrics_in)


class Script(queue.SimpleQueue[Event]):
    """Goes on with a story whenever the supervisor has nothing left to do; after its end comes SIGTERM."""

    def __init__(self, clock: Clock) -> None:
        self.story: Iterator[None] = iter(())
        self._clock = clock

    def get(self, block: bool = True, timeout: float | None = None) -> Event:  # noqa: ARG002, FBT001, FBT002
        if self.empty():
            self._clock.now += timeout or 0.0
            if next(self.story, self) is self:
                self.put(TERM)
        return super().get(block=False)


class FakeTerminal(Terminal):
    def __init__(self) -> None:
        self.is_gone = False

    def has_gone(self) -> bool:
        return self.is_gone


class NotedVitals(Vitals):
    def __init__(self, happened: list[object]) -> None:
        self._happened = happened

    def read(self) -> dict[str, Usage]:
        self._happened.append("usage is read")
        return {}


class Rig:
    """A supervisor over stand-ins for processes, and all that happens to them, in its order."""

    def __init__(self, folder: RuntimeFolder, metrics: Metrics, slots: int) -> None:
        self.happened: list[object] = []
        self.log = RecordingLog()
        self.clock = Clock()
        self.events = Script(self.clock)
        self.pipelines: list[FakePipeline] = []
        self.folder = folder
        self.metrics = metrics
        note = self.happened.append
        pids = count(100)

        def start_pipeline(slot: int) -> FakePipeline:
            self.pipelines.append(FakePipeline(slot, next(pids), folder.path, self.events.put, note))
            return self.pipelines[-1]

        def start_daemon(number: int, on_line: OnLine) -> FakeDaemon:
            return FakeDaemon(number, on_line, self.events.put, self.clock, note)

        def hand_over() -> int:
            note("leases are handed over")
            return 3

        self.daemons = DaemonRunner(start_daemon, metrics, self.events.put, self.log, self.clock)
        self.pool = PipelinePool(slots, start_pipeline, self.log)
        collector = WorkerCollector(folder.metrics, {"name": "", "version": "", "digest": ""})
        self.leased: list[str] = []
        self.has_others = False
        self.sample: FetchSample | None = None
        self.remembered: list[int] = []
        self.fetch = FetchSize(
            Bounds(500, 250, 400, 8),
            None,
            lambda _: self.sample,
            self.remembered.append,
            metrics,
            self.log,
            self.clock,
        )
        self.state = WorkerState(
            self.daemons,
            self.pool,
            folder.journal,
            Signs(
                collector.batch_ages,
                dict,
                dict,
                LeaseSigns(lambda: 0.0, lambda: self.leased, lambda: self.has_others, dict, 45.0),
                self.fetch,
                tuple,
            ),
            60.0,
            self.clock,
        )
        self.terminal = FakeTerminal()
        self.parts = Parts(
            folder=folder,
            metrics=metrics,
            events=self.events,
            daemons=self.daemons,
            pipelines=self.pool,
            vitals=NotedVitals(self.happened),
            collector=collector,
            state=self.state,
            leases=Leases(lambda: note("leases are looked for"), lambda: note("leader resigns"), hand_over),
            fetch=self.fetch,
            watchers=(lambda: note("watcher starts"),),
            terminal=self.terminal,
            log=self.log,
        )

    def run(self, story: Story) -> int:
        self.events.story = story(self)
        return Supervisor(Settings(), self.parts).run()

    @property
    def daemon(self) -> FakeDaemon:
        assert isinstance(self.daemons.process, FakeDaemon)
        return self.daemons.process

    @property
    def said(self) -> list[str]:
        return [event for _, event, _ in self.log.events]

    def until_daemon(self, number: int) -> Iterator[None]:
        """Let the supervisor work until it has started a daemon, whatever pause it takes before."""
        for _ in range(1000):
            if self.daemons.process and self.daemons.started == number:
                return
            yield
        pytest.fail("no such daemon")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    with ExitStack() as stack:

        def make(slots: int = 1) -> Rig:
            folder = RuntimeFolder(tmp_path / "run")
            stack.callback(folder.close)
            with in_folder(folder.metrics, "pipeline-0") as metrics:  # as a process leaves them that was killed
                metrics.shard(SHARD).received(5, 500)
            return Rig(folder, stack.enter_context(in_folder(folder.metrics, SLOT)), slots)

        yield make


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    return make()


def restarts(rig: Rig) -> list[str]:
    return [said["reason"] for said in rig.log.named("daemon.restarts")]


def test_the_daemon_is_started_once_all_pipelines_are_ready(make: Callable[..., Rig]) -> None:
    rig = make(slots=3)

    def story(rig: Rig) -> Iterator[None]:
        assert rig.said == ["pipeline.started"] * 3 + ["daemon.started"]
        assert rig.happened == ["watcher starts"]
        yield

    assert rig.run(story) == 0


def test_a_daemon_that_serves_makes_the_worker_ready_and_has_leases_looked_for(rig: Rig) -> None:
    def codes() -> list[str]:
        return [reason.code for reason in health.ready(rig.state.condition()).reasons]

    def story(rig: Rig) -> Iterator[None]:
        assert codes() == ["starting"]
        assert not rig.state.may_take_over()
        rig.events.put(DaemonPhase(1, Phase.INITIALISING))
        yield
        assert codes() == ["starting"]
        assert rig.state.may_take_over()
        rig.events.put(DaemonPhase(1, Phase.SERVING))
        yield
        assert codes() == []
        assert rig.happened.count("leases are looked for") == 2
        rig.daemon.exit(1)
        yield
        assert codes() == ["restarting"]
        assert not rig.state.may_take_over()

    assert rig.run(story) == 0
    assert codes() == ["stopping"]


def test_that_no_shard_is_read_is_told_once_it_is_no_start_and_nobody_else_reads(rig: Rig) -> None:
    def codes() -> list[str]:
        return [reason.code for reason in health.live(rig.state.condition()).reasons]

    def passes(seconds: float) -> Iterator[None]:
        until = rig.clock.now + seconds
        while rig.clock.now < until:
            yield

    def story(rig: Rig) -> Iterator[None]:
        yield from passes(300)  # Java may take long
        rig.events.put(DaemonPhase(1, Phase.SERVING))
        yield from passes(40)
        assert codes() == []
        yield from passes(15)  # by now somebody should have taken the leases
        assert codes() == ["no_shard_read"]
        rig.has_others = True  # more workers than shards
        yield from passes(300)
        assert codes() == []
        rig.has_others, rig.leased = False, [SHARD]
        rig.pipelines[0].sessions = 1
        yield from passes(300)
        assert codes() == []
        rig.pipelines[0].sessions = 0
        yield from passes(15)
        assert codes() == []
        yield from passes(15)
        assert codes() == ["no_shard_read"]
        rig.pipelines[0].sessions = 1
        yield from passes(5)
        assert codes() == []
        rig.pipelines[0].sessions, rig.leased = 0, []  # taken over, but late
        yield from passes(25)
        rig.leased = [SHARD]
        yield from passes(10)
        assert codes() == []

    assert rig.run(story) == 0


def test_a_clean_stop_drains_then_hands_the_leases_over_once_then_ends_the_pipelines(make: Callable[..., Rig]) -> None:
    rig = make(slots=2)
    assert rig.run(lambda _: iter(())) == 0
    gives_up = GiveUp(Settings().kcl.shutdown_grace_ms / 1000 - 2)
    assert rig.happened == [
        "watcher starts",
        gives_up,
        gives_up,
        "daemon drains",
        "leases are handed over",
        Exit(),
        Exit(),
    ]
    assert rig.said[-3:] == ["signal.received", "leases.handed_over", "worker.stopped"]
    assert rig.log.named("leases.handed_over") == [{"count": 3}]
    assert rig.log.named("worker.stopped") == [{"status": "clean"}]


def test_a_stop_in_the_pause_between_two_daemons_hands_the_leases_over_too(rig: Rig) -> None:
    def story(rig: Rig) -> Iterator[None]:
        rig.daemon.exit(1)
        yield
        assert rig.daemons.process is None
        rig.events.put(TERM)
        yield

    assert rig.run(story) == 0
    assert rig.happened.count("leases are handed over") == 1
    assert not any(isinstance(each, GiveUp) for each in rig.happened)


def test_a_stop_before_the_first_daemon_leaves_the_leases_alone(rig: Rig) -> None:
    rig.events.put(TERM)
    assert rig.run(lambda _: iter(())) == 0
    assert "leases are handed over" not in rig.happened
    assert rig.said == ["pipeline.started", "signal.received", "worker.stopped"]


def test_a_stop_that_has_to_kill_is_told_by_the_status(make: Callable[..., Rig]) -> None:
    def deaf(rig: Rig) -> Iterator[None]:
        rig.pipelines[0].is_deaf = True
        yield

    def slow(rig: Rig) -> Iterator[None]:
        rig.daemon.drains_in = 1000.0
        rig.pipelines[0].sessions = 1
        yield

    for story, killed in ((deaf, "pipeline.killed"), (slow, "daemon.killed")):
        rig = make()
        assert rig.run(story) == 1
        assert killed in rig.said
        assert rig.log.named("worker.stopped") == [{"status": "forced"}]
        rig.folder.close()


def test_a_daemon_that_exits_is_replaced_and_its_sessions_are_ended(rig: Rig) -> None:
    def story(rig: Rig) -> Iterator[None]:
        rig.daemon.exit(7)
        yield from rig.until_daemon(2)

    assert rig.run(story) == 0
    assert rig.log.named("daemon.exited") == [{"exit_status": 7}]
    assert restarts(rig) == ["daemon_exit"]
    assert rig.happened[:4] == ["watcher starts", "usage is read", "leader resigns", DaemonGone(1)]
    assert len(rig.pipelines) == 1  # they outlive it


def test_a_daemon_that_runs_out_of_memory_is_replaced_by_one_that_fetches_less(rig: Rig) -> None:
    rig.sample = FetchSample(33, 33 * 300_000)

    def story(rig: Rig) -> Iterator[None]:
        rig.daemon.exit(3)
        yield from rig.until_daemon(2)

    assert rig.run(story) == 0
    assert restarts(rig) == ["out_of_memory"]
    assert (rig.fetch.records, rig.remembered) == (8, [8])
    assert rig.state.condition().fetch_reduced_to == 8


def test_a_daemon_that_could_not_hand_over_what_it_had_fetched_is_told_of_as_such(rig: Rig) -> None:
    def story(rig: Rig) -> Iterator[None]:
        rig.events.put(SessionFailed(0, SHARD, 1))
        rig.daemon.exit(no_skipping.STATUS)
        yield from rig.until_daemon(2)

    assert rig.run(story) == 0
    assert restarts(rig) == ["delivery_failed"]


def test_a_daemon_that_is_healthy_is_replaced_when_more_fits_and_that_is_no_failure(rig: Rig) -> None:
    def story(rig: Rig) -> Iterator[None]:
        rig.fetch.ran_out()
        rig.events.put(MoreFits(400))  # it has only begun
        yield
        assert rig.daemons.started == 1
        rig.clock.now += 61
        rig.events.put(MoreFits(400))
        yield from rig.until_daemon(2)

    assert rig.run(story) == 0
    assert restarts(rig) == ["fetch_size"]
    assert rig.daemons.failures == 0
    assert rig.remembered == [125, 400]


def test_a_session_that_fails_has_the_daemon_killed_and_replaced(rig: Rig) -> None:
    def story(rig: Rig) -> Iterator[None]:
        rig.events.put(SessionFailed(0, SHARD, 1))
        rig.events.put(SessionFailed(0, "shardId-000000000001", 1))
        yield from rig.until_daemon(2)

    assert rig.run(story) == 0
    assert rig.log.named("session.failed") == [{"slot": 0, "shard": SHARD}]  # the other one is of the older daemon
    assert restarts(rig) == ["session_failed"]
    assert rig.happened[1:5] == ["usage is read", "daemon is killed", "leader resigns", DaemonGone(1)]


def test_sessions_that_break_by_the_end_of_their_daemon_are_not_its_reason(rig: Rig) -> None:
    def story(rig: Rig) -> Iterator[None]:
        rig.events.put(SessionFailed(0, SHARD, 1))
        rig.daemon.exit(137)  # seen after the session
        yield from rig.until_daemon(2)

    assert rig.run(story) == 0
    assert rig.log.named("daemon.exited") == [{"exit_status": 137}]
    assert restarts(rig) == ["daemon_exit"]


def test_a_dead_pipelines_books_are_closed_and_another_takes_its_place(make: Callable[..., Rig]) -> None:
    rig = make(slots=2)

    def story(rig: Rig) -> Iterator[None]:
        first, other = rig.pipelines
        first.sessions = 4
        assert open_deliveries(rig.folder.metrics, "pipeline-0", SLOT) == {SHARD: 5}
        first.exit(-9)
        yield
        assert not rig.pool.all_ready
        yield from rig.until_daemon(2)
        assert [each.slot for each in rig.pipelines] == [0, 1, 0]
        assert rig.pool.find(0, first.pid) is None
        assert rig.pool.find(1, other.pid) is other

    assert rig.run(story) == 0
    assert rig.log.named("pipeline.died") == [{"slot": 0, "pid": 100, "exit_status": -9}]
    assert restarts(rig) == ["pipeline_died"]
    assert open_deliveries(rig.folder.metrics, "pipeline-0", SLOT) == {}
    assert rig.metrics.outcomes.labels(SHARD, "abandoned")._value.get() == 5
    assert rig.metrics.sessions.labels("broken")._value.get() == 4
    assert rig.happened[1:5] == ["usage is read", "daemon is killed", "leader resigns", DaemonGone(1)]


def test_a_pipeline_that_dies_before_the_worker_has_begun_ends_it(make: Callable[..., Rig]) -> None:
    rig = make(slots=2)
    rig.events.put(PipelineExited(0, 100, 1))
    with pytest.raises(StartError, match="before it was ready"):
        rig.run(lambda _: iter(()))
    assert all(each.wait(0) is not None for each in rig.pipelines)
    assert rig.daemons.started == 0


def test_what_is_told_of_processes_that_were_replaced_changes_nothing(rig: Rig) -> None:
    def story(rig: Rig) -> Iterator[None]:
        rig.pipelines[0].exit(-9)
        yield from rig.until_daemon(2)
        rig.events.put(DaemonPhase(2, Phase.INITIALISING))
        yield
        said, happened = list(rig.said), list(rig.happened)
        for stale in (
            PipelineReady(0, 100),
            PipelineExited(0, 100, 1),
            ShardStuck(SHARD, JournalReading(Stage.SETTLING, 100, 1)),
            SessionFailed(0, SHARD, 1),
            DaemonPhase(1, Phase.SERVING),
            DaemonExited(1, 1),
        ):
            rig.events.put(stale)
        yield
        assert (rig.said, rig.happened) == (said, happened)
        assert (rig.daemons.started, rig.daemons.phase) == (2, Phase.INITIALISING)
        assert not rig.state.has_served

    assert rig.run(story) == 0


def test_a_shard_that_stands_still_has_its_process_killed_and_is_told_of_when_that_does_not_help(rig: Rig) -> None:
    def story(rig: Rig) -> Iterator[None]:
        for daemon in range(1, health.ENDS_UNHEALTHY + 1):
            yield from rig.until_daemon(daemon)
            rig.events.put(DaemonPhase(daemon, Phase.SERVING))
            yield
            assert health.live(rig.state.condition()).status is not health.Status.FAILING
            rig.events.put(ShardStuck(SHARD, JournalReading(Stage.SETTLING, rig.pipelines[-1].pid, 1)))
            yield
        assert [reason.code for reason in health.live(rig.state.condition()).reasons] == ["shard_stuck"]

    assert rig.run(story) == 0
    told = {"slot": 0, "shard": SHARD, "stage": "settling", "frames": ["", "pipeline/flow.py:7 process"]}
    assert rig.log.named("pipeline.stuck") == [told] * health.ENDS_UNHEALTHY
    assert restarts(rig) == ["pipeline_died"] * health.ENDS_UNHEALTHY


def test_a_redactor_that_hangs_is_noted_in_the_crash_journal(rig: Rig) -> None:
    at = Record("5", 0, 0, b"")

    def story(rig: Rig) -> Iterator[None]:
        with ExitStack() as stack:
            journal = CrashJournal(rig.folder.journal, SHARD)
            stack.enter_context(journal.redacting(at, at, alone=True))
            rig.events.put(ShardStuck(SHARD, JournalReading(Stage.REDACTING_ALONE, rig.pipelines[0].pid, 2)))
            yield
            successor = CrashJournal(rig.folder.journal, SHARD)
            assert successor.verdict_on(at) == TIMED_OUT

    assert rig.run(story) == 0
    assert [said["stage"] for said in rig.log.named("pipeline.stuck")] == ["redaction"]
    assert rig.state.condition().ended_in_vain == set()


def test_flooding_ends_the_worker_in_order_with_a_status_and_is_said_once(make: Callable[..., Rig]) -> None:
    rig = make(slots=2)

    def story(rig: Rig) -> Iterator[None]:
        rig.events.put(Flooding(1, 0.5))
        rig.events.put(Flooding(0, 0.6))
        yield
        pytest.fail("it does not stop")

    assert rig.run(story) == 1
    [told] = rig.log.named("quarantine.flooding")
    assert (told["slot"], told["share"]) == (1, 0.5)
    assert rig.log.named("worker.stopped") == [{"status": "failed"}]
    assert rig.happened.count("leases are handed over") == 1


def test_a_hang_up_switches_the_level_of_all_processes_and_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    levels: list[str] = []
    monkeypatch.setattr(logs, "set_level", levels.append)

    def story(rig: Rig) -> Iterator[None]:
        rig.events.put(SignalReceived(signal.SIGHUP))
        yield
        assert levels == ["debug"]
        assert rig.happened[-1] == SetLogLevel("debug")
        rig.pipelines[0].exit(-9)
        yield from rig.until_daemon(2)
        assert rig.happened[-1] == SetLogLevel("debug")  # so does the next one
        rig.events.put(SignalReceived(signal.SIGHUP))
        yield
        assert levels == ["debug", "info"]
        assert rig.happened[-1] == SetLogLevel("info")
        assert "signal.received" not in rig.said

    assert rig.run(story) == 0


def test_a_hang_up_is_a_stop_when_the_terminal_has_gone(rig: Rig) -> None:
    def story(rig: Rig) -> Iterator[None]:
        rig.terminal.is_gone = True
        rig.events.put(SignalReceived(signal.SIGHUP))
        yield
        pytest.fail("it does not stop")

    assert rig.run(story) == 0
    assert rig.log.named("signal.received") == [{"signal": "SIGHUP"}]


def test_whatever_goes_wrong_no_process_is_left_behind(rig: Rig) -> None:
    def resign() -> None:
        raise ZeroDivisionError

    rig.parts = replace(rig.parts, leases=rig.parts.leases._replace(resign=resign))

    def story(rig: Rig) -> Iterator[None]:
        rig.events.put(SessionFailed(0, SHARD, 1))
        yield

    with pytest.raises(ZeroDivisionError):
        rig.run(story)
    assert all(each.wait(0) == -signal.SIGKILL for each in rig.pipelines)
    assert "daemon is killed" in rig.happened


def test_the_main_loop_gives_signs_of_life(rig: Rig) -> None:
    def story(rig: Rig) -> Iterator[None]:
        for _ in range(100):
            yield
        assert rig.clock.now > health.TURN_SECONDS
        assert rig.state.condition().turned_ago < 10

    assert rig.run(story) == 0
    rig.clock.now += 1000
    assert rig.state.condition().turned_ago > 1000
