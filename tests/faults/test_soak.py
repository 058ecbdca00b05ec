"""A short soak, as `make soak` runs a long one; and that its plan comes from the seed alone."""

import subprocess
import sys

import pytest

from tests.faults.plan import plan

pytestmark = [pytest.mark.faults, pytest.mark.timeout(200)]


def soak(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.faults.soak", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


@pytest.mark.sample
def test_a_short_soak() -> None:
    ran = soak("--duration", "30", "--seed", "1")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Passed" in ran.stdout


@pytest.mark.parametrize("seed", range(20))
def test_the_plan_comes_from_the_seed_and_stays_within_the_duration(seed: int) -> None:
    events = plan(seed, 300)
    assert events == plan(seed, 300)
    assert events != plan(seed + 1, 300)
    assert len(events) > 20
    assert all(event.at > 0 and event.at + event.seconds <= 300.2 for event in events)
