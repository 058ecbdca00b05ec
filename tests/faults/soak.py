"""Load, with aggregates and large records in it, and random faults for a while; then the ledger.

    python -m tests.faults.soak --duration 300 --seed 1

Everything random comes from the seed and is printed beforehand, so that each soak can be replayed. It ends by itself
within the duration and 120 s. Exit status 1: a record is lost or wrong, or a raw value leaked.
"""

# ruff: noqa: T201 - prints its plan and its ledger

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from consumer import aws
from consumer.kinesis.producer import MAX_RECORD_BYTES
from consumer.local.cloud.process import Cloud
from tests.faults.injector import Injector
from tests.faults.lab import FaultLab
from tests.faults.load import Load, recovery_seconds
from tests.faults.loop import Loop
from tests.faults.plan import Event, is_at_a_process, plan, workers
from tests.faults.results import Results
from tests.lab.watched import wait_for

GRACE_SECONDS = 105.0
"""What a soak may take beyond its duration, to start and to bring everything home."""


def main() -> int:
    """Run a soak."""
    parser = argparse.ArgumentParser(prog="soak", description="Load and random faults, then the ledger.")
    parser.add_argument("--duration", type=float, default=300, help="seconds of load and faults")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same faults")
    parser.add_argument("--rate", type=float, default=120, help="records a second")
    arguments = parser.parse_args()
    events = plan(arguments.seed, arguments.duration)
    count = workers(arguments.seed)
    print(f"Soak of {arguments.duration:.0f} s, seed {arguments.seed}, {count} worker(s), {len(events)} faults:")
    print(*events, sep="\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, Cloud() as cloud, Loop() as loop:
        for name in [name for name in os.environ if name.startswith(("AWS_", "SANITIZER_"))]:
            del os.environ[name]
        os.environ.update(cloud.environment())
        lab = FaultLab(cloud, Path(folder), f"soak-{arguments.seed}", loop)
        try:
            return _soak(lab, events, count, arguments)
        finally:
            lab.close()


def _soak(lab: FaultLab, events: list[Event], count: int, arguments: argparse.Namespace) -> int:
    seconds, rate = arguments.duration, arguments.rate
    give_up_at = time.monotonic() + seconds + GRACE_SECONDS
    lab.set_up(shards=2, output={"timeout_seconds": 2.0})
    kinesis = aws.client("kinesis")
    arn = kinesis.describe_stream_summary(StreamName=lab.name)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=MAX_RECORD_BYTES >> 10)
    lab.launch()
    for _ in range(count - 1):
        lab.launch(lab.another())
    wait_for(lambda: lab.metrics().get("sanitizer_shards_owned"), "the first shard", 60)
    injector = Injector(lab)
    with Load(lab, rate, mixed=True) as load:
        began = time.monotonic()
        rows = [
            threading.Thread(target=injector.run, args=(row, began), daemon=True)
            for row in ([e for e in events if is_at_a_process(e)], [e for e in events if not is_at_a_process(e)])
        ]
        for row in rows:
            row.start()
        while time.monotonic() < began + seconds:
            injector.restart_the_dead()
            time.sleep(0.2)
        for row in rows:
            row.join(max(1.0, give_up_at - time.monotonic()))
        injector.mend()
        load.stop()
        while lab.look().lost and time.monotonic() < give_up_at:
            injector.restart_the_dead()
            time.sleep(0.5)
        ledger, is_good = _report(lab, load, injector)
    if is_good:
        Results("soak").enter(f"{seconds:.0f} s, seed {arguments.seed}", ledger | {"planned": len(events)})
    return 0 if is_good else 1


def _report(lab: FaultLab, load: Load, injector: Injector) -> tuple[dict[str, int], bool]:
    found = lab.look()
    leaks = lab.leaks()
    durable = lab.cloud.durable_times()
    recoveries = []
    for event, at in injector.done:
        # Of a shard that came later, the first record says nothing of this event.
        shards = {placed.shard for placed in load.put_after(at) if placed.put_at < at + 1}
        if event.kind in ("kill", "stop") and (by_shard := recovery_seconds(load, durable, at, shards)):
            recoveries.append((max(by_shard.values()), str(event)))
    rows = {
        "produced": load.count,
        "stored": found.stored,
        "quarantined": found.quarantined,
        "dropped": found.dropped,
        "duplicates": found.duplicates,
        "lost": len(found.lost),
        "wrong": len(found.wrong),
        "leaks": sum(leaks.values()),
        **{f"faults: {kind}": met for kind, met in sorted(Counter(e.kind for e, _ in injector.done).items())},
        "requests met by a fault": injector.requests_met,
        "workers started": injector.starts,
        "daemons restarted": sum(len(worker.events("daemon.restarts")) for worker in lab.workers),
    }
    print("\nThe ledger:")
    for name, value in rows.items():
        print(f"  {name:26} {value:>8}")
    for seconds, what in sorted(recoveries, reverse=True)[:5]:
        print(f"  recovered after {seconds:5.1f} s from {what.strip()}")
    for problem in injector.problems:
        print(f"  not done: {problem}")
    for name, count in leaks.items():
        print(f"  LEAKED: {count} values in {name}")
    for identity in [*found.lost[:5], *found.wrong[:5]]:
        print(f"  LOST OR WRONG: {identity}")
    bad = bool(found.lost or found.wrong or leaks or load.count != found.stored + found.quarantined)
    print("FAILED" if bad else "Passed: every record is where it belongs, and nothing leaked.", flush=True)
    if bad:
        for tail in lab.log_tails():
            print(tail, file=sys.stderr)
    return rows, not bad


if __name__ == "__main__":
    sys.exit(main())
