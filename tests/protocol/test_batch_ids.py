"""What the log says of a batch, from the message to the checkpoint, can be found together, and holds no content."""

import json
import re
from typing import Any

from tests.kits.daemon import record


def test_lines_of_a_batch_share_their_ids(own_worker: Any) -> None:
    worker = own_worker(logs={"level": "debug"})
    child = worker.child().initialize()
    child.process_records(record(1), record(2, data=b"no json"), errors=("ThrottlingException",) * 9)
    assert child.process_records() == [("2", 0)]  # at the heartbeat, but it is the first batch's
    child.process_records(record(2), record(3))
    child.say("shutdownRequested")
    child.hang_up()
    lines = [json.loads(line) for line in worker.log.splitlines()]

    def of(batch: int | None) -> list[dict[str, Any]]:
        return [line for line in lines if line.get("shard") == child.shard and line.get("batch") == batch]

    assert [line["event"] for line in of(None)] == ["session.began", "session.message"]
    first, second = of(1), of(2)
    assert [line["event"] for line in first if line["event"] != "checkpoint.refused"] == [
        "batch.began",
        "batch.ended",
        "checkpoint.saved",
    ]
    assert "checkpoint.refused" in {line["event"] for line in first}
    assert {"batch.began", "batch.ended", "checkpoint.saved", "session.ended"} <= {line["event"] for line in second}
    ended = [line for line in lines if line["event"] == "batch.ended"]
    assert [{name: line.get(name) for name in ("records", "stored", "quarantined", "duplicate")} for line in ended] == [
        {"records": 2, "stored": 1, "quarantined": 1, "duplicate": None},
        {"records": 2, "stored": 1, "quarantined": None, "duplicate": 1},
    ]
    for line in ended:
        assert line["bytes"] > 0
        steps = [line[f"{step}_seconds"] for step in ("redact", "encode", "write")]
        assert 0 < sum(steps) <= line["seconds"] + 1e-4
    traces = [{line["trace"] for line in each} for each in (first, second)]
    assert [len(each) for each in traces] == [1, 1]
    assert traces[0] != traces[1]
    assert all(re.fullmatch("[a-z]{16}", trace) for each in traces for trace in each)
    messages = [line["action"] for line in lines if line["event"] == "session.message"]
    assert messages == ["initialize", "shutdownRequested"]


def test_at_the_usual_level_a_batch_says_nothing(own_worker: Any) -> None:
    worker = own_worker()
    child = worker.child().initialize()
    child.process_records(record(1))
    child.hang_up()
    events = {json.loads(line)["event"] for line in worker.log.splitlines()}
    assert not events & {"batch.ended", "batch.began", "checkpoint.saved", "session.message"}
