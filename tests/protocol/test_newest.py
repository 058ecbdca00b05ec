"""`write_mode: newest` against a real table: neither a redelivery nor a zombie puts an old document over a newer one.

The same scenarios under `put` show that they bite.
"""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from consumer.local.cloud.process import Cloud
from tests.kits.daemon import CARD, SECONDS, Child, record

KEYS = {"partition_key": "{user_id}", "sort_key": "latest#{user_id}"}
BY_FIELD = {"write_mode": "newest", "version_field": "at"} | KEYS
BY_PLACE = {"write_mode": "newest"} | KEYS
PUT = {"write_mode": "put"} | KEYS
USER = "user-1"


def sections(output: dict[str, Any], table: str) -> dict[str, Any]:
    by_place = output["write_mode"] == "newest" and "version_field" not in output
    stream = {"name": "orders"} | ({"partition_key_field": "user_id"} if by_place else {})
    return {"output": output | {"table": table}, "stream": stream}


def made(sequence: int, at: int, user: str = USER, key: str = USER) -> dict[str, Any]:
    return record(sequence, user_id=user, at=at) | {"partitionKey": key}


def stored(worker: Any) -> dict[str, tuple[int, str]]:
    """Return what each user's item says, and the record that it was made of."""
    items = worker.dynamodb.scan(TableName=worker.settings.output.table, ConsistentRead=True)["Items"]
    return {item["user_id"]["S"]: (int(item["at"]["N"]), item["_sanitizer"]["M"]["sequence"]["S"]) for item in items}


class Gate:
    """A way to a server on which, while it is shut, requests stay."""

    def __init__(self, server: str) -> None:
        self._address = (urlsplit(server).hostname, urlsplit(server).port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._is_open = threading.Event()
        self._is_open.set()
        self._sockets = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.is_held = threading.Event()
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def shut(self) -> None:
        self._is_open.clear()

    def open(self) -> None:
        self._is_open.set()

    def close(self) -> None:
        self.open()
        for each in list(self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(SECONDS)
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._address)
                self._sockets += [client, server]
                for source, target, is_held in ((client, server, True), (server, client, False)):
                    thread = threading.Thread(target=self._pump, args=(source, target), kwargs={"is_held": is_held})
                    self._threads.append(thread)
                    thread.start()

    def _pump(self, source: socket.socket, target: socket.socket, *, is_held: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_held and not self._is_open.is_set():
                    self.is_held.set()
                    self._is_open.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def workers(own_worker: Callable[..., Any], request: pytest.FixtureRequest) -> Callable[..., tuple[Any, Any]]:
    """Make two workers that write to one table, the first of them by a way of its own, if one is given."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:100]

    def make(output: dict[str, Any], way: str | None = None) -> tuple[Any, Any]:
        with pytest.MonkeyPatch.context() as patch:
            if way:
                patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", way)
            first = own_worker(**sections(output, name))
        return first, own_worker(**sections(output, name))

    return make


def test_what_arrives_late_is_superseded_and_checkpointed(workers: Any) -> None:
    one, other = workers(BY_FIELD)
    child = one.child("shardId-000000000001").initialize()
    assert child.process_records(made(10, at=2)) == [("10", 0)]
    late = other.child("shardId-000000000002").initialize()
    assert late.process_records(made(20, at=1), made(21, at=1, user="another")) == [("21", 0)]
    assert stored(one) == {USER: (2, "10"), "another": (1, "21")}
    assert other.outcomes(late.shard) == {"duplicate": 1, "stored": 1}
    assert late.process_records(made(22, at=3)) == [("22", 0)]
    assert stored(one)[USER] == (3, "22")


@pytest.mark.parametrize(
    ("output", "left"), [(BY_PLACE, (2, "11")), (BY_FIELD, (2, "11")), (PUT, (1, "10"))], ids=["place", "field", "put"]
)
def test_a_redelivery_to_another_worker_changes_nothing(workers: Any, output: Any, left: tuple[int, str]) -> None:
    """The first worker stored 10 and 11 and died before it could checkpoint; the next one begins with 10."""
    one, other = workers(output)
    shard = "shardId-000000000001"
    one.child(shard).initialize().process_records(made(10, at=1), made(11, at=2), errors=("ThrottlingException",) * 9)
    again = other.child(shard).initialize()
    assert again.process_records(made(10, at=1)) == [("10", 0)]
    assert stored(one)[USER] == left  # under `put` older than it was, until 11 is delivered again
    assert again.process_records(made(11, at=2)) == [("11", 0)]
    assert stored(one)[USER] == (2, "11")


@pytest.mark.parametrize(
    ("output", "left"), [(BY_PLACE, (2, "11")), (BY_FIELD, (2, "11")), (PUT, (1, "10"))], ids=["place", "field", "put"]
)
def test_a_worker_that_was_frozen_and_wakes_changes_nothing(workers: Any, output: Any, left: tuple[int, str]) -> None:
    frozen, successor = workers(output)
    shard = "shardId-000000000001"
    zombie = frozen.child(shard).initialize()
    os.kill(frozen.process.pid, signal.SIGSTOP)
    os.waitpid(frozen.process.pid, os.WUNTRACED)  # it has stopped, and will not write first
    try:
        zombie.send("processRecords", records=[made(10, at=1)], millisBehindLatest=0)
        assert successor.child(shard).initialize().process_records(made(10, at=1), made(11, at=2)) == [("11", 0)]
    finally:
        os.kill(frozen.process.pid, signal.SIGCONT)
    # It learns that its lease is lost when it checkpoints, after its write.
    assert zombie.settle("processRecords", "ShutdownException") == [("10", 0)]
    assert stored(successor)[USER] == left
    assert frozen.outcomes(shard) == ({"stored": 1} if output is PUT else {"duplicate": 1})


@pytest.mark.parametrize(
    ("output", "left"), [(BY_PLACE, (2, "11")), (BY_FIELD, (2, "11")), (PUT, (1, "10"))], ids=["place", "field", "put"]
)
def test_a_write_that_was_long_under_way_changes_nothing(
    workers: Any, cloud: Cloud, output: Any, left: tuple[int, str]
) -> None:
    with contextlib.closing(Gate(cloud.endpoint)) as gate:
        frozen, successor = workers(output | {"timeout_seconds": 30}, gate.endpoint)
        shard = "shardId-000000000001"
        zombie = frozen.child(shard).initialize()
        gate.shut()
        zombie.send("processRecords", records=[made(10, at=1)], millisBehindLatest=0)
        assert gate.is_held.wait(SECONDS)
        assert successor.child(shard).initialize().process_records(made(10, at=1), made(11, at=2)) == [("11", 0)]
        assert stored(successor)[USER] == (2, "11")
        gate.open()
        assert zombie.settle("processRecords", "ShutdownException") == [("10", 0)]
        assert stored(successor)[USER] == left


def test_another_partition_key_is_quarantined(own_worker: Any) -> None:
    worker = own_worker(**sections(BY_PLACE, "differs"))
    child: Child = worker.child().initialize()
    assert child.process_records(made(1, at=1), made(2, at=2, key=CARD)) == [("2", 0)]
    assert stored(worker) == {USER: (1, "1")}
    assert worker.quarantined(child.shard) == {"2#0": "partition_key_differs"}
