"""The template's policies grant what real runs call, and nothing else."""

from collections.abc import Iterable, Iterator

import pytest

from tests.deploy.iam import Call, Difference, Grant, Statement, compare, is_granted, single
from tests.deploy.iam_assumed import (
    LEASES,
    LEAST,
    LOOKER,
    OPERATOR,
    OPERATOR_BY_SETTING,
    OPERATORS,
    OUTPUT,
    PATTERNS,
    WORKER,
    WORKER_LATER,
    everything,
    granted,
    read_stream,
    use_tables,
)
from tests.deploy.iam_runs import CONSUMER, FAN_OUT, MODES, Recording, record
from tests.deploy.iam_template import arn
from tests.deploy.template import stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

NOTHING = Difference(frozenset(), frozenset())
OWN_KEY = arn("kms", "key/Key")
SUBSCRIBES = Call("kinesis:SubscribeToShard", CONSUMER)
WRITES = {Call("dynamodb:BatchWriteItem", OUTPUT), Call("dynamodb:PutItem", OUTPUT)}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return record(tmp_path_factory.mktemp("iam"))


def worker_calls(recording: Recording, mode: str) -> set[Call]:
    """Return what a worker of that mode calls in all of its life: the modes differ in how they write documents."""
    others = frozenset().union(*(recording.worker[kind] for kind in recording.worker if kind != mode))
    return set(recording.worker[mode] | (others - WRITES))


def statements(recording: Recording, mode: str, *principals: str) -> list[Statement]:
    return granted(everything(recording.secret, recording.wrapping_key, WriteMode=mode), *principals)


def cases(recording: Recording) -> Iterator[tuple[list[Statement], set[Call]]]:
    """Yield each policy with all that is called under it."""
    for mode in MODES:
        worker = worker_calls(recording, mode) | set(WORKER) | set(WORKER_LATER)
        yield statements(recording, mode, "TaskRole"), worker
        yield statements(recording, mode, *OPERATORS), {*recording.operator[mode], *OPERATOR}


def without_keys(calls: Iterable[Call]) -> set[Call]:
    return {call for call in calls if not call.action.startswith(("kms:", "secretsmanager:"))}


def test_every_request_was_understood(recording: Recording) -> None:
    assert recording.strange == frozenset()


@pytest.mark.parametrize("mode", MODES)
def test_the_worker_is_granted_what_it_calls_and_nothing_else(recording: Recording, mode: str) -> None:
    calls = worker_calls(recording, mode) | set(WORKER) | set(WORKER_LATER)
    assert compare(statements(recording, mode, "TaskRole"), calls) == NOTHING


@pytest.mark.parametrize("mode", MODES)
def test_operators_are_granted_what_their_commands_call_and_nothing_else(recording: Recording, mode: str) -> None:
    calls = recording.operator[mode] | set(OPERATOR)
    assert compare(statements(recording, mode, *OPERATORS), calls, PATTERNS) == NOTHING


@pytest.mark.parametrize("mode", MODES)
def test_who_only_looks_needs_the_first_policy_alone(recording: Recording, mode: str) -> None:
    looks = statements(recording, mode, "LookPolicy")
    assert recording.looker[mode]
    assert compare(looks, recording.looker[mode]).missing == frozenset()
    for call in recording.operator[mode] - recording.looker[mode]:  # and no more than that
        assert not is_granted(looks, call), call


@pytest.mark.parametrize("mode", MODES)
def test_options_that_are_not_chosen_grant_nothing(recording: Recording, mode: str) -> None:
    least = stack(**{**LEAST, "WriteMode": mode})
    with_key = {read_stream(OWN_KEY), use_tables(OWN_KEY)}
    worker = without_keys(worker_calls(recording, mode)) - {SUBSCRIBES} | set(WORKER_LATER) | with_key
    put = next(call for call in OPERATOR if call.action == "kms:GenerateDataKey")._replace(resource=OWN_KEY)
    operator = without_keys(recording.operator[mode]) | {*OPERATOR_BY_SETTING, *LOOKER, put} | with_key
    assert compare(granted(least, "TaskRole"), worker) == NOTHING
    assert compare(granted(least, *OPERATORS), operator, PATTERNS) == NOTHING


def test_what_is_only_assumed_is_not_recorded(recording: Recording) -> None:
    assert not any(set(WORKER) & calls for calls in recording.worker.values())
    assert not any(set(OPERATOR) & calls for calls in recording.operator.values())


def test_by_fan_out_nothing_but_the_subscription_is_called_besides(recording: Recording) -> None:
    assert recording.worker[FAN_OUT] - recording.worker["put"] - recording.worker["newest"] == {SUBSCRIBES}


def test_each_grant_that_is_taken_away_is_named(recording: Recording) -> None:
    for may, calls in cases(recording):
        alone = single(may)
        for taken in alone:
            (action,), (resource,) = taken.actions, taken.resources
            found = compare([each for each in alone if each is not taken], calls, PATTERNS)
            assert {missing for missing, _ in found.missing} == {action}
            assert all(taken.takes(call) for call in calls if (call.action, call.resource) in found.missing)
            assert resource in PATTERNS or {missing for _, missing in found.missing} == {resource}
            assert not found.unused


@pytest.mark.parametrize(
    "more",
    [
        Grant("dynamodb:CreateTable", LEASES),
        Grant("dynamodb:*", OUTPUT),
        Grant("dynamodb:Scan", arn("dynamodb", "table/*")),
        Grant("dynamodb:DescribeTable", "*"),
        Grant("kinesis:RegisterStreamConsumer", arn("kinesis", "stream/iam")),
    ],
)
def test_a_grant_too_many_is_named(recording: Recording, more: Grant) -> None:
    for may, calls in cases(recording):
        added = Statement(allows=True, actions=(more.action,), resources=(more.resource,), conditions=())
        assert compare([*may, added], calls, PATTERNS) == Difference(frozenset(), frozenset({more}))
