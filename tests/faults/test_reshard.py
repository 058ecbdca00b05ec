"""Split and merge under load.

Against the embedded Kinesis, which reshards as AWS documents it (closed parents end with their children, which start
empty). A second opinion, by the npm package kinesis-local: a split in `test_fanout`.
"""

import pytest

from tests.faults.lab import FaultLab
from tests.faults.load import Load
from tests.faults.shards import has_ended, merge, open_shards, split
from tests.lab.watched import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]


@pytest.mark.parametrize(
    "victim", [pytest.param(None, marks=pytest.mark.sample), "MultiLangDaemon", "sanitizer-pipeline"]
)
def test_split_and_merge_under_load(lab: FaultLab, victim: str | None) -> None:
    """With a kill in the middle of it, too: right after the split, when the parent must yet be read to its end."""
    lab.set_up(shards=2)
    lab.start()
    with Load(lab, 120) as load:
        load.wait_for(100)
        parent = open_shards(lab)[0]
        split(lab, parent)
        if victim:
            lab.kill(victim)
        load.wait_for(200)
        wait_for(lambda: has_ended(lab, parent["ShardId"]), "the parent's end", 90)
        children = open_shards(lab)[:2]
        merge(lab, *children)
        load.wait_for(200)
        wait_for(lambda: all(has_ended(lab, child["ShardId"]) for child in children), "the children's end", 90)
    lab.settle()
    assert lab.stop() == 0


def test_a_split_while_the_worker_is_down(lab: FaultLab) -> None:
    lab.set_up(shards=1)
    lab.start(shards=1)
    lab.feed(150, seed=1)
    lab.settle()
    assert lab.stop() == 0
    lab.feed(150, seed=2)
    split(lab, open_shards(lab)[0])
    lab.feed(150, seed=3)
    lab.launch()
    lab.settle()
    assert lab.stop() == 0
