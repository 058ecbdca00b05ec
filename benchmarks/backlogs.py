"""Backlogs of what other people's producers send, and what it takes a worker under its default settings to settle them.

    python -m benchmarks.backlogs [--only NAME] [--json]

Each case has an embedded cloud of its own, fills the stream, starts the worker, and ends when each record is settled,
or after its time. Memory is the sum of the proportional set sizes of all of the worker's processes, every half second.
"""

import argparse
import hashlib
import json
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.load.process_costs import ProcessTree
from consumer import aws
from consumer.kinesis.kpl import UserRecord, aggregated
from consumer.kinesis.producer import Producer, Put, calls
from consumer.local import scrape
from consumer.local.stack import Stack
from consumer.local.worker_process import WorkerProcess
from consumer.worker.memory import divide, limit_mib

MIB: Final = 1 << 20
SECONDS: Final = 400.0
_SAMPLE_SECONDS: Final = 0.5
_LARGE_BYTES: Final = int(9.9 * MIB)
_MAX_RECORD_KIB: Final = 10 * 1024
_KEYS: Final = 100_000
_MOST_ENDS: Final = 3
_GIB_IN_MIB: Final = 1024


@dataclass(frozen=True)
class Case:
    """A backlog.

    :ivar records: documents that wait in the stream, all shards together.
    :ivar size: bytes of a document.
    :ivar aggregate: bytes of the aggregates that hold them; 0: there are none.
    :ivar large: documents of 9.9 MiB among them.
    """

    name: str
    shards: int
    records: int
    size: int
    aggregate: int = 0
    large: int = 0


CASES: Final = (
    Case("20 KB", 8, 12_000, 20_000),
    Case("300 KB", 8, 1_200, 300_000),
    Case("20 KB, many shards", 50, 2_600, 20_000),
    Case("9.9 MiB among 2 KB", 8, 4_000, 2_000, large=3),
    Case("aggregates of 48 KB", 4, 80_000, 240, aggregate=48_000),
    Case("aggregates of 0.9 MB", 1, 60_000, 62, aggregate=900_000),
)


@dataclass(frozen=True)
class Settled:
    """What became of it.

    :ivar ends: of the daemon, out of memory.
    :ivar fetch_records: what the daemon fetched at once in the end.
    :ivar said_mib: what the worker may take, as it and `sanitizer doctor` say beforehand.
    :ivar seconds: from the worker's start.
    """

    case: Case
    settled: int
    ends: int
    fetch_records: int
    said_mib: int
    peak_pss_mib: float
    peak_by_process_mib: dict[str, float]
    seconds: float


def _document(number: int, size: int) -> bytes:
    bare = {"user_id": f"u{number:07d}", "timestamp": "2026-03-15T10:30:00Z", "note": ""}
    made = json.dumps(bare, separators=(",", ":"))
    return (made[:-2] + "x" * max(0, size - len(made)) + '"}').encode()


def _puts(case: Case) -> Iterator[Put]:
    for number in range(case.large):
        yield Put(_document(_KEYS * 100 + number, _LARGE_BYTES), f"large-{number}")
    if not case.aggregate:
        yield from (Put(_document(number, case.size), f"key-{number}") for number in range(case.records))
        return
    keys = list(_key_of_each_shard(case.shards))
    together = max(1, case.aggregate // (case.size + 9))
    for first in range(0, case.records, together):
        key = keys[first // together % case.shards]
        numbers = range(first, min(first + together, case.records))
        yield Put(aggregated([UserRecord(_document(number, case.size), key) for number in numbers]), key)


def _key_of_each_shard(shards: int) -> Iterable[str]:
    found: dict[int, str] = {}
    for number in range(_KEYS):
        key = f"key-{number}"
        place = int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest(), "big") * shards >> 128
        found.setdefault(place, key)
    return found.values()


class _Watch:
    """The worker's memory, in a thread of its own."""

    def __init__(self, pid: int) -> None:
        self._tree = ProcessTree(pid)
        self._ended = threading.Event()
        self.peak: dict[str, int] = {}
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            now = self._tree.pss()
            if sum(now.values()) > sum(self.peak.values()):
                self.peak = now

    def end(self) -> None:
        self._ended.set()


def measure(case: Case) -> Settled:
    """Run a case."""
    with tempfile.TemporaryDirectory(prefix="backlog-") as folder:
        stack = Stack(Path(folder), {}, case.shards)
        try:
            stack.start_cloud()
            return _measure(case, stack)
        finally:
            stack.close()


def _measure(case: Case, stack: Stack) -> Settled:
    kinesis, stream = aws.client("kinesis", retries=3), stack.settings.stream.name
    if case.large:
        arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
        kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=_MAX_RECORD_KIB)
    producer = Producer(stream)
    for call in calls(_puts(case), limit=100):
        producer.put(call)
    began = time.monotonic()
    worker = WorkerProcess(stack.config, stack.log)
    watch = _Watch(worker.pid)
    settled = 0.0
    wanted = case.records + case.large
    try:
        while settled < wanted and time.monotonic() - began < SECONDS:
            time.sleep(_SAMPLE_SECONDS)
            counts = scrape.sums(stack.port)
            # What is delivered again is no record more.
            settled = counts.get("outcome:stored", 0.0) + counts.get("outcome:quarantined", 0.0)
        seconds = time.monotonic() - began
        fetch = scrape.sums(stack.port).get("sanitizer_fetch_records", 0.0)
    finally:
        watch.end()
        worker.close()
    ends = stack.log.read_text(encoding="utf-8").count('"event": "fetch.reduced"')
    peak = {kind: round(size / MIB, 1) for kind, size in watch.peak.items()}
    said = divide(stack.settings, limit_mib(), case.shards).worker
    return Settled(case, int(settled), ends, int(fetch), said, round(sum(peak.values()), 1), peak, round(seconds, 1))


def is_good(found: Mapping[str, Any]) -> bool:
    """Tell whether all was settled, with three ends out of memory at most, and within what was said beforehand."""
    return all(
        each["settled"] == each["case"]["records"] + each["case"]["large"]
        and each["ends"] <= _MOST_ENDS
        and each["peak_pss_mib"] <= each["said_mib"] <= _GIB_IN_MIB
        for each in found["cases"]
    )


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[case.name for case in CASES])
    parser.add_argument("--json", action="store_true", help="one JSON value, for scripts")
    chosen = parser.parse_args()
    found = [measure(case) for case in CASES if chosen.only in (None, case.name)]
    if chosen.json:
        print(json.dumps({"cases": [asdict(each) for each in found]}))
        return
    print("| waiting | shards | records | ends out of memory | fetch afterwards | peak PSS, MiB | seconds |")
    print("|---|---|---|---|---|---|---|")
    for each in found:
        case = each.case
        print(
            f"| {case.name} | {case.shards} | {each.settled} of {case.records + case.large} | {each.ends} "
            f"| {each.fetch_records} | {each.peak_pss_mib:.0f} | {each.seconds:.0f} |"
        )


if __name__ == "__main__":
    main()
