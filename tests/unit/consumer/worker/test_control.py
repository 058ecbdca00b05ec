"""The line between the supervisor and a pipeline process: what is said arrives, and nothing else is listened to."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from consumer.worker.control import (
    ORDERS,
    REPORTS,
    Begin,
    Control,
    DaemonGone,
    Exit,
    Flooding,
    GiveUp,
    MessageError,
    Order,
    Ready,
    Report,
    SessionFailed,
    Sessions,
    SetLogLevel,
    from_json,
    pipelines_end,
    supervisors_end,
    to_json,
)

KEY = b"\x00\xffkey"
BEGIN = Begin({"stream": {"name": "orders"}}, Path("/run/\udcff"), KEY, None)  # a folder's name need be no UTF-8
SAID: tuple[Order, ...] = (BEGIN, SetLogLevel("debug"), DaemonGone(7), GiveUp(2.5), Exit())
ANSWERED: tuple[Report, ...] = (Ready(), Sessions(3), SessionFailed("shardId-0", 7), Flooding(0.25))


@pytest.fixture
def ends() -> Iterator[tuple[Control[Order, Report], Control[Report, Order]]]:
    ours, theirs = socket.socketpair()
    with closing(supervisors_end(ours)) as supervisors, closing(pipelines_end(theirs)) as pipelines:
        yield supervisors, pipelines


def test_messages_arrive_in_order_until_the_other_end_is_gone(
    ends: tuple[Control[Order, Report], Control[Report, Order]],
) -> None:
    supervisors, pipelines = ends
    for order in SAID:
        supervisors.send(order)
    for report in ANSWERED:
        pipelines.send(report)
    assert [next(iter(supervisors)) for _ in ANSWERED] == list(ANSWERED)
    supervisors.close()
    assert tuple(pipelines) == SAID
    pipelines.send(Ready())  # nobody hears it, which is no error


def test_an_end_in_the_middle_of_a_message_is_an_end() -> None:
    ours, theirs = socket.socketpair()
    with closing(pipelines_end(theirs)) as control:
        ours.sendall(to_json(Exit(), ORDERS) + to_json(Exit(), ORDERS)[:-1])
        ours.close()
        assert list(control) == [Exit()]


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"no json\n",
        b"\xff\n",
        b"[]\n",
        b"null\n",
        b"{}\n",
        b'{"kind": "exit", "in": 3}\n',
        b'{"kind": "exti"}\n',
        b'{"kind": "daemon_gone"}\n',
        b'{"kind": "daemon_gone", "demon": 7}\n',
        b'{"kind": "daemon_gone", "daemon": "the last"}\n',
        b'{"kind": "ready"}\n',  # of the other direction
    ],
)
def test_whatever_is_no_message_is_an_error_that_does_not_repeat_it(line: bytes) -> None:
    with pytest.raises(MessageError) as raised:
        from_json(line, ORDERS)
    assert str(raised.value) == ""
    assert raised.value.__suppress_context__


def test_an_order_is_no_report() -> None:
    with pytest.raises(MessageError):
        from_json(to_json(Exit(), ORDERS), REPORTS)


def test_the_key_is_on_the_line_and_in_no_text() -> None:
    sent = from_json(to_json(BEGIN, ORDERS), ORDERS)
    assert isinstance(sent, Begin)
    assert sent.fingerprint_key == KEY
    assert "key" not in repr(BEGIN).replace("fingerprint_key", "")
    assert json.loads(to_json(BEGIN, ORDERS)).keys() == {"kind", "settings", "folder", "fingerprint_key", "digest"}
