"""The game day as a test: `python -m tests.faults.gameday` tells more."""

from collections.abc import Iterator

import pytest
import yaml

from consumer.local.cloud.process import Cloud
from tests.faults.gameday import GameDay, at
from tests.faults.gameday_faults import ALWAYS, Fault
from tests.faults.hasty_prometheus import LIMITS, RULES, WATCHDOG, hastened, name
from tests.faults.loop import Loop
from tests.kits.needs import needs

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def alerts() -> set[str]:
    parsed = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return {rule["alert"] for group in parsed["groups"] for rule in group["rules"] if "alert" in rule}


@pytest.fixture(scope="module")
def day(cloud: Cloud, loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GameDay]:
    needs("prometheus", "prometheus")
    with at(cloud), GameDay(cloud, loop, tmp_path_factory.mktemp("gameday")) as running:
        yield running
        running.end()


@pytest.mark.sample
def test_each_alert_has_its_fault() -> None:
    assert {name for fault in ALWAYS for name in fault.alerts} == alerts() - {WATCHDOG}


@pytest.mark.sample
def test_the_hastened_rules_differ_in_time_alone() -> None:
    parsed = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    before = [rule for group in parsed["groups"] for rule in group["rules"]]
    after = [rule for group in hastened(parsed)["groups"] for rule in group["rules"]]
    for rule, hasty in zip(before, after, strict=True):
        assert {key: rule[key] for key in rule if key not in ("expr", "for")} == {
            key: hasty[key] for key in hasty if key not in ("expr", "for")
        }
        changed = any(mark in rule["expr"] for mark in ("[", "offset")) or name(rule) in LIMITS
        assert (hasty["expr"] != rule["expr"]) == changed


@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, id=fault.what, marks=[pytest.mark.sample] * (fault is ALWAYS[0])) for fault in ALWAYS],
)
def test_it_fires_and_clears(day: GameDay, fault: Fault) -> None:
    rows = day.play(fault)
    assert {row.alert for row in rows} == set(fault.alerts)
