"""What a session says again and again is cut, counted in a metric, and summed up."""

import json
from typing import Any

from consumer.logs import structured
from consumer.metrics.collector import WorkerCollector
from consumer.worker.control import Exit
from consumer.worker.events import PipelineExited
from tests.kits.daemon import record


def test_a_checkpoint_that_is_refused_again_and_again_does_not_flood_the_log(own_worker: Any) -> None:
    worker = own_worker()
    child = worker.child().initialize()
    refusals = len(child.process_records(record(1), errors=("ThrottlingException",) * 9))
    while refusals < 3 * structured.LINES_MOST:
        refusals += len(child.process_records(errors=("ThrottlingException",)))
    assert child.process_records() == [("1", 0)]
    child.hang_up()
    worker.process.tell(Exit())  # which sums up what the window has left out so far
    worker.events.put(worker.wait_for(PipelineExited))  # once more, for the worker's own end
    lines = [json.loads(line) for line in worker.log.splitlines()]
    written = [line for line in lines if line["event"] == "checkpoint.refused"]
    (summary, *_) = [line for line in lines if line["event"] == "log.suppressed"]
    assert structured.LINES_MOST <= len(written) < refusals
    assert (summary["name"], summary["shard"], summary["severity"]) == ("checkpoint.refused", child.shard, "warning")
    families = WorkerCollector(worker.folder.metrics, {"name": "", "version": "", "digest": ""}).collect()
    suppressed = [
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == "sanitizer_log_lines_suppressed_total" and sample.labels["event"] == "checkpoint.refused"
    ]
    assert suppressed == [refusals - len(written)]
