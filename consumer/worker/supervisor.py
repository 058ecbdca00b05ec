"""The container's main process: starts the pipeline processes and the daemon, restarts them, stops them in order.

    signals ─┐                      ┌─► pipeline processes (long-lived, about one a core)
             ├─► queue ─► main loop ┤
    exits  ──┘                      └─► daemon (started when all pipelines are ready, replaced when anything broke)

Whatever dies or breaks, the answer is the same: end the daemon, close the books of the dead, start anew. The daemon's
leases are kept by its worker id, and what was not checkpointed is delivered again.
"""

import os
import platform
import queue
import resource
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, assert_never

from setproctitle import setproctitle

from consumer import __version__, aws, logs
from consumer.dynamodb.schema import call
from consumer.errors import StartError
from consumer.kcl import daemon, fetch_sample, handover, jars, lease_origin, no_skipping
from consumer.kcl.application_item import ApplicationItem, Facts
from consumer.kcl.java import find_java, java_version
from consumer.kcl.log import Phase
from consumer.kcl.missing_leases import MissingLeases
from consumer.kcl.properties import MAX_RECORDS, properties
from consumer.kcl.roster import RosterWatch, terms_of
from consumer.kcl.takeover import Takeover
from consumer.kinesis.shards import kinesis_client, list_shards, open_shards
from consumer.logs import Logger
from consumer.metrics import Metrics, SessionEvent, set_up, show_zeros
from consumer.metrics.collector import WorkerCollector, forget_gauges, open_deliveries
from consumer.metrics.process_usage import DAEMON, Vitals
from consumer.periodic import Periodic
from consumer.pipeline.batch import OTHER
from consumer.pipeline.crash_journal import JournalReading, Stage, note_overdue
from consumer.quarantine.codes import ADVICE
from consumer.record import Outcome
from consumer.redactors.loading import load_candidate, load_plugin
from consumer.settings import Settings, lease_tables
from consumer.settings.shard_limits import RECORDS_A_SECOND
from consumer.settings.stream import idle_ms
from consumer.web.site import Site
from consumer.worker import descriptors, preflight, shim
from consumer.worker.control import Begin
from consumer.worker.daemon_runner import RESTART_REASONS, DaemonProcess, DaemonRunner, OnLine
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
from consumer.worker.fetch_size import OUT_OF_MEMORY_STATUS, PERIOD_SECONDS, Bounds, FetchSize
from consumer.worker.memory import Memory, divide, limit_mib
from consumer.worker.pipeline_pool import PipelinePool, PipelineProcess
from consumer.worker.runtime_folder import RuntimeFolder
from consumer.worker.signals import Terminal, tell_of_signals
from consumer.worker.state import Signs, WorkerState
from consumer.worker.stream_watch import stream_watch
from consumer.worker.tuning import cores
from consumer.worker.watchdog import Watchdog, stacks
from redaction.plugin import Redactor, identity

SLOT: Final = "supervisor"
EXIT_SEEN_SECONDS: Final = 0.5
"""Within which the end of a daemon is seen, after its sessions have broken by it."""

EXIT_MARGIN_SECONDS: Final = 2.0
"""Kept from the shutdown grace for the last checkpoints, after unfinished writes were given up."""

FLOODING: Final = (
    "the worker stops: too many records went to quarantine. See `sanitizer quarantine list` for why, mend the policy "
    "or the producer, start again and replay them; quarantine.max_share is the limit"
)


class Surroundings(NamedTuple):
    """What was found out before the start.

    :ivar command: the daemon's, run in the runtime folder.
    :ivar properties: KCL's.
    :ivar shards: that are open.
    """

    command: list[str]
    properties: dict[str, str]
    facts: Facts
    memory: Memory
    shards: int


class Leases(NamedTuple):
    """What is done with leases: look for those of others now, clear this worker's leader's place, give up its own."""

    look: Callable[[], None]
    resign: Callable[[], None]
    hand_over: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a supervisor works with; `compose` makes it.

    :ivar events: where all that it is told is put.
    :ivar vitals: reads what the processes use.
    :ivar watchers: each starts a thread that looks after something.
    """

    folder: RuntimeFolder
    metrics: Metrics
    events: queue.SimpleQueue[Event]
    daemons: DaemonRunner
    pipelines: PipelinePool
    vitals: Vitals
    collector: WorkerCollector
    state: WorkerState
    leases: Leases
    fetch: FetchSize | None
    watchers: Sequence[Callable[[], None]]
    terminal: Terminal
    log: Logger


class Supervisor:
    """One worker. `run` is called once."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings = settings
        self._folder = parts.folder
        self._metrics = parts.metrics
        self._events = parts.events
        self._daemons = parts.daemons
        self._pipelines = parts.pipelines
        self._vitals = parts.vitals
        self._state = parts.state
        self._leases = parts.leases
        self._fetch = parts.fetch
        self._watchers = parts.watchers
        self._terminal = parts.terminal
        self._log = parts.log
        self._log_level: str = settings.logs.level
        self._has_started = False
        self._has_failed = False

    def run(self) -> int:
        """Work until SIGTERM or SIGINT.

        :return: exit status: 0 after a clean stop, 1 if something had to be killed for it or made the worker stop.
        :raises StartError: a pipeline process ended before the worker had begun.
        """
        for start in self._watchers:
            start()
        reserve = descriptors.Reserve()
        try:
            try:
                self._work()
            except OSError as error:
                if not descriptors.are_lacking(error):
                    raise
                reserve.release()
                self._log.error("descriptors.exhausted", action=descriptors.ADVICE)
                self._has_failed = True
            return self._stop()
        finally:
            reserve.release()
            self._kill_all()

    def _work(self) -> None:
        while not self._state.is_stopping:
            self._state.turned()
            descriptors.check()  # without any it can be asked for nothing, neither its health
            if self._daemons.is_due:
                self._start_what_is_missing()
            if (event := self._next_event()) is not None:
                self._handle(event)

    def _next_event(self) -> Event | None:
        try:
            return self._events.get(timeout=0.25 if self._daemons.process is None else 5.0)
        except queue.Empty:
            return None

    def _handle(self, event: Event) -> None:
        """Act on an event; each method lets be what is told of a process that has been replaced meanwhile."""
        match event:
            case SignalReceived(number):
                self._obey(number)
            case PipelineReady(slot, pid):
                self._pipelines.ready(slot, pid)
            case PipelineExited(slot, pid, status):
                self._pipeline_exited(slot, pid, status)
            case ShardStuck(shard, reading):
                self._end_stuck(shard, reading)
            case Flooding(slot, share):
                self._stop_flooded(slot, share)
            case SessionFailed(slot, shard, daemon_number):
                self._session_failed(slot, shard, daemon_number)
            case DaemonPhase(daemon_number, phase):
                self._daemon_came_to(daemon_number, phase)
            case MoreFits(records):
                self._fetch_more(records)
            case DaemonExited(daemon_number, status):
                self._daemon_exited(daemon_number, status)
            case _:
                assert_never(event)

    def _obey(self, number: signal.Signals) -> None:
        """Stop. At a SIGHUP only if our terminal has gone; else it switches all processes to debug, and back."""
        if number != signal.SIGHUP or self._terminal.has_gone():
            self._log.info("signal.received", signal=number.name)
            self._state.is_stopping = True
            return
        self._log_level = self._settings.logs.level if self._log_level == "debug" else "debug"
        logs.set_level(self._log_level)
        self._pipelines.set_log_level(self._log_level)

    def _stop_flooded(self, slot: int, share: float) -> None:
        if not self._has_failed:
            self._log.error("quarantine.flooding", slot=slot, share=share, action=FLOODING)
        self._has_failed = self._state.is_stopping = True

    def _session_failed(self, slot: int, shard: str, daemon_number: int) -> None:
        """Restart the daemon. One that was killed is seen to be dead only after its sessions have broken by it."""
        process = self._daemons.process
        if process is None or process.number != daemon_number:
            return
        self._log.error("session.failed", slot=slot, shard=shard)
        status = process.wait(EXIT_SEEN_SECONDS)
        if status is None:
            self._replace_daemon("session_failed")
        else:
            self._daemon_exited(daemon_number, status)

    def _daemon_came_to(self, daemon_number: int, phase: Phase) -> None:
        if self._daemons.is_current(daemon_number):
            self._daemons.phase = phase
            self._state.has_served = self._state.has_served or phase is Phase.SERVING
            self._leases.look()

    def _daemon_exited(self, daemon_number: int, status: int) -> None:
        if self._daemons.is_current(daemon_number):
            self._log.error("daemon.exited", exit_status=status)
            if status == OUT_OF_MEMORY_STATUS:
                self._replace_daemon("out_of_memory")
                if self._fetch:
                    self._fetch.ran_out()
            elif status == no_skipping.STATUS:
                self._replace_daemon("delivery_failed")
            else:
                self._replace_daemon("daemon_exit")

    def _fetch_more(self, records: int) -> None:
        """Have a daemon that has worked well for long replaced by one that fetches more at once."""
        if self._fetch and self._daemons.is_healthy:
            self._fetch.raise_to(records)
            self._replace_daemon("fetch_size", has_failed=False)

    def _start_what_is_missing(self) -> None:
        """Start the pipeline processes that are not there; when all are ready, the daemon."""
        self._pipelines.start_missing()
        if self._pipelines.all_ready:
            self._has_started = True
            self._daemons.start()

    def _pipeline_exited(self, slot: int, pid: int, status: int) -> None:
        pipeline = self._pipelines.find(slot, pid)
        if pipeline is None:
            return
        self._log.error("pipeline.died", slot=slot, pid=pid, exit_status=status)
        if not self._has_started:
            raise StartError("A pipeline process ended before it was ready; see the log above.")
        self._pipelines.forget(pipeline)
        self._metrics.session(SessionEvent.BROKEN, pipeline.sessions)
        self._close_books(slot)
        self._replace_daemon("pipeline_died")

    def _end_stuck(self, shard: str, reading: JournalReading) -> None:
        """End the process of a shard that hangs; its records are delivered again, and the crash journal knows them."""
        pipeline = self._pipelines.find(shim.slot_of(shard, len(self._pipelines)), reading.pid)
        if pipeline is None:
            return
        is_redacting = reading.stage is not Stage.SETTLING
        if is_redacting:
            note_overdue(self._folder.journal, shard)
        else:
            self._state.ended_for(shard)
        pipeline.ask_for_stacks()
        self._log.error(
            "pipeline.stuck",
            slot=pipeline.slot,
            shard=shard,
            stage="redaction" if is_redacting else "settling",
            frames=logs.frames_of_stacks(stacks(self._folder.path, pipeline.slot)),
        )
        pipeline.kill()

    def _close_books(self, slot: int) -> None:
        """Enter what a dead process had in flight, so that the sums stay exact."""
        name = f"pipeline-{slot}"
        forget_gauges(self._folder.metrics, name)
        for shard, count in open_deliveries(self._folder.metrics, name, SLOT).items():
            self._metrics.outcomes.labels(shard, Outcome.ABANDONED.value).inc(count)

    def _replace_daemon(self, reason: str, *, has_failed: bool = True) -> None:
        """End the daemon, if it lives, and have a new one started after a pause."""
        if self._daemons.process is not None:
            self._vitals.read()  # its CPU time, before it is gone
            self._daemons.put_off(reason, has_failed=has_failed)
            self._leases.resign()
        else:
            self._daemons.put_off(reason)
        self._pipelines.end_sessions(self._daemons.started)

    def _stop(self) -> int:
        """Drain, checkpoint, hand the leases over, end."""
        grace = self._settings.kcl.shutdown_grace_ms / 1000
        if self._daemons.process is not None:
            self._pipelines.give_up_in(max(0.5, grace - EXIT_MARGIN_SECONDS))
        clean = self._daemons.drain(grace + EXIT_MARGIN_SECONDS, lambda: self._pipelines.sessions)
        if self._daemons.started:  # one of them may have ended before the stop
            self._log.info("leases.handed_over", count=self._leases.hand_over())
        clean = self._pipelines.end() and clean
        self._daemons.close_log()
        logs.flush()
        self._log.info("worker.stopped", status="failed" if self._has_failed else "clean" if clean else "forced")
        return 0 if clean and not self._has_failed else 1

    def _kill_all(self) -> None:
        """Leave nothing behind, whatever happened."""
        self._daemons.kill()
        self._pipelines.kill()


def compose(
    settings: Settings,
    folder: RuntimeFolder,
    around: Surroundings,
    redactor: Redactor,
    candidate: Redactor | None,
    events: queue.SimpleQueue[Event],
) -> Parts:
    """Make a worker's parts; none of them does anything yet.

    :param redactor: what each pipeline process has to load, too.
    """
    log = logs.get_logger(SLOT)
    worker_id = folder.worker_id.value
    set_up(folder.metrics, SLOT)
    metrics = Metrics()
    # With fan-out nobody is asked for a number of records.
    fetch = _fetch_size(settings, worker_id, around, metrics, log) if MAX_RECORDS in around.properties else None

    def start_daemon(number: int, on_line: OnLine) -> DaemonProcess:
        made = around.properties
        if fetch:
            made = made | {MAX_RECORDS: str(fetch.records)}
        daemon.write_properties(folder.path, made)
        lock = folder.worker_id.lock.fileno()
        return DaemonProcess(around.command, folder.path, lock, events.put, number, on_line)

    def look_for_more(_passed: float) -> None:
        if fetch and daemons.is_healthy and (records := fetch.larger()):
            events.put(MoreFits(records))

    daemons = DaemonRunner(start_daemon, metrics, events.put, log)
    pipelines = _pipelines(settings, folder, redactor.digest, events, log)
    vitals = Vitals(partial(_pids, daemons, pipelines))
    takeover = Takeover(settings, worker_id, lambda: state.may_take_over(), log, metrics)  # noqa: PLW0108 - made below
    tried = _names(candidate) if candidate else None
    collector = WorkerCollector(folder.metrics, _names(redactor), tried, vitals.read, takeover.leased)
    stuck_seconds = settings.pipeline.stuck_seconds
    roster = RosterWatch(settings, worker_id, terms_of(settings, redactor), log)
    state = WorkerState(
        daemons,
        pipelines,
        folder.journal,
        Signs(collector.batch_ages, collector.unanswered, takeover.seen_ago, fetch, lambda: roster.differing),
        stuck_seconds,
    )
    missing_leases = MissingLeases(settings, worker_id, around.facts, state.may_take_over, metrics, log)
    watchdog = Watchdog(folder.journal, settings.redaction.timeout_seconds, stuck_seconds, events.put)
    stream = stream_watch(settings.stream.name, metrics, log)
    return Parts(
        folder=folder,
        metrics=metrics,
        events=events,
        daemons=daemons,
        pipelines=pipelines,
        vitals=vitals,
        collector=collector,
        state=state,
        leases=Leases(
            takeover.wake,
            partial(handover.resign, settings, worker_id, log),
            partial(handover.hand_over, settings, worker_id, log),
        ),
        fetch=fetch,
        watchers=(
            watchdog.start,
            takeover.start,
            missing_leases.start,
            roster.start,
            partial(stream.start, at_once=True),
            Periodic("fetch-size", PERIOD_SECONDS, look_for_more).start,
        ),
        terminal=Terminal(),
        log=log,
    )


def _fetch_size(settings: Settings, worker_id: str, around: Surroundings, metrics: Metrics, log: Logger) -> FetchSize:
    facts = around.facts
    item = ApplicationItem(aws.client("dynamodb", retries=2, timeout=5), settings.kcl.application)
    table = lease_tables(settings.kcl.application)[2]
    return FetchSize(
        Bounds(
            settings.kcl.max_records,
            -(-RECORDS_A_SECOND * idle_ms(settings.stream, settings.kcl) // 1000),
            around.memory.heap,
            around.shards,
        ),
        facts.fetch_records,
        lambda limit: fetch_sample.take(settings, worker_id, facts, limit),
        lambda records: call(lambda: item.change(Facts(fetch_records=records)), "dynamodb:UpdateItem", table),
        metrics,
        log,
    )


def _pipelines(
    settings: Settings, folder: RuntimeFolder, digest: str, events: queue.SimpleQueue[Event], log: Logger
) -> PipelinePool:
    begin = Begin(
        settings.model_dump(mode="json", exclude={"quarantine": {"fingerprint_key"}}),
        folder.path,
        settings.quarantine.secret_key(),
        digest,
    )
    listeners = [folder.listen(slot) for slot in range(settings.pipeline.processes or cores())]

    def start(slot: int) -> PipelineProcess:
        return PipelineProcess.start(slot, listeners[slot], begin, events.put, log)

    return PipelinePool(len(listeners), start, log)


def _pids(daemons: DaemonRunner, pipelines: PipelinePool) -> dict[str, int]:
    """Return the processes that live, or have just died, by the names that the metrics have for them."""
    pids = {SLOT: os.getpid()} | pipelines.pids()
    return pids if (process := daemons.process) is None else pids | {DAEMON: process.pid}


def _names(redactor: Redactor) -> dict[str, str]:
    return {"name": redactor.name, "version": redactor.version, "digest": redactor.digest}


def run(settings: Settings) -> int:
    """Run a worker in the main thread; see `Supervisor.run`.

    :raises StartError: the surroundings are not as they must be.
    """
    logs.configure(settings.logs.level, SLOT, settings.logs.format)
    os.umask(0o077)  # whatever the container's is: the runtime folder holds what is executed, and sockets
    threading.current_thread().name = SLOT
    setproctitle(f"sanitizer-supervisor {settings.kcl.application}")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold card data
    redactor = load_plugin(settings)
    candidate = load_candidate(settings)
    java = find_java(settings)
    preflight.check(settings)
    facts = lease_origin.enter(settings)
    memory = divide(settings, limit_mib())
    shards = len(open_shards(list_shards(kinesis_client(), settings.stream.name)))
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    # From here on a stop has something to clear away; until here `consumer.cli` ends the process.
    tell_of_signals(lambda number: events.put(SignalReceived(number)))
    with closing(RuntimeFolder(settings.runtime_dir)) as folder:
        made = properties(settings, folder.worker_id.value, facts.starts_at)
        around = Surroundings(daemon.command(java, memory.heap, made), made, facts, memory, shards)
        parts = compose(settings, folder, around, redactor, candidate, events)
        daemon.write_files(folder.path, made, Path(shim.__file__), len(parts.pipelines))
        # What a killed supervisor of this folder had for a daemon may have led, and its lock bears this worker's name.
        parts.leases.resign()
        logs.count_suppressed(lambda event: parts.metrics.log_lines_suppressed.labels(event).inc())
        show_zeros(parts.metrics.daemon_restarts, RESTART_REASONS)
        show_zeros(parts.metrics.quarantined, (*ADVICE, OTHER))
        show_zeros(parts.metrics.sessions, SessionEvent)
        made_of = {"kcl": jars.version(), "python": platform.python_version(), "java": java_version(java)}
        stream, worker_id = settings.stream.name, folder.worker_id.value
        about = {"stream": stream, "application": settings.kcl.application, "worker": worker_id}
        supervisor = Supervisor(settings, parts)
        with closing(Site(settings.http, parts.collector, about | made_of, parts.state.condition, parts.log)) as site:
            parts.log.info(
                "worker.started",
                version=__version__,
                **made_of,
                stream=stream,
                worker_id=worker_id,
                policy=identity(redactor),
                digest=redactor.digest,
                port=site.port,
                heap_mib=memory.heap,
                fetch_records=parts.fetch.records if parts.fetch else None,
            )
            if candidate:
                parts.log.info("candidate.compared", policy=identity(candidate), digest=candidate.digest)
            return supervisor.run()
