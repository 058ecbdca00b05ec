"""All together, or one alone."""

import threading
from contextlib import ExitStack

import pytest

from consumer.pipeline.isolation import Isolation
from tests.kits.threads import SECONDS, until


def test_who_is_alone_has_no_isolation_and_nobody_waits_for_ever() -> None:
    isolation = Isolation()
    inside: list[str] = []
    most: list[int] = []
    gates = {name: threading.Event() for name in ("a", "b", "alone", "c")}

    def work(name: str) -> None:
        with isolation.exclusive() if name == "alone" else isolation.shared():
            inside.append(name)
            most.append(len(inside))
            assert gates[name].wait(SECONDS)
            inside.remove(name)

    threads = {name: threading.Thread(target=work, args=(name,)) for name in gates}
    with ExitStack() as stack:
        for gate in gates.values():
            stack.callback(gate.set)
        threads["a"].start()
        threads["b"].start()
        until(lambda: sorted(inside) == ["a", "b"])
        threads["alone"].start()
        gates["a"].set()
        threads["a"].join(SECONDS)
        assert inside == ["b"]
        gates["b"].set()
        until(lambda: inside == ["alone"])
        threads["c"].start()
        gates["alone"].set()
        until(lambda: inside == ["c"])
        gates["c"].set()
    for thread in threads.values():
        thread.join(SECONDS)
    assert most == [1, 2, 1, 1]


def test_an_error_leaves_the_place_free() -> None:
    isolation = Isolation()
    for block in (isolation.exclusive, isolation.shared, isolation.exclusive):
        with pytest.raises(ZeroDivisionError), block():
            _ = 1 / 0
