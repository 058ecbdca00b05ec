"""The laboratory's own instruments: what they claim to find, they find."""

import base64
from itertools import islice

import pytest

from redaction.engine import from_options
from redaction.guard import redact_guarded
from redaction.plugin import Rejected, Released
from tests.faults.canaries import Canaries, samples

pytestmark = pytest.mark.faults


def test_each_canary_is_one_that_the_policy_removes() -> None:
    made = list(islice(samples(1), 400))
    verdicts = redact_guarded(from_options({}), [sample.data for sample in made])
    canaries = Canaries()
    for sample in made:
        canaries.enter(sample.canaries)
    released = [verdict.body for verdict in verdicts if isinstance(verdict, Released)]
    assert len(released) > 350
    assert canaries.found({"released": released}) == {}
    assert any(isinstance(verdict, Rejected) for verdict in verdicts)
    assert all(canary.encode() in sample.data for sample in made for canary in sample.canaries[1:])


def test_no_canary_is_used_twice() -> None:
    seen: set[str] = set()
    for sample in islice(samples(2), 500):
        assert seen.isdisjoint(sample.canaries)
        seen.update(sample.canaries)


@pytest.mark.parametrize("shift", range(3))
def test_a_canary_is_found_as_it_is_and_in_base64_at_any_place(shift: int) -> None:
    sample = next(samples(3))
    canaries = Canaries()
    canaries.enter(sample.canaries)
    text = b"x" * shift + sample.canaries[0].encode() + b"and more"
    assert canaries.found({"plain": [text], "base64": [base64.b64encode(text)], "none": [b"nothing"]}) == {
        "plain": 1,
        "base64": 1,
    }


def test_the_same_seed_gives_the_same_records() -> None:
    assert list(islice(samples(7), 50)) == list(islice(samples(7), 50))
