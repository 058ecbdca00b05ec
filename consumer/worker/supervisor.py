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
import secrets
import signal
import threading
import time
from typing import Any, Final

from setproctitle import setproctitle

from consumer import __version__, logs
from consumer.errors import StartError
from consumer.kcl import daemon, handover
from consumer.kcl.java import find_java, java_version
from consumer.kcl.log import Phase
from consumer.kcl.properties import properties
from consumer.kcl.takeover import Takeover
from consumer.metrics import Metrics, SessionEvent, set_up, show_zeros
from consumer.metrics.collector import WorkerCollector, forget_gauges, open_deliveries
from consumer.metrics.process_usage import DAEMON, Vitals
from consumer.pipeline.batch import OTHER
from consumer.pipeline.crash_journal import JournalReading, Stage, note_overdue, sights
from consumer.quarantine.codes import ADVICE
from consumer.record import Outcome
from consumer.redactors.loading import load_candidate, load_plugin
from consumer.settings import Settings
from consumer.web.health import Condition, EndedShards, deadlocked
from consumer.web.site import Site
from consumer.worker import preflight
from consumer.worker.daemon_runner import RESTART_REASONS, DaemonProcess, DaemonRunner
from consumer.worker.pipeline_pool import PipelinePool, PipelineProcess
from consumer.worker.runtime_folder import RuntimeFolder
from consumer.worker.shim import slot_of
from consumer.worker.signals import has_terminal
from consumer.worker.stream_watch import StreamWatch
from consumer.worker.tuning import cores
from consumer.worker.watchdog import Watchdog, stacks
from redaction.plugin import Redactor

SLOT: Final = "supervisor"
EXIT_SEEN_SECONDS: Final = 0.5
"""Within which the end of a daemon is seen, after its sessions have broken by it."""

EXIT_MARGIN_SECONDS: Final = 2.0
"""Kept from the shutdown grace for the last checkpoints, after unfinished writes were given up."""


FLOODING: Final = (
    "the worker stops: too many records went to quarantine. See `sanitizer quarantine list` for why, mend the policy "
    "or the producer, start again and replay them; quarantine.max_share is the limit"
)


class Supervisor:
    """One worker. `run` is called once, in the main thread.

    :raises StartError: in `run`, when the surroundings are not as they must be.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = logs.get_logger(SLOT)
        self._log_level: str = settings.logs.level
        self._events: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._has_started = False
        self._has_served = False
        self._has_failed = False
        self._stopping = False
        self._ended = EndedShards(settings.pipeline.stuck_seconds)
        self._turned_at = time.monotonic()

    def run(self) -> int:
        """Work until SIGTERM or SIGINT.

        :return: exit status: 0 after a clean stop, 1 if something had to be killed for it.
        """
        settings = self._settings
        setproctitle(f"sanitizer-supervisor {settings.kcl.application}")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold card data
        redactor = load_plugin(settings)
        self._digest = redactor.digest
        candidate = load_candidate(settings)
        java = find_java(settings)
        preflight.check(settings)
        folder = RuntimeFolder(settings.runtime_dir)
        try:
            set_up(folder.metrics, SLOT)
            self._metrics = Metrics()
            logs.count_suppressed(lambda event: self._metrics.log_lines_suppressed.labels(event).inc())
            show_zeros(self._metrics.daemon_restarts, RESTART_REASONS)
            show_zeros(self._metrics.quarantined, (*ADVICE, OTHER))
            show_zeros(self._metrics.sessions, SessionEvent)
            self._folder = folder
            made = properties(settings, folder.worker_id.value)
            processes = settings.pipeline.processes or cores()
            daemon.write_files(folder.path, made, processes)
            command = daemon.command(java, settings, made)
            self._daemons = DaemonRunner(command, folder, self._metrics, self._events.put, self._log)
            self._pipelines = self._make_pipelines(processes)
            self._vitals = Vitals(self._pids)
            self._collector = WorkerCollector(
                folder.metrics, _names(redactor), _names(candidate) if candidate else None, self._vitals.read
            )
            made_of = {
                "kcl": daemon.kcl_version(),
                "python": platform.python_version(),
                "java": java_version(java),
            }
            about = {
                "stream": settings.stream.name,
                "application": settings.kcl.application,
                "worker": folder.worker_id.value,
            }
            front = Site(settings.http, self._collector, about | made_of, self._condition, self._log)
            self._log.info(
                "worker.started",
                version=__version__,
                **made_of,
                stream=settings.stream.name,
                worker_id=folder.worker_id.value,
                policy=f"{redactor.name}@{redactor.version}",
                digest=redactor.digest,
                port=front.port,
            )
            if candidate:
                version = f"{candidate.name}@{candidate.version}"
                self._log.info("candidate.compared", policy=version, digest=candidate.digest)
            try:
                return self._supervise()
            finally:
                front.close()
        finally:
            folder.close()

    def _supervise(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves it
                signal.signal(number, lambda signum, _: self._events.put(("signal", signum)))
        self._had_terminal = has_terminal()
        redaction, pipeline = self._settings.redaction, self._settings.pipeline
        watchdog = Watchdog(self._folder.journal, redaction.timeout_seconds, pipeline.stuck_seconds, self._events.put)
        watchdog.start()
        self._takeover = Takeover(
            self._settings, self._folder.worker_id.value, self._may_take_over, self._log, self._metrics
        )
        self._takeover.start()
        StreamWatch(self._settings.stream.name, self._metrics, self._log).start()
        try:
            while not self._stopping:
                self._turned_at = time.monotonic()
                if self._daemons.is_due:
                    self._start_what_is_missing()
                self._handle(self._next_event())
            return self._stop()
        finally:
            self._kill_all()

    def _make_pipelines(self, processes: int) -> PipelinePool:
        configured = self._settings.quarantine.fingerprint_key
        first_message = {
            "settings": self._settings.model_dump(mode="json", exclude={"quarantine": {"fingerprint_key"}}),
            "folder": str(self._folder.path),
            "digest": self._digest,
            "fingerprint_key": (
                configured.get_secret_value().encode() if configured else secrets.token_bytes(32)
            ).hex(),
        }
        listeners = [self._folder.listen(slot) for slot in range(processes)]
        return PipelinePool(listeners, first_message, self._events.put, self._log)

    def _next_event(self) -> tuple[Any, ...] | None:
        try:
            return self._events.get(timeout=0.25 if self._daemons.process is None else 5.0)
        except queue.Empty:
            return None

    def _handle(self, event: tuple[Any, ...] | None) -> None:
        match event:
            case ("signal", number):
                self._obey(signal.Signals(number))
            case ("ready", pipeline):
                pipeline.is_ready = True
            case ("pipeline_exit", PipelineProcess() as pipeline, status) if self._is_current(pipeline):
                self._pipeline_died(pipeline, status)
            case ("stuck", shard, JournalReading() as sight):
                self._end_stuck(shard, sight)
            case ("flooding", slot, share):
                if not self._has_failed:
                    self._log.error("quarantine.flooding", slot=slot, share=share, action=FLOODING)
                self._has_failed = self._stopping = True
            case ("session_failed", slot, shard, number) if self._daemons.is_current(number):
                self._log.error("session.failed", slot=slot, shard=shard)
                self._session_failed()
            case ("daemon_phase", number, Phase() as phase) if self._daemons.is_current(number):
                self._daemons.phase = phase
                self._has_served = self._has_served or phase is Phase.SERVING
                self._takeover.wake()
            case ("daemon_exit", DaemonProcess() as process, status) if process is self._daemons.process:
                self._log.error("daemon.exited", exit_status=status)
                self._replace_daemon("daemon_exit")

    def _obey(self, number: signal.Signals) -> None:
        """Stop. At a SIGHUP only if our terminal has gone; else it switches all processes to debug, and back."""
        if number != signal.SIGHUP or (self._had_terminal and not has_terminal()):
            self._log.info("signal.received", signal=number.name)
            self._stopping = True
            return
        self._log_level = self._settings.logs.level if self._log_level == "debug" else "debug"
        logs.set_level(self._log_level)
        self._pipelines.set_log_level(self._log_level)

    def _session_failed(self) -> None:
        """Restart the daemon. One that was killed is seen to be dead only after its sessions have broken by it."""
        process = self._daemons.process
        status = process.wait(EXIT_SEEN_SECONDS) if process else None
        if status is None:
            self._replace_daemon("session_failed")
        else:
            self._log.error("daemon.exited", exit_status=status)
            self._replace_daemon("daemon_exit")

    def _is_current(self, pipeline: PipelineProcess) -> bool:
        return self._pipelines.in_slot(pipeline.slot) is pipeline

    def _start_what_is_missing(self) -> None:
        """Start the pipeline processes that are not there; when all are ready, the daemon."""
        self._pipelines.start_missing()
        if self._pipelines.all_ready:
            self._has_started = True
            self._daemons.start()

    def _pipeline_died(self, pipeline: PipelineProcess, status: int) -> None:
        self._log.error("pipeline.died", slot=pipeline.slot, pid=pipeline.pid, exit_status=status)
        if not self._has_started:
            raise StartError("A pipeline process ended before it was ready; see the log above.")
        self._pipelines.forget(pipeline)
        self._metrics.session(SessionEvent.BROKEN, pipeline.sessions)
        self._close_books(pipeline.slot)
        self._replace_daemon("pipeline_died")

    def _end_stuck(self, shard: str, sight: JournalReading) -> None:
        """End the process of a shard that hangs; its records are delivered again, and the crash journal knows them."""
        pipeline = self._pipelines.in_slot(slot_of(shard, len(self._pipelines)))
        if pipeline is None or pipeline.pid != sight.pid:
            return  # it is dead already
        is_redacting = sight.stage is not Stage.SETTLING
        if is_redacting:
            note_overdue(self._folder.journal, shard)
        else:
            self._ended.note(shard, time.monotonic())
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

    def _replace_daemon(self, reason: str) -> None:
        """End the daemon, if it lives, and have a new one started after a pause."""
        if self._daemons.process is not None:
            self._vitals.read()  # its CPU time, before it is gone
            self._daemons.put_off(reason)
            handover.resign(self._settings, self._folder.worker_id.value, self._log)
        else:
            self._daemons.put_off(reason)
        self._pipelines.tell(daemon_gone=self._daemons.started)

    def _stop(self) -> int:
        """Drain, checkpoint, hand the leases over, end."""
        grace = self._settings.kcl.shutdown_grace_ms / 1000
        if self._daemons.process is not None:
            self._pipelines.tell(give_up_in=max(0.5, grace - EXIT_MARGIN_SECONDS))
        clean = self._daemons.drain(grace + EXIT_MARGIN_SECONDS, lambda: self._pipelines.sessions)
        if self._daemons.started:  # one of them may have ended before the stop
            released = handover.hand_over(self._settings, self._folder.worker_id.value, self._log)
            self._log.info("leases.handed_over", count=released)
        clean = self._pipelines.end() and clean
        self._daemons.close_log()
        logs.flush()
        self._log.info("worker.stopped", status="failed" if self._has_failed else "clean" if clean else "forced")
        return 0 if clean and not self._has_failed else 1

    def _kill_all(self) -> None:
        """Leave nothing behind, whatever happened."""
        self._daemons.kill()
        self._pipelines.kill()

    def _pids(self) -> dict[str, int]:
        """Return the processes that live, or have just died, by the names that the metrics have for them."""
        pids = {SLOT: os.getpid()} | self._pipelines.pids()
        return pids if (process := self._daemons.process) is None else pids | {DAEMON: process.pid}

    def _is_at(self, phase: Phase) -> bool:
        return (
            self._daemons.process is not None
            and self._daemons.phase >= phase
            and self._pipelines.all_ready
            and not self._stopping
        )

    def _may_take_over(self) -> bool:
        """Whether leases that are taken now will be renewed in time: not while Java is still starting."""
        return self._is_at(Phase.INITIALISING)

    def _condition(self) -> Condition:
        in_flight = self._collector.batch_ages()
        slow_after = self._settings.pipeline.stuck_seconds
        now = time.monotonic()
        return Condition(
            has_served=self._has_served,
            is_serving=self._is_at(Phase.SERVING),
            is_stopping=self._stopping,
            failures=self._daemons.failures,
            is_steady=self._daemons.is_healthy,
            turned_ago=now - self._turned_at,
            in_flight=in_flight,
            slow_after=slow_after,
            ended_in_vain=self._ended.in_vain(now),
            deadlocked=deadlocked(in_flight, slow_after, sights(self._folder.journal)),
        )


def _names(redactor: Redactor) -> dict[str, str]:
    return {"name": redactor.name, "version": redactor.version, "digest": redactor.digest}


def run(settings: Settings) -> int:
    """Run the worker; see `Supervisor.run`."""
    logs.configure(settings.logs.level, SLOT, settings.logs.format)
    threading.current_thread().name = SLOT
    return Supervisor(settings).run()
