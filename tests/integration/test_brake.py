"""The brake, with the real worker: a stream is not drained into quarantine."""

from pathlib import Path
from typing import Any

import pytest

from tests.lab.watched import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.smoke, pytest.mark.timeout(240)]

JUDGED = 100


def test_a_worker_that_would_drain_the_stream_into_quarantine_stops(lab: Any, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "name: wrong\nversion: '1'\nunknown_fields: quarantine\n"
        "fields: [{id: keys, names: [user_id, timestamp], action: release}]\n",
        encoding="utf-8",
    )
    lab.set_up(shards=1, redaction={"options": {"policy": str(policy)}}, quarantine={"judged_records": JUDGED})
    lab.start(1)
    lab.put([(b'{"user_id": "u", "timestamp": "t", "n": %d}' % number, "key") for number in range(4 * JUDGED)])
    wait_for(lambda: lab.worker.exit_status is not None, "it stops")
    assert lab.worker.exit_status == 1
    (event,) = lab.events("quarantine.flooding")
    assert event["share"] == 1
    assert set(lab.quarantine_codes().values()) <= {"unknown_field"}
    assert len(lab.quarantine_codes()) < 2 * JUDGED
    assert not lab.cloud.table(lab.settings.output.table)
