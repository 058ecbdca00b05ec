"""What the processes of a worker share: sockets and ids; and that none outlives its parent."""

import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import StartError
from consumer.worker import runtime_folder, tethered
from consumer.worker.runtime_folder import RuntimeFolder
from consumer.worker.shim import slot_of
from consumer.worker.worker_id import WorkerId


@given(st.integers(0, 10**11), st.integers(1, 64))
def test_neighbouring_shards_go_to_different_processes(first: int, processes: int) -> None:
    slots = [slot_of(f"shardId-{first + i:012d}", processes) for i in range(2 * processes)]
    assert Counter(slots) == dict.fromkeys(range(processes), 2)


@given(st.text(max_size=30), st.integers(1, 64))
def test_every_shard_has_one_process_for_ever(shard: str, processes: int) -> None:
    assert slot_of(shard, processes) == slot_of(shard, processes)
    assert 0 <= slot_of(shard, processes) < processes


def test_the_process_of_an_odd_shard_does_not_depend_on_the_run() -> None:
    assert slot_of("no-digits-here", 1000) == 128  # CRC-32, not Python's salted hash


def test_the_worker_id_is_kept_with_its_folder(tmp_path: Path) -> None:
    first = WorkerId(tmp_path)
    first.lock.close()
    second = WorkerId(tmp_path)
    second.lock.close()
    assert first.value == second.value
    (tmp_path / "other").mkdir()
    other = WorkerId(tmp_path / "other")
    other.lock.close()
    assert other.value != first.value


def test_a_second_worker_cannot_have_the_same_id(tmp_path: Path) -> None:
    first = WorkerId(tmp_path)
    with pytest.raises(BlockingIOError):
        WorkerId(tmp_path)
    heir = os.dup(first.lock.fileno())  # as the daemon inherits it
    first.lock.close()
    with pytest.raises(BlockingIOError):
        WorkerId(tmp_path)
    os.close(heir)
    WorkerId(tmp_path).lock.close()


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (
            {
                "DockerId": "0123456789abcdef",
                "Labels": {"com.amazonaws.ecs.task-arn": "arn:aws:ecs:eu-central-1:1:task/cluster/3f2a"},
            },
            "3f2a-",
        ),
        ({"Labels": {}}, None),
        ([], None),
    ],
)
def test_in_ecs_the_id_names_the_task_and_is_unique_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metadata: Any, expected: str | None
) -> None:
    asked = []

    def answer(uri: str, timeout: float) -> io.BytesIO:
        asked.append((uri, timeout))
        return io.BytesIO(json.dumps(metadata).encode())

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    monkeypatch.setenv("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/abc")
    made = WorkerId(tmp_path)
    made.lock.close()
    assert asked == [("http://169.254.170.2/v4/abc", 2)]
    assert made.value.startswith(expected or "")
    assert len(made.value) == (len("3f2a-") + 12 if expected else 36)
    other = tmp_path / "another worker in the same container"
    other.mkdir()
    second = WorkerId(other)
    second.lock.close()
    assert second.value != made.value


def test_only_the_link_local_address_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: pytest.fail("asked"))
    monkeypatch.setenv("ECS_CONTAINER_METADATA_URI_V4", "http://metadata.example/v4")
    WorkerId(tmp_path).lock.close()


def test_a_temporary_folder_goes_with_its_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = RuntimeFolder(None)
    assert folder.path.parent == tmp_path
    assert folder.path.stat().st_mode & 0o077 == 0
    folder.worker_id.lock.close()
    folder.close()
    assert list(tmp_path.iterdir()) == []


def test_a_configured_folder_keeps_the_id_and_forgets_the_metrics(tmp_path: Path) -> None:
    folder = RuntimeFolder(tmp_path / "a" / "b")
    (folder.metrics / "counter_x.db").write_text("old")
    folder.worker_id.lock.close()
    folder.close()
    again = RuntimeFolder(tmp_path / "a" / "b")
    again.worker_id.lock.close()
    assert again.worker_id.value == folder.worker_id.value
    assert list(again.metrics.iterdir()) == []


def test_two_workers_in_one_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_folder, "_LOCK_SECONDS", 0.0)
    folder = RuntimeFolder(tmp_path)
    with pytest.raises(StartError, match="Another worker lives in"):
        RuntimeFolder(tmp_path)
    folder.worker_id.lock.close()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot be used"):
        RuntimeFolder(tmp_path / "file" / "below")


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o2775])
def test_a_folder_that_others_write_is_refused_and_one_inside_of_it_is_made(tmp_path: Path, mode: int) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(mode)
    with pytest.raises(StartError, match="can be written by others: let runtime_dir name a folder inside of it"):
        RuntimeFolder(shared)
    assert list(shared.iterdir()) == []
    folder = RuntimeFolder(shared / "own")
    assert folder.path.stat().st_mode & 0o077 == 0
    folder.worker_id.lock.close()


def test_the_sockets_work_in_a_folder_with_a_long_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RuntimeFolder(tmp_path / ("long name " * 12))
    folder.worker_id.lock.close()
    folder.listen(0).close()
    monkeypatch.chdir(folder.path)
    with folder.listen(0), socket.socket(socket.AF_UNIX) as shim:  # also over what an earlier worker left
        shim.connect("./pipeline-0.sock")


def ends(pid: int) -> bool:
    descriptor = os.pidfd_open(pid)
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's tie")
def test_a_tethered_child_ends_with_its_parent() -> None:
    child = f"[sys.executable, '-I', '-S', '-E', {tethered.__file__!r}, str(os.getpid()), '/bin/sleep', '60']"
    code = f"import os, subprocess, sys\nprint(subprocess.Popen({child}).pid, flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.send_signal(signal.SIGKILL)
        assert ends(pid)


def test_a_child_whose_parent_is_gone_already_does_not_begin() -> None:
    command = [sys.executable, "-I", "-S", "-E", tethered.__file__, "1", "/bin/echo", "begun"]
    run = subprocess.run(command, capture_output=True, check=False)
    assert (run.returncode, run.stdout) == (1, b"")
