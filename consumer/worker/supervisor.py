"""The container's main process: starts the pipeline processes and the daemon, restarts them, stops them in order.

    signals ─┐                      ┌─► pipeline processes (long-lived, about one a core)
             ├─► queue ─► main loop ┤
    exits  ──┘                      └─► daemon (started when all pipelines are ready, replaced when anything broke)

Whatever dies or breaks, the answer is the same: end the daemon, close the books of the dead, start anew. The daemon's
leases are kept by its worker id, and what was not checkpointed is delivered again.
"""

import queue
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, assert_never

from consumer import logs
from consumer.errors import StartError
from consumer.kcl.jvm import no_skipping
from consumer.kcl.log import Phase
from consumer.logs import Logger
from consumer.metrics import Metrics, SessionEvent
from consumer.metrics.collector import WorkerCollector, forget_gauges, open_deliveries
from consumer.metrics.process_usage import Vitals
from consumer.pipeline.crash_journal import JournalReading, Stage, note_overdue
from consumer.record import Outcome
from consumer.settings import Settings
from consumer.worker import descriptors, shim
from consumer.worker.daemon_runner import DaemonRunner
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
from consumer.worker.fetch_size import OUT_OF_MEMORY_STATUS, FetchSize
from consumer.worker.pipeline_pool import PipelinePool
from consumer.worker.runtime_folder import RuntimeFolder
from consumer.worker.signals import Terminal
from consumer.worker.state import WorkerState
from consumer.worker.watchdog import stacks

SLOT: Final = "supervisor"
EXIT_SEEN_SECONDS: Final = 0.5
"""Within which the end of a daemon is seen, after its sessions have broken by it."""

EXIT_MARGIN_SECONDS: Final = 2.0
"""Kept from the shutdown grace for the last checkpoints, after unfinished writes were given up."""

FLOODING: Final = (
    "the worker stops: too many records went to quarantine. See `sanitizer quarantine list` for why, mend the policy "
    "or the producer, start again and replay them; quarantine.max_share is the limit"
)


class Leases(NamedTuple):
    """What is done with leases: look for those of others now, clear this worker's leader's place, give up its own."""

    look: Callable[[], None]
    resign: Callable[[], None]
    hand_over: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a supervisor works with; see `consumer.worker.assembly`.

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
        for received, counter, ended in (
            (Metrics.received, self._metrics.outcomes, Metrics.outcomes),
            (Metrics.documents_received, self._metrics.documents, Metrics.documents),
        ):
            for shard, count in open_deliveries(self._folder.metrics, name, SLOT, received, ended).items():
                counter.labels(shard, Outcome.ABANDONED.value).inc(count)

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
