"""What a backfill carries: `sanitizer backfill` over a stream of the embedded cloud, into a null DynamoDB.

    python -m benchmarks.backfill --shards 20 --records 300000 --latency 5

It is one process that reads, redacts and writes in turn, each batch of 500 after the one before; so its rate is of its
CPU and of the table's latency. The reading is not what holds it up: of each shard a megabyte comes at once.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.kinds import CLEAN, KINDS
from benchmarks.load.service import Service
from benchmarks.load.worker import environment
from consumer import aws, tables
from consumer.kinesis.producer import Producer, Put, calls
from consumer.local.cloud.process import Cloud
from consumer.settings import load_settings

NAME: Final = "backfill"


def measure(shards: int, records: int, latency_ms: float) -> dict[str, Any]:
    """Run it once.

    :param records: in all, clean ones.
    :param latency_ms: milliseconds until the table answers a write.
    :return: records, seconds, records a second, core-seconds per million, and how many were stored by its ledger.
    :raises RuntimeError: it failed.
    """
    with tempfile.TemporaryDirectory(prefix="sanitizer-backfill-") as folder, Cloud() as cloud:
        config = Path(folder) / "settings.yaml"
        output = {"table": NAME, **KINDS[CLEAN].output}
        config.write_text(yaml.safe_dump({"stream": {"name": NAME}, "output": output}), encoding="utf-8")
        variables = cloud.environment()
        with environment(variables):
            aws.client("kinesis").create_stream(StreamName=NAME, ShardCount=shards)
            tables.create(load_settings(config))
            _put(records)
        options = ("--table", NAME, "--latency", latency_ms, "--forward", cloud.endpoint)
        with Service("benchmarks.load.null_dynamodb", *options) as table:
            environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
            environ |= variables | {"AWS_ENDPOINT_URL_DYNAMODB": table.endpoint}
            return _run(config, environ, records) | {"shards": shards, "latency_ms": latency_ms}


def _put(records: int) -> None:
    payloads = KINDS[CLEAN].documents(2000)
    producer = Producer(NAME)
    for call in calls((Put(payloads[n % len(payloads)], str(n)) for n in range(records)), limit=500):
        producer.put(call)


def _run(config: Path, environ: dict[str, str], records: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "consumer.cli", "backfill", "--config", str(config)]
    command += ["--application", f"{NAME}-again", "--from", "TRIM_HORIZON", "--json"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(done.stderr[-1000:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "records": records,
        "seconds": seconds,
        "records_per_second": records / seconds,
        "core_seconds_per_million": cpu / records * 1e6,
        "stored": json.loads(done.stdout)["stored"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=20)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--latency", type=float, default=5, help="milliseconds until the table answers")
    options = parser.parse_args()
    print(json.dumps(measure(options.shards, options.records, options.latency), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
