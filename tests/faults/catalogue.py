"""The faults by name, for the scenarios and for the soak."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.faults import actions
from tests.faults.messages import Action, Request
from tests.faults.wire import Wire

Fault = tuple[Callable[[], Action], dict[str, Any]]
"""Makes an action; and how the rule narrows it down."""

WRITES: Final[Mapping[str, Fault]] = {
    "late": (lambda: actions.late(0.5), {}),
    "request_lost": (actions.lost_request, {"share": 0.5}),
    "answer_lost": (actions.lost_answer, {"share": 0.5}),
    "silent_not_applied": (lambda: actions.silence(applied=False), {"share": 0.3}),
    "silent_applied": (lambda: actions.silence(applied=True), {"share": 0.3}),
    "answer_cut_in_its_head": (lambda: actions.cut(0.2), {"share": 0.5}),
    "answer_cut_in_its_body": (lambda: actions.cut(0.99), {"share": 0.5}),
    "http_500": (lambda: actions.error(500, "InternalServerError"), {"share": 0.5}),
    "http_503": (lambda: actions.error(503, "ServiceUnavailable"), {"share": 0.5}),
    "http_502_of_a_balancer": (lambda: actions.error(502, ""), {"share": 0.5}),
    "wrong_checksum": (actions.wrong_checksum, {"share": 0.5}),
    "foreign_200": (actions.foreign, {"share": 0.5}),
    "foreign_200_of_json": (lambda: actions.foreign(b'{"status":"ok"}'), {"share": 0.5}),
    "empty_200": (lambda: actions.foreign(b""), {"share": 0.5}),
    "throughput_exceeded": (lambda: actions.error(400, "ProvisionedThroughputExceededException"), {"share": 0.6}),
    "throttled": (lambda: actions.error(400, "ThrottlingException"), {"share": 0.6}),
    "all_unprocessed": (lambda: actions.unprocessed(1.0), {"share": 0.6}),
    "some_unprocessed": (lambda: actions.unprocessed(0.4, seed=1), {}),
    "expired_credentials": (lambda: actions.error(400, "ExpiredTokenException"), {"share": 0.5}),
    "access_denied": (lambda: actions.error(400, "AccessDeniedException"), {"share": 0.5}),
    "table_missing": (lambda: actions.error(400, "ResourceNotFoundException"), {"share": 0.5}),
}
"""What may happen to a BatchWriteItem."""

READS: Final[Mapping[str, Fault]] = {
    "throughput_exceeded": (lambda: actions.error(400, "ProvisionedThroughputExceededException"), {"share": 0.7}),
    "http_500": (lambda: actions.error(500, "InternalFailure"), {"share": 0.7}),
    "http_503": (lambda: actions.error(503, "ServiceUnavailable"), {"share": 0.7}),
    "http_502_of_a_balancer": (lambda: actions.error(502, ""), {"share": 0.7}),
    "expired_iterator": (lambda: actions.error(400, "ExpiredIteratorException"), {"share": 0.7}),
    "late": (lambda: actions.late(0.7), {"share": 0.7}),
    "access_denied": (lambda: actions.error(400, "AccessDeniedException"), {"share": 0.7}),
}
"""What may happen to a GetRecords."""

WIRE: Final[Mapping[str, Callable[[Wire], None]]] = {
    "latency": lambda wire: setattr(wire, "latency", 0.2),
    "stall": lambda wire: wire.stall(),
    "reset": lambda wire: wire.reset_all(),
    "cut": lambda wire: setattr(wire, "cut_after", 900),
    "refuse": lambda wire: wire.refuse(),
}
"""What may happen to connections."""


def mend(wire: Wire) -> None:
    """End whatever is wrong with a wire."""
    wire.latency, wire.cut_after = 0.0, None
    wire.flow()
    wire.accept()


def is_checkpoint(request: Request) -> bool:
    """Tell KCL's checkpoints from its renewals of a lease: both are UpdateItem."""
    return b'"checkpoint":' in request.body or b":checkpoint" in request.body
