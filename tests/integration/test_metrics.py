"""What a real worker exposes is what is declared, and Prometheus' own tool finds nothing to mend in it."""

import json
import sys
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from consumer.metrics.declared import CANDIDATE, DECLARED
from tests.kits.emf import extracted
from tests.kits.metrics import assert_promtool_accepts

from .conftest import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.smoke]

PROCESSES = {"supervisor", "daemon", "pipeline-0", "pipeline-1", "shims"}


def test_a_worker_shows_the_declared_metrics_and_no_others(lab: Any) -> None:
    lab.set_up(shards=2, logs={"cloudwatch_metrics": True})
    lab.start(shards=2)
    lab.put_transactions(200)
    lab.put_raw(b"no json", "bad")
    for name in ("quarantined_total", "application_workers", "stream_open_shards", "application_leases"):
        wait_for(lambda name=name: lab.metrics().get(f"sanitizer_{name}"), f"a value of {name}")  # type: ignore[misc]
    lab.wait_until_found()
    exposed = lab.metrics_text()
    assert lab.stop() == 0
    _cloudwatch_is_told(lab, exposed)
    _names_are_the_declared(exposed)
    _values_are_those_of_the_worker(exposed)
    if sys.platform == "linux":
        _processes_are_measured(exposed)
    assert_promtool_accepts(exposed)  # last: it skips where there is none


def _cloudwatch_is_told(lab: Any, exposed: str) -> None:
    """The worker ran for less than a minute, or for some: a line at its start, and one at its end."""
    lines = lab.events("metrics.published")
    told = [extracted(json.dumps(line)) for line in lines]
    assert len(told) >= 2
    assert {each.namespace for each in told} == {"KinesisSanitizer"}
    assert all(each.dimensions == {"Application": lab.settings.kcl.application} for each in told)
    assert sum(each.values["RecordsReceived"] for each in told) == 201
    quarantined = sum(values(exposed, "sanitizer_quarantined_total", "code").values())
    assert sum(each.values["RecordsQuarantined"] for each in told) == quarantined >= 1
    assert told[-1].values["LeaksSuspected"] == told[-1].values["WritesThrottled"] == 0
    assert told[-1].values["ShardsServed"] == 0


def values(text: str, name: str, label: str = "") -> dict[str, float]:
    """Return a metric's values by a label."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {sample.labels.get(label, ""): sample.value for sample in samples if sample.name == name}


def _names_are_the_declared(exposed: str) -> None:
    families = {family.name: family for family in text_string_to_metric_families(exposed)}
    declared = {each.family: each for each in DECLARED if each.condition != CANDIDATE}
    assert set(families) == set(declared)
    for name, family in families.items():
        assert (family.type, family.documentation) == (declared[name].type, declared[name].help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(declared[name].labels)


def _values_are_those_of_the_worker(exposed: str) -> None:
    assert values(exposed, "sanitizer_quarantined_total", "code")["invalid_json"] == 1
    lags = values(exposed, "sanitizer_behind_latest_seconds", "shard")
    assert len(lags) == 2
    assert all(0 <= lag < 30 for lag in lags.values())
    assert values(exposed, "sanitizer_in_flight_age_seconds", "shard").keys() == lags.keys()
    assert values(exposed, "sanitizer_sessions_total", "event")["began"] == 2
    assert sum(values(exposed, "sanitizer_application_leases", "state").values()) == 2
    assert values(exposed, "sanitizer_application_workers") == {"": 1}
    assert values(exposed, "sanitizer_stream_open_shards") == {"": 2}
    assert values(exposed, "sanitizer_stream_retention_seconds") == {"": 24 * 3600}


def _processes_are_measured(exposed: str) -> None:
    cpu = values(exposed, "sanitizer_process_cpu_seconds_total", "process")
    memory = values(exposed, "sanitizer_process_memory_bytes", "process")
    assert set(cpu) == set(memory) == PROCESSES
    assert all(cpu[name] > 0 for name in PROCESSES - {"shims"})
    assert 0 < memory["shims"] < memory["pipeline-0"] < memory["daemon"] < 2e9
