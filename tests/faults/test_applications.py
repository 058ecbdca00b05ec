"""Three applications on one stream: the service, another policy and table, and the fraud alert of `examples/`.

One dies or stands still; the others go on within seconds, and none of them loses anything.
"""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.faults.applications import Application, Latencies, Together, has_settled, stalled
from tests.faults.lab import FaultLab
from tests.faults.load import Load
from tests.faults.loop import Loop
from tests.faults.results import Results
from tests.faults.shards import has_ended, scale
from tests.lab.watched import wait_for
from tests.unit.installing import install

pytestmark = [pytest.mark.faults, pytest.mark.timeout(420)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "fraud_alert"
OTHER_POLICY = 'name: other\nversion: "2"\nextends: default\nfields: [{id: shop, action: drop, names: [merchant]}]\n'
SHARED = {"max_records": 750, "failover_ms": 5000}  # three JVMs on two cores renew late


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the example is installed."""
    return install(EXAMPLE, tmp_path_factory.mktemp("fraud")).environment["PYTHONPATH"]


@pytest.fixture
def others(
    lab: FaultLab, loop: Loop, tmp_path: Path, installed: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Application, Application]]:
    monkeypatch.syspath_prepend(installed)  # for the ledger, which applies the plug-in too
    made = Application(lab, "other", tmp_path / "other", loop), Application(lab, "fraud", tmp_path / "fraud", loop)
    made[1].variables["PYTHONPATH"] = installed
    (tmp_path / "other.yaml").write_text(OTHER_POLICY)
    try:
        yield made
    finally:
        for each in made:
            if sys.exc_info()[0]:
                sys.stderr.writelines(each.log_tails())
            each.close()


def set_up(lab: FaultLab, others: tuple[Application, Application], tmp_path: Path, shards: int) -> list[FaultLab]:
    """Make what all three need, which poll by turns."""
    other, fraud = others
    common: dict[str, Any] = {"kcl": SHARED, "pipeline": {"processes": 1}}
    lab.set_up(shards=shards, stream={"name": lab.name, "polling_applications": 3}, **common)
    reads: dict[str, Any] = {"stream": {"name": lab.name, "polling_applications": 3}} | common
    other.set_up(**reads, redaction={"options": {"policy": str(tmp_path / "other.yaml")}})
    fraud.set_up(**reads, redaction={"plugin": "fraud-alert", "options": {"large": 4000}})
    return [lab, *others]


def start(applications: list[FaultLab], shards: int) -> None:
    for each in applications:
        each.launch()
    for each in applications:
        each.wait_until_owned(shards, [each], 150)


@pytest.mark.parametrize("which", [pytest.param((1, 2), marks=pytest.mark.sample), (2, 0), (0, 1)], ids=str)
def test_one_is_killed_another_stands_still(
    lab: FaultLab,
    others: tuple[Application, Application],
    latencies: Results,
    tmp_path: Path,
    which: tuple[int, int],
) -> None:
    killed, frozen = which
    every = set_up(lab, others, tmp_path, shards=2)
    third = every[3 - killed - frozen]
    start([lab], shards=2)
    with Load(Together(every), 60) as load:
        load.wait_for(50)
        has_settled(lab, load.count)  # what came while it started
        alone = Latencies(lab)
        load.wait_for(200)
        latencies.enter(f"alone {which}", {"0": alone.quantiles()})
        start(list(others), shards=2)
        for each in every:
            has_settled(each, load.count)
        load.wait_for(50)
        before = [Latencies(each) for each in every]
        load.wait_for(200)
        figures = {str(number): each.quantiles() for number, each in enumerate(before)}
        latencies.enter(f"all three run {which}", figures)
        during = Latencies(third)
        every[killed].kill("MultiLangDaemon")
        load.wait_for(100)
        has_settled(third, load.count)
        with stalled(every[frozen]):
            load.wait_for(200)
            has_settled(third, load.count)
        latencies.enter(f"one killed, one stalled {which}", {str(every.index(third)): during.quantiles()})
        load.wait_for(100)
    for each in every:
        each.settle()
    alerts = others[1].look()
    assert alerts.stored > 20
    assert alerts.dropped > 200
    for each in every:
        assert each.stop() == 0


def all_have_ended(application: FaultLab, shards: list[str]) -> bool:
    return all(has_ended(application, shard) for shard in shards)


def test_the_stream_is_scaled_under_load(
    lab: FaultLab, others: tuple[Application, Application], tmp_path: Path
) -> None:
    every = set_up(lab, others, tmp_path, shards=4)
    start(every, shards=4)
    with Load(Together(every), 60) as load:
        load.wait_for(100)
        for count in (8, 4, 3):  # AWS: to the double or the half at most
            closed = scale(lab, count)
            load.wait_for(150)
            for each in every:
                wait_for(partial(all_have_ended, each, closed), "the end of the parents", 120)
    for each in every:
        each.settle()
        assert each.stop() == 0
