"""One thread at work at a time, in the order of asking."""

import threading

from consumer import thread_turns
from consumer.thread_turns import beside, waiting, working
from tests.kits.threads import SECONDS, until


def test_one_works_and_the_others_follow_in_the_order_of_asking() -> None:
    order: list[int] = []

    def work(number: int) -> None:
        with working():
            order.append(number)

    threads = []
    with working():
        for number in range(5):
            thread = threading.Thread(target=work, args=(number,))
            thread.start()
            threads.append(thread)
            until(lambda: len(thread_turns._TURN._waiting) == len(threads))
        assert order == []  # nobody beside the one whose turn it is
    for thread in threads:
        thread.join(SECONDS)
    assert order == list(range(5))
    assert not thread_turns._TURN.holder


def test_who_waits_lets_others_work() -> None:
    done = threading.Event()

    def work() -> None:
        with working():
            done.set()

    with working():
        thread = threading.Thread(target=work)
        thread.start()
        with waiting():
            assert done.wait(SECONDS)
        assert thread_turns._TURN.holder == threading.get_ident()
    thread.join(SECONDS)
    assert not thread_turns._TURN.holder


def test_waiting_changes_nothing_for_a_thread_that_is_not_at_work() -> None:
    done, begun = threading.Event(), threading.Event()

    def work() -> None:
        with working():
            begun.set()
            assert done.wait(SECONDS)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(SECONDS)
    with waiting():
        assert thread_turns._TURN.holder == thread.ident
    assert thread_turns._TURN.holder == thread.ident
    done.set()
    thread.join(SECONDS)
    assert not thread_turns._TURN.holder


def test_who_works_beside_the_others_lets_them_have_their_turns_and_is_the_only_one_to() -> None:
    here, there, done = threading.Event(), threading.Event(), threading.Event()

    def work(began: threading.Event) -> None:
        with working(), beside():
            began.set()
            assert done.wait(SECONDS)

    first, second = (threading.Thread(target=work, args=(began,)) for began in (here, there))
    first.start()
    assert here.wait(SECONDS)
    second.start()
    with working():  # a turn, while one works beside it, and another waits for that
        assert not there.is_set()
    done.set()
    for thread in (first, second):
        thread.join(SECONDS)
    assert there.is_set()
    assert not thread_turns._TURN.holder
    assert not thread_turns._LONG.locked()


def test_beside_changes_nothing_for_a_thread_that_is_not_at_work() -> None:
    with beside():
        assert not thread_turns._LONG.locked()
