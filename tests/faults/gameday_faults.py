"""What goes wrong on the game day, and what must be said of it."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import orjson
import yaml

from consumer.kinesis.producer import Producer, Put
from tests.faults import actions
from tests.faults.catalogue import is_checkpoint
from tests.faults.lab import FaultLab
from tests.faults.messages import Action
from tests.faults.proxy import Rule
from tests.lab.watched import wait_for

BACK_SECONDS: Final = 90.0
OUTPUT: Final = "-output$"
LEASES: Final = "-app$"

RESTLESS: Final = '''"""A detector that finds again what it has just put there."""


class Restless:
    name = "restless"
    candidate = rb"restless-[a-z]+"

    def find(self, view, start, end):
        return [(start, end)]

    def mask(self, text):
        return "restless-again"

    def normalise(self, text):
        return text


RESTLESS = Restless()
'''


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    :ivar what: for the table.
    :ivar alerts: those that must fire while it lasts, and clear after its cure.
    :ivar inject: a context manager: the fault, and at its end the cure.
    :ivar is_forgotten: the workers are no longer scraped while it lasts, as where a collector dies with its task.
    """

    what: str
    alerts: tuple[str, ...]
    inject: Callable[[FaultLab], AbstractContextManager[None]]
    is_forgotten: bool = False


def install(lab: FaultLab, folder: Path) -> Path:
    """Put the restless detector where the worker finds plug-ins, and return a policy that has it."""
    plugin = folder / "plugin"
    metadata = plugin / "restless-1.dist-info"
    metadata.mkdir(parents=True)
    (plugin / "restless.py").write_text(RESTLESS, encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: restless\nVersion: 1\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(
        "[kinesis_sanitizer.detectors]\nrestless = restless:RESTLESS\n", encoding="utf-8"
    )
    lab.variables["PYTHONPATH"] = os.pathsep.join(filter(None, (str(plugin), os.environ.get("PYTHONPATH", ""))))
    return write_policy(folder, "1", {"restless": "mask"})


def write_policy(folder: Path, version: str, detectors: dict[str, str]) -> Path:
    file = folder / f"policy-{version}.yaml"
    whole = {"name": "gameday", "version": version, "extends": "default", "detectors": detectors}
    file.write_text(yaml.safe_dump(whole), encoding="utf-8")
    return file


class Trickle:
    """Puts further records at a steady rate, which the ledger does not know; a context manager."""

    def __init__(self, lab: FaultLab, rate: float, make: Callable[[int], bytes], *, key: str | None = None) -> None:
        self._producer = Producer(lab.name)
        self._rate, self._make, self._key = rate, make, key
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trickle", daemon=True)
        self.count = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stop.wait(0.1):
            due = int((time.monotonic() - began) * self._rate) - self.count
            made = [Put(self._make(self.count + i), self._key or str(self.count + i)) for i in range(min(due, 200))]
            if made:
                self._producer.put(made)
                self.count += len(made)


def document(number: int, **fields: object) -> bytes:
    return orjson.dumps({"user_id": f"extra {number}", "timestamp": "2024-03-15T10:30:00Z", **fields})


def _writes(action: Action, *, share: float = 1.0) -> Callable[[FaultLab], AbstractContextManager[None]]:
    @contextmanager
    def inject(lab: FaultLab) -> Iterator[None]:
        rule = Rule(action, operation="BatchWriteItem", table=OUTPUT, share=share)
        with lab.dynamodb.rules.applied(rule):
            yield

    return inject


@contextmanager
def _leases_refuse(lab: FaultLab) -> Iterator[None]:
    """Nothing can be written to the lease table: no renewal, no assignment, no checkpoint."""
    throttled = actions.error(400, "ProvisionedThroughputExceededException")
    with lab.dynamodb.rules.applied(Rule(throttled, operation="UpdateItem", table=LEASES)):
        yield


@contextmanager
def _no_way_back(lab: FaultLab) -> Iterator[None]:
    """The daemon dies, and its successors do not reach the lease table."""
    with lab.dynamodb.rules.applied(Rule(actions.error(400, "ThrottlingException"), table=LEASES)):
        lab.kill("MultiLangDaemon")
        yield
    lab.wait_until_owned(2, timeout=BACK_SECONDS)


@contextmanager
def _no_checkpoints(lab: FaultLab) -> Iterator[None]:
    denied = actions.error(400, "AccessDeniedException")  # at a 500 the daemon stands still for its retries
    rule = Rule(denied, operation="UpdateItem", table=LEASES, where=is_checkpoint)
    with lab.dynamodb.rules.applied(rule):
        yield


@contextmanager
def _reads_denied(lab: FaultLab) -> Iterator[None]:
    with lab.kinesis.rules.applied(Rule(actions.error(400, "AccessDeniedException"), operation="GetRecords")):
        yield


@contextmanager
def _frozen(lab: FaultLab) -> Iterator[None]:
    pids = lab.pids("sanitizer-pipeline")
    assert pids
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def _killed_pipelines(lab: FaultLab) -> Iterator[None]:
    for _ in range(4):
        lab.wait_until_owned(2)
        lab.kill("sanitizer-pipeline")
        wait_for(lambda: lab.metrics().get("sanitizer_shards_owned") == 0, "the shards are let go", 30)
    yield
    lab.wait_until_owned(2, timeout=BACK_SECONDS)


@contextmanager
def _killed_supervisors(lab: FaultLab) -> Iterator[None]:
    assert lab.worker is not None
    for _ in range(3):
        before = len(lab.events("worker.started"))
        os.kill(lab.worker.pid, signal.SIGKILL)
        wait_for(lambda: lab.worker and lab.worker.exit_status is not None, "the supervisor's end", 30)
        lab.worker.restart()
        wait_for(lambda before=before: len(lab.events("worker.started")) > before, "another start", 30)  # type: ignore[misc]
        wait_for(lambda: "sanitizer_start_time_seconds" in lab.metrics(), "its metrics", 30)
        time.sleep(3)  # until Prometheus has seen it
    yield
    lab.wait_until_owned(2, timeout=BACK_SECONDS)


@contextmanager
def _stopped(lab: FaultLab) -> Iterator[None]:
    assert lab.worker is not None
    assert lab.stop() == 0
    yield
    lab.worker.restart()
    lab.wait_until_owned(2, timeout=BACK_SECONDS)


@contextmanager
def _another_policy(lab: FaultLab) -> Iterator[None]:
    """A second worker, with a policy of its own."""
    other = lab.another()
    values = yaml.safe_load(other.config.read_text(encoding="utf-8"))
    values["http"] = {"host": "127.0.0.1", "port": 0}
    values["redaction"] = {"options": {"policy": str(write_policy(lab.folder, "2", {}))}}
    other.config.write_text(yaml.safe_dump(values), encoding="utf-8")
    lab.launch(other)
    wait_for(other.port, "its port", 60)
    yield
    assert other.stop() == 0
    lab.wait_until_owned(2, [lab], timeout=BACK_SECONDS)


def _trickling(rate: float, make: Callable[[int], bytes]) -> Callable[[FaultLab], AbstractContextManager[None]]:
    @contextmanager
    def inject(lab: FaultLab) -> Iterator[None]:
        with Trickle(lab, rate, make):
            yield

    return inject


@contextmanager
def _drift(lab: FaultLab) -> Iterator[None]:
    """A field in which there always was a card number, and then never; all of it in one shard."""

    def feed(text: str, values: int) -> None:
        with Trickle(lab, 300, lambda number: document(number, memo=text), key="drift") as trickle:
            wait_for(lambda: trickle.count >= values, "the values are put", 60)

    feed("4111 1111 1111 1111", 1300)
    time.sleep(11)  # two polls of the coverage: values taken in together have no order
    feed("paid in cash", 900)
    yield
    feed("4111 1111 1111 1111", 1600)


@contextmanager
def _hot(lab: FaultLab) -> Iterator[None]:
    """One key takes more than a megabyte a second: of a shard whose limits nobody holds it to here."""
    with Trickle(lab, 120, lambda number: document(number, note="x" * 10_000), key="hot"):
        yield


ALWAYS: Final = (
    Fault(
        "writes denied",
        (
            "SanitizerWritesFailing",
            "SanitizerBatchStuck",
            "SanitizerLagging",
            "SanitizerFarBehind",
            "SanitizerLagGrowing",
            "SanitizerRetentionHalfGone",
        ),
        _writes(actions.error(400, "AccessDeniedException")),
    ),
    Fault("one key makes a shard hot", ("SanitizerHotShard",), _hot),
    Fault("the pipeline processes hang", ("SanitizerLagging", "SanitizerRetentionHalfGone"), _frozen),
    Fault("poison records", ("SanitizerQuarantining", "SanitizerQuarantineFlood"), _trickling(25, lambda _: b"{")),
    Fault(
        "text that redaction does not get rid of",
        ("SanitizerLeakSuspected",),
        _trickling(1, lambda number: document(number, note="a restless-word here")),
    ),
    Fault("a producer changed a field", ("SanitizerFieldDrift",), _drift),
    Fault("the lease table takes no writes", ("SanitizerShardWithoutOwner",), _leases_refuse),
    Fault("the daemon dies, the lease table is gone", ("SanitizerShardsNotServed",), _no_way_back),
    Fault("checkpoints fail", ("SanitizerCheckpointStale",), _no_checkpoints),
    Fault("the worker is stopped", ("SanitizerWorkerDown", "SanitizerNoWorker"), _stopped),
    Fault("the worker and its collector are gone", ("SanitizerNoWorker",), _stopped, is_forgotten=True),
    Fault(
        "writes throttled",
        ("SanitizerWritesThrottled",),
        _writes(actions.error(400, "ProvisionedThroughputExceededException"), share=0.5),
    ),
    Fault(
        "writes take 1.5 s",
        ("SanitizerSlow", "SanitizerObjectiveFastBurn", "SanitizerObjectiveSlowBurn"),
        _writes(actions.late(1.5)),
    ),
    Fault(
        "pipeline processes die",
        ("SanitizerDaemonRestarting", "SanitizerLeaseChurn"),
        _killed_pipelines,
    ),
    Fault("the supervisor dies", ("SanitizerWorkerRestarting",), _killed_supervisors),
    Fault("reads denied", ("SanitizerDaemonErrors",), _reads_denied),
    Fault("another worker, another policy", ("SanitizerMixedPolicies",), _another_policy),
)
