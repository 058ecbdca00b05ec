"""What the Python side costs for each record: from the daemon's line to the acknowledged write and the checkpoint.

    python -m benchmarks.record_path [--shards 10] [--batch 500] [--records 200000] [--kind NAME] [--profile]
    python -m benchmarks.record_path --write-mode newest
    python -m benchmarks.record_path --format gzip-ndjson --documents 100

The pipeline of the worker as it is, in this process: its protocol loop, a thread for each shard, its redactor, its
writer over real HTTP to a null DynamoDB in another process. Only the pipes are made up: the daemon's lines stand ready,
and checkpoints are granted at once. Core-seconds of this process, all threads, per million records; what was written is
counted by identity at the other end.
"""

import argparse
import base64
import cProfile
import json
import pstats
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from benchmarks.kinds import CLEAN, KINDS
from benchmarks.load.identity import sequence_number
from benchmarks.load.service import Service
from benchmarks.load.worker import environment
from consumer import logs
from consumer.kcl.delivery import Lines
from consumer.kcl.jvm.whole_records import WHOLE
from consumer.kcl.processor import ShardProcessor, serve
from consumer.kinesis.shards import HashRanges
from consumer.metrics import Metrics, set_up
from consumer.pipeline.assembly import PipelineFactory
from consumer.pipeline.byte_budget import ByteBudget
from consumer.pipeline.decoding import open_decoding
from consumer.pipeline.outputs import open_outputs
from consumer.producing.formats import NAMES, format_named
from consumer.record import Position
from consumer.redactors.loading import load_plugin
from consumer.settings import Settings
from consumer.worker.runtime_folder import JOURNAL
from consumer.worker.tuning import collect_seldom, stay_on_one_core

WRITE_MODES: Final[dict[str, dict[str, str]]] = {
    "put": {},
    # Keys that no two records of a batch share, so that each is written.
    "newest": {
        "write_mode": "newest",
        "partition_key": "{user_id}",
        "sort_key": "{timestamp}",
        "version_field": "timestamp",
    },
}
_POOL: Final = 60_000
_POOL_BYTES: Final = 60_000_000
"""Different records, at most: they repeat after so many."""

_STARTED_MS: Final = 1_700_000_000_000


class Daemon:
    """The daemon's side of the pipes of one shard: `records` records in batches, each checkpoint granted.

    :param start: where in the pool its records begin.
    """

    def __init__(self, shard: int, batch: int, records: int, pool: Sequence[bytes], start: int) -> None:
        self.shard = f"shardId-{shard:012d}"
        self.first_line = _line(
            {
                "action": "initialize",
                "shardId": self.shard,
                "sequenceNumber": "TRIM_HORIZON",
                "subSequenceNumber": 0,
            }
        )
        self._replies: deque[bytes] = deque()
        self._lines = deque(
            _batch(shard, first, min(batch, records - first), pool, start) for first in range(0, records, batch)
        )
        self._lines.append(_line({"action": "shutdownRequested"}))
        self.checkpoints = 0

    def read(self, _size: int) -> bytes:
        if self._replies:
            return self._replies.popleft()
        return self._lines.popleft() if self._lines else b""

    def write(self, text: str) -> None:
        for line in text.splitlines():
            message = orjson.loads(line) if line else {}
            if message.get("action") == "checkpoint":
                self.checkpoints += 1
                self._replies.append(_line(message | {"error": None}))

    def flush(self) -> None:
        pass


def _batch(shard: int, first: int, count: int, pool: Sequence[bytes], start: int) -> bytes:
    records = [
        {
            "action": "record",
            "data": base64.b64encode(pool[(start + number) % len(pool)]).decode(),
            "partitionKey": str(number),
            "sequenceNumber": sequence_number(shard, number),
            "subSequenceNumber": WHOLE,
            "approximateArrivalTimestamp": _STARTED_MS + number,
        }
        for number in range(first, first + count)
    ]
    return _line({"action": "processRecords", "records": records, "millisBehindLatest": 0})


def _line(message: dict[str, Any]) -> bytes:
    return orjson.dumps(message) + b"\n"


class Written(NamedTuple):
    """How the records are written: `documents` in each; `setting`: of `stream.format`, if not the format's own."""

    format: str = "json"
    documents: int = 1
    setting: str | None = None


ALONE: Final = Written()


class Cost(NamedTuple):
    """`core_seconds`: of this process; `records`: documents, as `written`: the distinct ones that arrived at the table.

    `bytes`: of a record, for each of its documents.
    """

    records: int
    core_seconds: float
    seconds: float
    checkpoints: int
    written: int
    bytes: float

    @property
    def per_million(self) -> float:
        return self.core_seconds / self.records * 1e6


def measure(
    shards: int,
    batch: int,
    records: int,
    kind: str,
    profile: cProfile.Profile | None = None,
    output: Mapping[str, str] = MappingProxyType({}),
    written: Written = ALONE,
) -> Cost:
    """Run `records` documents through the pipelines of `shards` shards, in batches of at most `batch`.

    :param output: settings of that section.
    """
    form = format_named(written.format)
    documents = KINDS[kind].documents(min(_POOL, _POOL_BYTES // KINDS[kind].bytes, records + 2 * batch * shards))
    held = written.documents
    pool = [form.write(documents[at : at + held]) for at in range(0, len(documents) - held + 1, held)]
    batch, records = max(1, batch // held), records // held
    settings = Settings.model_validate(
        {"output": dict(KINDS[kind].output) | dict(output), "stream": {"format": written.setting or form.setting}}
    )
    with (
        tempfile.TemporaryDirectory(prefix="sanitizer-bench-") as name,
        Service(
            "benchmarks.load.null_dynamodb",
            *("--verify", "--table", settings.output.table, "--table", settings.quarantine.table),
        ) as table,
        environment(
            {
                "AWS_ENDPOINT_URL_DYNAMODB": table.endpoint,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "bench",
                "AWS_SECRET_ACCESS_KEY": "bench",
            }
        ),
    ):
        folder = Path(name)
        (folder / "metrics").mkdir()
        (folder / JOURNAL).mkdir()
        set_up(folder / "metrics", "pipeline-0")
        pipelines = _pipelines(settings, folder)
        collect_seldom()
        stay_on_one_core(0)
        warm_up, share = 2 * batch, records // shards
        warming = [Daemon(1000 + shard, batch, warm_up, pool, shard * warm_up) for shard in range(shards)]
        _run(pipelines, warming, None)
        warm = _arrived(table, settings, held)
        daemons = [Daemon(shard, batch, share, pool, shards * warm_up + shard * share) for shard in range(shards)]
        began, cpu = time.perf_counter(), time.process_time()
        _run(pipelines, daemons, profile)
        cpu, seconds = time.process_time() - cpu, time.perf_counter() - began
        return Cost(
            share * shards * held,
            cpu,
            seconds,
            sum(daemon.checkpoints for daemon in daemons),
            _arrived(table, settings, held) - warm,
            sum(map(len, pool)) / len(pool) / held,
        )


def _arrived(table: Service, settings: Settings, held: int) -> int:
    """Count what was written: distinct records; or all writes, where a record is several items."""
    stats = table.ask("stats")
    return int(stats["distinct"] if held == 1 else stats["items"].get(settings.output.table, 0))


def _pipelines(settings: Settings, folder: Path) -> PipelineFactory:
    redactor, metrics = load_plugin(settings), Metrics()
    return PipelineFactory(
        settings,
        redactor,
        open_outputs(settings, redactor, metrics, logs.get_logger("bench")),
        open_decoding(settings, metrics, logs.get_logger("bench")),
        metrics,
        fingerprint_key=b"0" * 32,
        journals=folder / JOURNAL,
        flooding=lambda _: None,
    )


def _run(pipelines: PipelineFactory, daemons: Sequence[Daemon], profile: cProfile.Profile | None) -> None:
    log = logs.get_logger("bench")
    settled: dict[str, Position] = {}
    budget = ByteBudget(1 << 25)

    def one(daemon: Daemon) -> None:
        begin = partial(pipelines.open, settled=settled, stop=threading.Event(), log=log)
        stop = threading.Event()
        processor = ShardProcessor(begin, HashRanges("none"), stop, log)
        if not serve(processor, Lines(daemon.first_line, daemon.read, budget, stop), daemon):  # type: ignore[arg-type]
            msg = "a session did not end in order"
            raise RuntimeError(msg)

    if profile:
        profile.runcall(one, daemons[0])
        return
    threads = [threading.Thread(target=one, args=(daemon,)) for daemon in daemons]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=10)
    parser.add_argument("--batch", type=int, default=500, help="records in a batch")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--kind", choices=list(KINDS), default=CLEAN, help="of the records")
    parser.add_argument("--write-mode", choices=list(WRITE_MODES), default="put", help="as output.write_mode")
    parser.add_argument("--format", choices=NAMES, default="json", help="in which the records are written")
    parser.add_argument("--documents", type=int, default=1, help="in a record")
    parser.add_argument("--auto", action="store_true", help="stream.format is auto, not the format's own")
    parser.add_argument("--profile", action="store_true", help="of one shard's thread, instead of a measurement")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    profile = cProfile.Profile() if arguments.profile else None
    shards = 1 if profile else arguments.shards
    output = WRITE_MODES[arguments.write_mode]
    written = Written(arguments.format, arguments.documents, "auto" if arguments.auto else None)
    cost = measure(shards, arguments.batch, arguments.records, arguments.kind, profile, output, written)
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    elif arguments.json:
        print(json.dumps(cost._asdict() | {"core_seconds_per_million": cost.per_million}))
    else:
        print(
            f"{cost.per_million:.1f} core-seconds per million documents ({cost.records:,} documents, {cost.written:,} "
            f"written, {cost.checkpoints} checkpoints, {cost.seconds:.1f} s)"
        )
    sys.exit(cost.written != cost.records)


if __name__ == "__main__":
    main()
