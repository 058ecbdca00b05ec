"""Who is to be replaced, who is only to be told of, and who is at work."""

import dataclasses

import pytest

from consumer.pipeline.crash_journal import JournalReading, Stage
from consumer.web.health import (
    _CAUSES,
    ENDS_UNHEALTHY,
    FAILURES_UNHEALTHY,
    RESTART_SECONDS,
    TURN_SECONDS,
    UNANSWERED_SECONDS,
    UNREAD_SECONDS,
    Condition,
    EndedShards,
    Reason,
    Report,
    Status,
    deadlocked,
    live,
    ready,
)
from consumer.worker.daemon_runner import RESTART_REASONS
from tests.kits.page import WELL


def but(**changes: object) -> Condition:
    return dataclasses.replace(WELL, **changes)  # type: ignore[arg-type]


def test_workers_that_differ_are_told_of_and_nobody_is_replaced() -> None:
    """A rolling deployment is such a mixture."""
    for report in (live(but(differing=["w2", "w1"])), ready(but(differing=["w2", "w1"]))):
        assert (report.status, codes(report)) == (Status.DEGRADED, ["workers_differ"])
        assert "w1, w2" in report.reasons[0].detail


def codes(report: Report) -> list[str]:
    return [reason.code for reason in report.reasons]


def test_a_worker_that_works_is_live_and_ready() -> None:
    assert live(WELL) == ready(WELL) == Report(Status.OK)


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        (but(has_served=False, is_serving=False), "starting"),
        (but(failures=FAILURES_UNHEALTHY, is_steady=False), "daemon_failing"),
        (but(turned_ago=TURN_SECONDS + 1), "supervisor_stuck"),
        (but(ended_in_vain={"s-1"}), "shard_stuck"),
        (but(deadlocked={"s-1"}), "shard_deadlocked"),
    ],
)
def test_what_a_new_container_would_mend_is_a_failure(condition: Condition, code: str) -> None:
    report = live(condition)
    assert (report.status, codes(report)) == (Status.FAILING, [code])


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        (but(in_flight={"s-1": 1.0, "s-2": 7200.0}), "batch_in_flight"),
        (but(failures=FAILURES_UNHEALTHY - 1, is_steady=False), "daemon_restarted"),
        (but(unanswered={"s-1": 1.0, "s-2": UNANSWERED_SECONDS + 1}), "nothing_read"),
        (but(leases_seen_ago=UNANSWERED_SECONDS + 1), "leases_not_seen"),
        (but(leased=["s-1"], unread_for=UNREAD_SECONDS + 1, leased_for=UNREAD_SECONDS + 1), "no_shard_read"),
        (but(unread_for=46.0), "no_shard_read"),
        (but(ownerless={"s-1": 1.0, "s-2": 46.0}), "shards_without_owner"),
    ],
)
def test_what_it_would_not_mend_is_told(condition: Condition, code: str) -> None:
    """A table that throttles for hours would have all workers replaced, again and again."""
    for report in (live(condition), ready(condition)):
        assert (report.status, codes(report)) == (Status.DEGRADED, [code])


def test_what_is_only_a_start_a_hand_over_or_a_takeover_is_not_told() -> None:
    assert live(but(leased=["s-1"], unread_for=45.0, leased_for=UNREAD_SECONDS)) == Report(Status.OK)
    assert live(but(unread_for=45.0)) == Report(Status.OK)
    assert live(but(ownerless={"s-1": 45.0})) == Report(Status.OK)


def test_how_many_leases_are_lost_and_which_shards_lie_unread_is_told() -> None:
    [reason] = live(but(leased=["s-1", "s-2"], unread_for=60.0, leased_for=60.0)).reasons
    assert reason.detail == "no shard is read: 2 leases lost"
    [reason] = live(but(unread_for=60.0)).reasons
    assert reason.detail == "no shard is read: no worker holds a lease"
    [reason] = live(but(ownerless={"s-1": 60.0, "s-2": 61.0, "s-3": 1.0})).reasons
    assert reason.detail.startswith("no living worker has had the lease for up to 61 seconds: s-1, s-2;")


def test_what_was_noticed_elsewhere_is_told_and_fails_nothing() -> None:
    reason = Reason("kcl_errors", "KCL has logged 57 errors in the last 5 minutes")
    for report in (live(WELL, [reason]), ready(WELL, [reason])):
        assert report == Report(Status.DEGRADED, (reason,))
    assert live(but(is_stopping=True), [reason]).status is Status.OK


def test_failures_of_the_past_are_forgotten_when_the_daemon_has_lived_for_a_while() -> None:
    assert live(but(failures=FAILURES_UNHEALTHY)) == Report(Status.OK)


@pytest.mark.parametrize(
    ("failures", "why", "detail"),
    [
        (1, "pipeline_died", "the daemon has been started anew, because a pipeline process had died"),
        (3, "daemon_exit", "the daemon has been started anew 3 times in a row, the last time because it had ended by"),
    ],
)
def test_what_had_failed_is_told(failures: int, why: str, detail: str) -> None:
    [reason] = live(but(failures=failures, failed_for=why, is_steady=False)).reasons
    assert reason.detail.startswith(detail)


def test_each_reason_of_a_restart_can_be_told() -> None:
    assert {*_CAUSES, "fetch_size"} == {*RESTART_REASONS}


def test_who_is_silent_and_for_how_long_is_told() -> None:
    [reason] = ready(but(unanswered={"s-1": 1.0, "s-2": 85.0, "s-3": 45.0})).reasons
    assert reason.detail.startswith("the stream has given no answer for up to 85 seconds: s-2, s-3;")
    assert ready(but(unanswered={"s-1": 29.0}, leases_seen_ago=29.0)) == Report(Status.OK)


def test_every_reason_is_named() -> None:
    report = live(but(ended_in_vain={"s-1"}, turned_ago=1e6, failures=9, is_steady=False))
    assert codes(report) == ["supervisor_stuck", "daemon_failing", "shard_stuck"]


def test_a_reason_names_the_shards_but_not_hundreds() -> None:
    [reason] = live(but(in_flight={f"s-{number:03}": 400.0 for number in range(200)})).reasons
    assert "s-000, s-001, s-002, s-003, s-004 and 195 more" in reason.detail
    assert "300 seconds" in reason.detail


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        (but(has_served=False, is_serving=False), "starting"),
        (but(is_serving=False), "restarting"),
        (but(is_stopping=True, is_serving=False), "stopping"),
    ],
)
def test_who_is_not_at_work_is_not_ready(condition: Condition, code: str) -> None:
    report = ready(condition)
    assert (report.status, codes(report)) == (Status.FAILING, [code])


def test_a_worker_that_stops_is_left_to_it() -> None:
    """Its stop has time limits of its own, and its main loop turns no more."""
    report = live(but(is_stopping=True, is_serving=False, turned_ago=1e6, ended_in_vain={"s-1"}))
    assert (report.status, codes(report)) == (Status.OK, ["stopping"])


def test_a_shard_ended_again_and_again_is_stuck_in_vain() -> None:
    ended = EndedShards(stuck_seconds=300)
    for number in range(ENDS_UNHEALTHY):
        assert ended.in_vain(number * 320.0) == set()
        ended.note("s-1", number * 320.0)
        ended.note(f"s-{number + 2}", number * 320.0)
    last = (ENDS_UNHEALTHY - 1) * 320.0
    assert ended.in_vain(last) == {"s-1"}
    assert ended.in_vain(last + 2 * (300 + RESTART_SECONDS) + 1) == set()  # the last end has helped


def test_ends_far_apart_are_no_series() -> None:
    ended = EndedShards(stuck_seconds=300)
    for number in range(2 * ENDS_UNHEALTHY):
        ended.note("s-1", number * 3600.0)
        assert ended.in_vain(number * 3600.0) == set()


def test_a_batch_may_wait_for_memory_as_long_as_others_of_its_process_work() -> None:
    seen = {
        "s-1": JournalReading(Stage.WAITING, 7, 1),
        "s-2": JournalReading(Stage.SETTLING, 7, 1),
        "s-3": JournalReading(Stage.WAITING, 8, 1),
        "s-4": JournalReading(Stage.WAITING, 8, 1),
    }
    assert deadlocked({"s-1": 400.0, "s-3": 400.0, "s-4": 1.0, "s-9": 400.0}, 300.0, seen) == {"s-3"}
