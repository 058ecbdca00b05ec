"""A worker is put together and run: what is found out before its start, its parts, and the supervisor over them."""

import os
import platform
import queue
import resource
import threading
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from setproctitle import setproctitle

from consumer import __version__, aws, logs
from consumer.dynamodb.schema import call
from consumer.kcl import daemon, fetch_sample
from consumer.kcl.jvm import jars
from consumer.kcl.jvm.java import find_java, java_version
from consumer.kcl.leases import handover, origin
from consumer.kcl.leases.application_item import ApplicationItem, Facts
from consumer.kcl.leases.missing import MissingLeases
from consumer.kcl.leases.roster import RosterWatch, terms_of
from consumer.kcl.leases.takeover import Takeover
from consumer.kcl.properties import MAX_RECORDS, properties
from consumer.kinesis.shards import kinesis_client, list_shards, open_shards
from consumer.logs import Logger
from consumer.metrics import Metrics, SessionEvent, set_up, show_zeros
from consumer.metrics.cloudwatch import CloudWatchMetrics
from consumer.metrics.collector import WorkerCollector
from consumer.metrics.process_usage import DAEMON, Vitals
from consumer.periodic import Periodic
from consumer.pipeline.batch import OTHER
from consumer.quarantine.codes import ADVICE
from consumer.quarantine.fingerprint_key import fingerprint_key
from consumer.redactors.loading import engine_of, load_candidate, load_plugin
from consumer.settings import Settings, lease_tables
from consumer.settings.shard_limits import RECORDS_A_SECOND
from consumer.settings.stream import idle_ms
from consumer.web.page import Shown
from consumer.web.site import Site
from consumer.worker import preflight, shim
from consumer.worker.control import Begin
from consumer.worker.daemon_runner import RESTART_REASONS, DaemonProcess, DaemonRunner, OnLine
from consumer.worker.events import (
    Event,
    MoreFits,
    SignalReceived,
)
from consumer.worker.fetch_size import PERIOD_SECONDS, Bounds, FetchSize
from consumer.worker.memory import Memory, divide, limit_mib
from consumer.worker.pipeline_pool import PipelinePool, PipelineProcess
from consumer.worker.runtime_folder import RuntimeFolder
from consumer.worker.signals import Terminal, tell_of_signals
from consumer.worker.state import LeaseSigns, Signs, WorkerState
from consumer.worker.stream_watch import stream_watch
from consumer.worker.supervisor import SLOT, Leases, Parts, Supervisor
from consumer.worker.tuning import cores
from consumer.worker.watchdog import Watchdog
from redaction.plugin import Redactor, identity


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
    takeover = Takeover(
        settings,
        worker_id,
        lambda: state.may_take_over(),  # noqa: PLW0108 - made below
        lambda: collector.served(),  # noqa: PLW0108 - made below
        log,
        metrics,
    )
    tried = _names(candidate) if candidate else None
    collector = WorkerCollector(folder.metrics, _names(redactor), tried, vitals.read, takeover.leased)
    stuck_seconds = settings.pipeline.stuck_seconds
    roster = RosterWatch(settings, worker_id, terms_of(settings, redactor), log)
    state = WorkerState(
        daemons,
        pipelines,
        folder.journal,
        Signs(
            collector.batch_ages,
            collector.unanswered,
            collector.waiting_for_decoders,
            LeaseSigns(
                takeover.seen_ago,
                takeover.leased,
                lambda: takeover.has_others,
                lambda: takeover.ownerless,
                takeover.longest_seconds,
            ),
            fetch,
            lambda: roster.differing,
        ),
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
        fingerprint_key(settings.quarantine),
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


def _cloudwatch_metrics(application: str, parts: Parts) -> CloudWatchMetrics:
    def failed(error: Exception) -> None:
        parts.log.warning("metrics.not_published", error=type(error).__name__)

    return CloudWatchMetrics(application, parts.collector.values, failed=failed)


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
    facts = origin.enter(settings)
    shards = len(open_shards(list_shards(kinesis_client(), settings.stream.name)))
    memory = divide(settings, limit_mib(), shards)
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
        with ExitStack() as shown:
            pids = partial(_pids, parts.daemons, parts.pipelines)
            page = Shown(about | made_of, pids, settings.http.runbook_url)
            site = Site(settings.http, parts.collector, page, parts.state.condition, parts.log)
            shown.callback(site.close)
            if settings.logs.cloudwatch_metrics:
                published = _cloudwatch_metrics(settings.kcl.application, parts)
                shown.callback(published.close)
                published.start()
            parts.log.info(
                "worker.started",
                version=__version__,
                **made_of,
                stream=stream,
                worker_id=worker_id,
                policy=identity(redactor),
                digest=redactor.digest,
                engine=engine_of(redactor),
                port=site.port,
                heap_mib=memory.heap,
                fetch_records=parts.fetch.records if parts.fetch else None,
            )
            if candidate:
                parts.log.info("candidate.compared", policy=identity(candidate), digest=candidate.digest)
            return supervisor.run()
