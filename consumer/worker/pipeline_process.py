"""A pipeline process: serves many shards, each in a thread, over the pipes that the shims hand over.

    supervisor ──control──► host ◄──pipes── shim ◄──started by── daemon

It outlives the daemon: its connections, its redactor and its memory of what is settled survive a daemon's restart.
"""

import contextlib
import faulthandler
import io
import os
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, assert_never

from setproctitle import setproctitle

from consumer import logs
from consumer.errors import SanitizerError, StartError
from consumer.kcl.delivery import Lines
from consumer.kcl.processor import ShardProcessor, serve
from consumer.kinesis.shards import HashRanges
from consumer.metrics import Metrics, SessionEvent, set_up
from consumer.periodic import Periodic
from consumer.pipeline.assembly import PipelineFactory
from consumer.pipeline.byte_budget import ByteBudget
from consumer.pipeline.decoding import open_decoding
from consumer.pipeline.outputs import open_outputs
from consumer.record import Position
from consumer.redactors.candidate import CandidateRun
from consumer.redactors.coverage import POLL_SECONDS, FieldCoverage
from consumer.redactors.loading import load_candidate, load_plugin
from consumer.settings import Settings
from consumer.worker import descriptors
from consumer.worker.control import (
    EXIT_SECONDS,
    Begin,
    Control,
    DaemonGone,
    Exit,
    Flooding,
    GiveUp,
    MessageError,
    Order,
    Ready,
    Report,
    SessionFailed,
    Sessions,
    SetLogLevel,
    pipelines_end,
)
from consumer.worker.runtime_folder import JOURNAL, STACKS
from consumer.worker.shim import shard_of
from consumer.worker.tuning import collect_seldom, stay_on_one_core
from redaction.engine import PolicyRedactor
from redaction.plugin import identity

SHIM_SECONDS = 5.0
JOIN_SECONDS: Final = EXIT_SECONDS - 2.0
"""What all sessions may take to end; the rest is for what is written after them, before the process is killed."""

DESCRIPTORS_SECONDS: Final = 5.0
"""So often the process looks whether it can still open something."""

_LONGEST_FIRST_LINE = 1 << 16


class Session:
    """One shard's session: a thread that speaks the protocol over the pipes of its shim."""

    def __init__(self, daemon: int, shard: str, first_line: bytes, pipes: tuple[int, int], shim: socket.socket) -> None:
        self.daemon = daemon
        self.shard = shard
        self.first_line = first_line
        self.pipes = pipes
        self.shim = shim
        self.stop = threading.Event()
        self.thread: threading.Thread | None = None


class ShardHost:
    """What a pipeline process is made of.

    :param settings: the worker's settings.
    :param fingerprint_key: the quarantine's key, common to all processes of the worker.
    :param slot: number of this process among its siblings.
    :param folder: the worker's runtime folder.
    :param listener: where the shims connect; the supervisor's, so that none is turned away while this one starts.
    """

    def __init__(
        self,
        settings: Settings,
        fingerprint_key: bytes,
        slot: int,
        folder: Path,
        control: Control[Report, Order],
        listener: socket.socket,
    ) -> None:
        self._control = control
        self._log = logs.get_logger(f"pipeline-{slot}")
        self._metrics = Metrics()
        logs.count_suppressed(lambda event: self._metrics.log_lines_suppressed.labels(event).inc())
        self._redactor = load_plugin(settings)
        candidate = load_candidate(settings)
        self._coverage: FieldCoverage | None = None
        if isinstance(self._redactor, PolicyRedactor):
            self._coverage = FieldCoverage(self._redactor, self._metrics, self._log)
        self._pipelines = PipelineFactory(
            settings,
            self._redactor,
            open_outputs(settings, self._redactor, self._metrics, self._log),
            open_decoding(settings, self._metrics, self._log),
            self._metrics,
            fingerprint_key=fingerprint_key,
            journals=folder / JOURNAL,
            flooding=lambda share: control.send(Flooding(round(share, 3))),
            candidate=CandidateRun(candidate, self._redactor, self._metrics, self._log) if candidate else None,
        )
        self._budget = ByteBudget(settings.pipeline.max_bytes_in_flight)
        self._hash_ranges = HashRanges(settings.stream.name)
        self._settled: dict[str, Position] = {}
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._listener = listener

    def expect(self, digest: str | None) -> None:
        """Refuse to serve with rules other than those that the supervisor started with and tells of; None: any.

        :raises StartError: they have changed meanwhile.
        """
        if digest is not None and digest != self._redactor.digest:
            msg = (
                f"The policy {identity(self._redactor)} has changed since the worker was started: "
                "start the worker anew to have it applied everywhere, or put the old one back."
            )
            raise StartError(msg)

    def run(self) -> None:
        """Serve until the supervisor says so, or is gone."""
        threading.Thread(target=self._or_die, args=(self._accept,), daemon=True).start()
        Periodic("descriptors", DESCRIPTORS_SECONDS, lambda _: self._or_die(self._check_descriptors)).start()
        if coverage := self._coverage:
            Periodic("coverage", POLL_SECONDS, lambda _: self._or_die(coverage.poll_safely)).start()
        self._control.send(Ready())
        self._or_die(self._obey)

    def _obey(self) -> None:
        """Do what the supervisor says, until it says that this is the end."""
        for order in self._control:
            match order:
                case SetLogLevel(level):
                    logs.set_level(level)
                case DaemonGone(daemon):
                    self._stop_sessions(until=daemon)
                case GiveUp(seconds):
                    timer = threading.Timer(seconds, self._stop_sessions)
                    timer.daemon = True
                    timer.start()
                case Exit():
                    self._stop_sessions()
                    self._join_sessions()
                    if self._coverage:
                        self._coverage.flush()
                    logs.flush()
                    return
                case Begin():
                    raise MessageError
                case _:
                    assert_never(order)
        # The supervisor is dead. Whatever is in flight is delivered again to the next worker.
        self._log.error("supervisor.gone")
        os._exit(1)

    def _or_die(self, work: Callable[..., None], *arguments: object) -> None:
        """Do a thread's work. A defect ends the process: a thread that is silently gone leaves the daemon waiting."""
        try:
            work(*arguments)
        except BaseException as error:  # noqa: BLE001
            try:
                self._log.error("pipeline.defect", exc_info=error)
            finally:
                os._exit(1)

    def _check_descriptors(self) -> None:
        """End, if nothing can be opened any more: else sessions break and daemons are replaced, which mends nothing."""
        try:
            descriptors.check()
        except OSError as error:
            if not descriptors.are_lacking(error):
                return
            self._log.error("descriptors.exhausted", action=descriptors.ADVICE)
            os._exit(1)

    def _accept(self) -> None:
        """Take shims in, and notice when one dies before its session has ended."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ, None)
            while True:
                for key, _ in selector.select():
                    session: Session | None = key.data
                    if session is not None:
                        selector.unregister(key.fileobj)
                        self._shim_ended(session)
                    elif (session := self._take_in()) is not None:
                        selector.register(session.shim, selectors.EVENT_READ, session)

    def _take_in(self) -> Session | None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            self._check_descriptors()
            raise
        connection.settimeout(SHIM_SECONDS)  # a shim that is stopped here must not hold the others up
        try:
            message, pipes, _, _ = socket.recv_fds(connection, _LONGEST_FIRST_LINE, 2)
        except OSError:
            connection.close()
            return None
        daemon, _, line = message.partition(b"\n")
        shard = shard_of(line)
        for pipe in pipes:
            os.set_inheritable(pipe, False)  # noqa: FBT003 - a plug-in's child must not keep the pipes open
        if len(pipes) != 2 or not daemon.isdigit() or not shard or not line.endswith(b"\n"):  # noqa: PLR2004
            self._check_descriptors()  # the kernel leaves out those for which there is no room
            for pipe in pipes:
                os.close(pipe)
            connection.close()
            return None
        session = Session(int(daemon), shard, line, (pipes[0], pipes[1]), connection)
        with self._lock:
            predecessor = self._sessions.get(shard)
            self._sessions[shard] = session
            self._control.send(Sessions(len(self._sessions)))
        session.thread = threading.Thread(
            target=self._or_die, args=(self._serve, session, predecessor), name=shard, daemon=True
        )
        session.thread.start()
        return session

    def _shim_ended(self, session: Session) -> None:
        """The connection to a shim ended: in order, when the session closed it; else the shim was killed."""
        session.shim.close()
        with self._lock:
            alive = self._sessions.get(session.shard) is session
        if alive:
            self._log.error("shim.died", shard=session.shard)
            session.stop.set()
            self._control.send(SessionFailed(session.shard, session.daemon))

    def _serve(self, session: Session, predecessor: Session | None) -> None:
        log = self._log.bind(shard=session.shard)
        if predecessor is not None and predecessor.thread is not None:
            # Never two writers for one shard in one process: the older one's daemon is gone anyway.
            predecessor.stop.set()
            predecessor.thread.join()
        lines = Lines(session.first_line, partial(os.read, session.pipes[0]), self._budget, session.stop)
        answers = os.fdopen(session.pipes[1], "w", encoding="utf-8")
        log.info("session.began")
        self._metrics.session(SessionEvent.BEGAN)
        processor = ShardProcessor(
            partial(self._pipelines.open, settled=self._settled, stop=session.stop, log=log),
            self._hash_ranges,
            session.stop,
            log,
        )
        in_order = serve(processor, lines, answers)
        self._metrics.session(processor.ending)
        log.info("session.ended", status="in order" if in_order else "broken")
        with self._lock:
            if self._sessions.get(session.shard) is session:
                del self._sessions[session.shard]
                self._control.send(Sessions(len(self._sessions)))
        if not in_order:
            self._check_descriptors()
            self._control.send(SessionFailed(session.shard, session.daemon))
        _close_quietly(answers)  # the daemon may be gone, and an unsent answer with it
        os.close(session.pipes[0])
        with contextlib.suppress(OSError):
            session.shim.shutdown(socket.SHUT_RDWR)  # lets the shim end, and wakes the selector

    def _stop_sessions(self, until: int | None = None) -> None:
        """Have the sessions give up, those of daemons after `until` excepted."""
        with self._lock:
            for session in self._sessions.values():
                if until is None or session.daemon <= until:
                    session.stop.set()

    def _join_sessions(self) -> None:
        with self._lock:
            threads = [session.thread for session in self._sessions.values() if session.thread]
        give_up_at = time.monotonic() + JOIN_SECONDS
        for thread in threads:
            thread.join(timeout=max(0.0, give_up_at - time.monotonic()))


def _close_quietly(stream: io.TextIOBase) -> None:
    with contextlib.suppress(OSError):
        stream.close()


def main() -> None:
    """Run as the supervisor starts it: descriptors of the control and the listening socket, then the slot."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the supervisor acts on a signal
    slot = int(sys.argv[3])
    name = f"pipeline-{slot}"
    setproctitle(f"sanitizer-pipeline {slot}")
    logs.configure("info", name)  # until the settings are known: a defect has no message, whenever it comes
    control = pipelines_end(socket.socket(fileno=int(sys.argv[1])))
    listener = socket.socket(fileno=int(sys.argv[2]))
    begin = next(iter(control), None)
    if begin is None:
        os._exit(1)
    if not isinstance(begin, Begin):
        raise MessageError
    settings = Settings(**begin.settings)
    logs.configure(settings.logs.level, name, settings.logs.format)
    # Where each thread stands, names of files and functions only; works though one of them holds the interpreter.
    stacks = (begin.folder / f"{STACKS}-{slot}").open("w", encoding="utf-8")
    faulthandler.register(signal.SIGUSR1, stacks)
    try:
        set_up(begin.folder / "metrics", name)
        host = ShardHost(settings, begin.fingerprint_key, slot, begin.folder, control, listener)
        host.expect(begin.digest)
    except SanitizerError as error:  # the sentence that the supervisor would say: its texts hold no content
        logs.get_logger(name).error("pipeline.not_started", reason=str(error))
        os._exit(1)
    collect_seldom()
    if settings.pipeline.pinned:
        stay_on_one_core(slot)
    host.run()
    os._exit(0)  # nobody needs the answer of a request under way


if __name__ == "__main__":
    main()
