"""Which processes are a worker's, as real ones name themselves."""

import sys
from pathlib import Path

import pytest

from consumer.worker.on_this_machine import Process, processes
from tests.kits.stand_in_worker import stand_in

APPLICATION = "on-this-machine"


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_the_processes_of_a_worker_are_found_by_its_application() -> None:
    with stand_in(APPLICATION) as pids:
        assert processes(APPLICATION) == [
            Process(pids.supervisor, f"sanitizer-supervisor {APPLICATION}"),
            Process(pids.pipeline, "sanitizer-pipeline 0"),
            Process(pids.daemon, "sh"),
        ]
        assert processes(f"{APPLICATION}-2") == []
        assert processes(APPLICATION[:-1]) == []


def test_elsewhere_nothing_is_known(tmp_path: Path) -> None:
    assert processes(APPLICATION, tmp_path / "none") == []


def test_a_supervisor_that_ends_while_it_is_looked_at_has_no_children(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cmdline").write_text(f"sanitizer-supervisor {APPLICATION}\0")
    assert processes(APPLICATION, tmp_path) == [Process(7, f"sanitizer-supervisor {APPLICATION}")]
