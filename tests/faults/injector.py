"""Does to a laboratory what a soak's plan says."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

from tests.faults.catalogue import READS, WIRE, WRITES, mend
from tests.faults.lab import FaultLab, now
from tests.faults.plan import Event
from tests.faults.proxy import Rule, Rules
from tests.faults.shards import merge, open_shards, split
from tests.lab.watched import Watched, descendants


class Injector:
    """Injects events; two threads may run a row of them each.

    :ivar done: what happened, and when (epoch seconds).
    :ivar problems: what could not be done, such as a kill of a process that was not there.
    """

    def __init__(self, lab: FaultLab) -> None:
        self._lab = lab
        self._lock = threading.RLock()
        self.done: list[tuple[Event, float]] = []
        self.problems: list[str] = []
        self.requests_met = 0
        self.starts = len(lab.workers)

    def run(self, events: Iterable[Event], began: float) -> None:
        """Inject events at their times, counted from `began` (monotonic seconds)."""
        for event in events:
            time.sleep(max(0.0, began + event.at - time.monotonic()))
            try:
                self.done.append((event, now()))
                self._inject(event)
            except (OSError, AssertionError, IndexError, ClientError) as error:
                self.problems.append(f"{event}: {type(error).__name__}")

    def mend(self) -> None:
        """End whatever is still wrong with the network."""
        mend(self._lab.dynamodb.wire)
        mend(self._lab.kinesis.wire)

    def restart_the_dead(self) -> None:
        """Start the workers that have ended, as ECS would."""
        with self._lock:
            for worker in self._lab.workers:
                if worker.worker is not None and worker.worker.exit_status is not None:
                    worker.worker.restart()
                    self.starts += 1

    def _inject(self, event: Event) -> None:
        worker = self._lab.workers[event.worker]
        match event.kind:
            case "kill":
                with self._lock:
                    os.kill(_pids(worker, event.what)[0], signal.SIGKILL)
            case "stop":
                with self._lock:
                    os.kill(_pids(worker, "supervisor")[0], signal.SIGTERM)
            case "freeze":
                with _frozen(_pids(worker, event.what)):
                    time.sleep(event.seconds)
            case "reshard":
                self._reshard(event.what)
            case "wire":
                service, fault = event.what.split()
                wire = (self._lab.dynamodb if service == "dynamodb" else self._lab.kinesis).wire
                WIRE[fault](wire)
                time.sleep(event.seconds)
                mend(wire)
            case _:
                rules, rule = self._rule(event)
                with rules.applied(rule):
                    time.sleep(event.seconds)
                self.requests_met += rule.met

    def _rule(self, event: Event) -> tuple[Rules, Rule]:
        seed = int(event.at * 10)
        if event.kind == "read":
            make, options = READS[event.what]
            return self._lab.kinesis.rules, Rule(make(), operation="GetRecords", seed=seed, **options)
        if event.kind == "outage":
            make, _ = WRITES["request_lost"]
            return self._lab.dynamodb.rules, Rule(make())
        make, options = WRITES[event.what]
        if event.kind == "lease":
            return self._lab.dynamodb.rules, Rule(make(), table="-app", seed=seed, share=0.4)
        return self._lab.dynamodb.rules, Rule(make(), operation="BatchWriteItem", seed=seed, **options)

    def _reshard(self, what: str) -> None:
        shards = open_shards(self._lab)
        if what == "merge" and len(shards) > 1:
            merge(self._lab, *shards[:2])
        elif len(shards) < 4:
            split(self._lab, shards[0])


def _pids(worker: Watched, name: str) -> list[int]:
    """Return the pids of a worker's processes of one kind, or of all."""
    assert worker.worker is not None
    assert worker.worker.exit_status is None
    supervisor = worker.worker.pid
    match name:
        case "supervisor":
            return [supervisor]
        case "everything":
            return [supervisor, *descendants(supervisor)]
        case _:
            return worker.pids(name)


@contextmanager
def _frozen(pids: list[int]) -> Iterator[None]:
    assert pids
    try:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
