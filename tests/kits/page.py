"""A worker's metrics as they grow, without a worker: what the page and its history are made from."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.parser import text_string_to_metric_families

from consumer.web.health import Condition, Report, Status
from consumer.web.history import SAMPLE_SECONDS, History
from consumer.web.http_server import HttpServer
from consumer.web.page import Page, Shown
from consumer.web.site import routes
from tests.kits.log import RecordingLog

ABOUT = {"stream": "transactions", "application": "kinesis-sanitizer", "worker": "w-1", "java": None}
OK = Report(Status.OK)
WELL = Condition(
    has_served=True,
    is_serving=True,
    is_stopping=False,
    failures=0,
    is_steady=True,
    turned_ago=1.0,
    in_flight={},
    slow_after=300.0,
    takeover_seconds=45.0,
)


class Figures:
    """Counts up as a worker with some shards would: 100 records a second and shard, 90 of 100 within 50 ms."""

    def __init__(self, shards: int = 2) -> None:
        self.shards = [f"shardId-{number:012}" for number in range(shards)]
        self.seconds = 0.0
        self.more: list[str] = []

    def text(self) -> str:
        done = 100 * self.seconds * len(self.shards)
        lines = [
            *(f'sanitizer_records_received_total{{shard="{s}"}} {100 * self.seconds}' for s in self.shards),
            *(f'sanitizer_kinesis_records_received_total{{shard="{s}"}} {100 * self.seconds}' for s in self.shards),
            *(f'sanitizer_record_bytes_received_total{{shard="{s}"}} {25_000 * self.seconds}' for s in self.shards),
            *(f'sanitizer_stream_seconds_received_total{{shard="{s}"}} {self.seconds}' for s in self.shards),
            *(f'sanitizer_records_total{{shard="{s}",outcome="stored"}} {99 * self.seconds}' for s in self.shards),
            *(f'sanitizer_records_total{{shard="{s}",outcome="dropped"}} {self.seconds}' for s in self.shards),
            *(f'sanitizer_behind_latest_seconds{{shard="{s}"}} {90 * i}' for i, s in enumerate(self.shards)),
            *(f'sanitizer_checkpoint_age_seconds{{shard="{s}"}} 1.5' for s in self.shards),
            *(f'sanitizer_records_in_flight{{shard="{s}"}} 12' for s in self.shards),
            *(f'sanitizer_in_flight_age_seconds{{shard="{s}"}} 0.25' for s in self.shards),
            f"sanitizer_shards_owned {len(self.shards)}",
            f'sanitizer_record_latency_seconds_bucket{{le="0.05"}} {0.9 * done}',
            f'sanitizer_record_latency_seconds_bucket{{le="0.1"}} {done}',
            f'sanitizer_record_latency_seconds_bucket{{le="+Inf"}} {done}',
            f"sanitizer_start_time_seconds {1_700_000_000}",
            f'sanitizer_process_cpu_seconds_total{{process="daemon"}} {self.seconds / 4}',
            'sanitizer_process_memory_bytes{process="daemon"} 524288000',
            'sanitizer_build_info{version="1.2.3"} 1',
            'sanitizer_policy_info{name="default",version="7",digest="0a1b2c"} 1',
            f'sanitizer_redactions_total{{rule="card",action="mask"}} {2 * self.seconds}',
            f'sanitizer_quarantined_total{{code="invalid_json"}} {self.seconds / 5}',
            *self.more,
        ]
        return "\n".join(lines) + "\n"

    def collect(self) -> Iterable[Metric]:
        return text_string_to_metric_families(self.text())


def watched(figures: Figures, samples: int, history: History | None = None) -> History:
    """Return a history with samples at its usual pace."""
    history = history or History(figures.collect, RecordingLog())
    for _ in range(samples):
        history.look(figures.seconds)
        figures.seconds += SAMPLE_SECONDS
    return history


def page(history: History, live: Report = OK, ready: Report = OK) -> str:
    return Page(history, Shown(ABOUT), lambda: live, lambda: ready).answer().body.decode()


@contextmanager
def served(
    history: History, shown: Shown, condition: Condition, clock: Callable[[], float] = time.time
) -> Iterator[int]:
    """Serve the page as a worker does, at a port."""
    server = HttpServer("127.0.0.1", 0, CollectorRegistry(), routes(history, shown, lambda: condition, clock))
    try:
        yield server.port
    finally:
        server.close()
