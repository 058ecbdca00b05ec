"""Taking over from a dead leader, on tables as KCL keeps them."""

import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from consumer import tables
from consumer.kcl.leases.tables import REPORT_SECONDS, LeaseTables, tables_of
from consumer.kcl.leases.takeover import COUNT_SECONDS, LEFT_LYING, PATIENCE, Takeover
from consumer.local.cloud.process import Cloud
from consumer.metrics import Metrics
from consumer.settings import Settings, lease_tables
from tests.kits.log import RecordingLog

FAILOVER = 10.0
ENOUGH = PATIENCE * FAILOVER + 1


class Kcl:
    """The lease table and its workers, as KCL would have them."""

    def __init__(self, application: str) -> None:
        self.settings = Settings.model_validate(
            {
                "kcl": {"application": application, "failover_ms": int(FAILOVER * 1000)},
                "output": {"table": f"{application}-out"},
                "quarantine": {"table": f"{application}-quarantine"},
            }
        )
        tables.create(self.settings)
        self.leases, self.worker_metrics, self.coordinator = lease_tables(application)
        self.dynamodb: Any = boto3.client("dynamodb")

    def lease(self, key: int, owner: str | None, checkpoint: str = "TRIM_HORIZON", **more: Any) -> None:
        item = {"leaseKey": {"S": f"shard-{key}"}, "leaseCounter": {"N": "7"}, "checkpoint": {"S": checkpoint}, **more}
        if owner:
            item["leaseOwner"] = {"S": owner}
        self.dynamodb.put_item(TableName=self.leases, Item=item)

    def lead(self, owner: str, version: str = "v1") -> None:
        item = {"key": {"S": "Leader"}, "ownerName": {"S": owner}, "recordVersionNumber": {"S": version}}
        self.dynamodb.put_item(TableName=self.coordinator, Item=item)
        self.dynamodb.put_item(TableName=self.worker_metrics, Item={"wid": {"S": owner}})

    def report(self, owner: str, age: float = 0.0) -> None:
        item = {"wid": {"S": owner}, "lut": {"N": str(int(time.time() - age))}}
        self.dynamodb.put_item(TableName=self.worker_metrics, Item=item)

    def renew(self, owner: str) -> None:
        for item in self.dynamodb.scan(TableName=self.leases)["Items"]:
            if item.get("leaseOwner", {}).get("S") == owner:
                self.dynamodb.update_item(
                    TableName=self.leases,
                    Key={"leaseKey": item["leaseKey"]},
                    UpdateExpression="ADD leaseCounter :one",
                    ExpressionAttributeValues={":one": {"N": "1"}},
                )

    def owners(self) -> dict[str, str | None]:
        items = self.dynamodb.scan(TableName=self.leases)["Items"]
        return {item["leaseKey"]["S"]: item.get("leaseOwner", {}).get("S") for item in items}

    def leader(self) -> str | None:
        item = self.dynamodb.get_item(TableName=self.coordinator, Key={"key": {"S": "Leader"}}).get("Item")
        return item["ownerName"]["S"] if item else None


@pytest.fixture
def kcl(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Kcl:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    return Kcl(f"a{abs(hash(request.node.name))}")


@pytest.fixture
def watch(kcl: Kcl, log: Any) -> Callable[..., Takeover]:
    return lambda me="me", is_serving=True, served=(): Takeover(
        kcl.settings, me, lambda: is_serving, lambda: served, log
    )


def test_the_leases_of_a_dead_leader_are_taken_and_its_place_cleared(kcl: Kcl, watch: Callable[..., Takeover]) -> None:
    kcl.lead("dead")
    kcl.lease(1, "dead", checkpointOwner={"S": "somebody"})
    kcl.lease(2, "dead")
    kcl.lease(3, "dead", checkpoint="SHARD_END")
    takeover = watch()
    assert takeover.look(0) == 0
    assert takeover.look(FAILOVER) == 0  # a little longer than KCL itself
    assert kcl.leader() == "dead"
    assert takeover.look(ENOUGH) == 2
    assert kcl.owners() == {"shard-1": "me", "shard-2": "me", "shard-3": "dead"}
    assert kcl.leader() is None
    assert kcl.dynamodb.scan(TableName=kcl.worker_metrics)["Count"] == 0
    lease = kcl.dynamodb.get_item(TableName=kcl.leases, Key={"leaseKey": {"S": "shard-1"}})["Item"]
    assert lease["leaseCounter"] == {"N": "8"}  # by which its owner, were it only frozen, loses it
    assert "checkpointOwner" not in lease


def test_a_living_leader_is_left_to_do_it(kcl: Kcl, watch: Callable[..., Takeover]) -> None:
    kcl.lead("leader")
    kcl.lease(1, "leader")
    kcl.lease(2, "dead")
    takeover = watch()
    for _ in range(2):
        kcl.renew("leader")
        assert takeover.look(ENOUGH) == 0
    assert kcl.owners() == {"shard-1": "leader", "shard-2": "dead"}
    assert kcl.leader() == "leader"


@pytest.mark.parametrize("leader", ["me", "without leases"])
def test_who_leads_and_is_not_known_to_be_dead_stays(kcl: Kcl, watch: Callable[..., Takeover], leader: str) -> None:
    kcl.lead(leader)
    kcl.lease(1, "dead")
    takeover = watch()
    takeover.look(0)
    assert takeover.look(ENOUGH) == 0
    assert kcl.leader() == leader


@pytest.mark.parametrize("leader", ["me", "without leases"])
@pytest.mark.parametrize("owner", [None, "dead"])
def test_who_holds_the_lock_and_gives_no_leases_away_leads_no_longer(
    kcl: Kcl, watch: Callable[..., Takeover], leader: str, owner: str | None
) -> None:
    """A child of merged shards, after the leader was killed and has come again by its name: nobody was to serve it."""
    kcl.lead(leader)
    kcl.lease(1, owner)
    takeover = watch()
    assert takeover.look(0) == 0
    assert takeover.look(LEFT_LYING * FAILOVER - 1) == 0
    assert takeover.look(2) == 1
    assert kcl.owners() == {"shard-1": "me"}
    assert kcl.leader() is None


def test_without_a_leader_what_has_expired_is_taken(kcl: Kcl, watch: Callable[..., Takeover]) -> None:
    kcl.lease(1, None)
    kcl.lease(2, "dead")
    takeover = watch()
    assert takeover.look(0) == 1  # the one that was let go, at first sight
    assert takeover.look(ENOUGH) == 1
    assert set(kcl.owners().values()) == {"me"}


def test_each_survivor_takes_its_share_and_no_lease_twice(kcl: Kcl, watch: Callable[..., Takeover]) -> None:
    kcl.lead("dead")
    for key in range(4):
        kcl.lease(key, "dead")
    kcl.lease(4, "me")
    kcl.lease(5, "you")
    mine, yours = watch("me"), watch("you")
    mine.look(0)
    yours.look(0)
    kcl.renew("me")
    kcl.renew("you")
    assert mine.look(ENOUGH) == 2
    assert yours.look(ENOUGH) == 2
    assert sorted(str(owner) for owner in kcl.owners().values()) == ["me"] * 3 + ["you"] * 3


def test_a_lease_renewed_in_between_is_not_taken(
    kcl: Kcl, watch: Callable[..., Takeover], monkeypatch: pytest.MonkeyPatch
) -> None:
    kcl.lead("frozen")
    kcl.lease(1, "frozen")
    takeover = watch()
    takeover.look(0)
    read_leader = LeaseTables.leader

    def woken(self: LeaseTables) -> Any:
        kcl.renew("frozen")
        leader = read_leader(self)
        kcl.lead("frozen", version="v2")
        return leader

    monkeypatch.setattr(LeaseTables, "leader", woken)
    assert takeover.look(ENOUGH) == 0
    assert kcl.owners() == {"shard-1": "frozen"}
    assert kcl.leader() == "frozen"


def test_a_silent_worker_gets_no_new_leases_from_the_leader(kcl: Kcl, watch: Callable[..., Takeover]) -> None:
    for owner in ("silent", "half", "leader"):
        kcl.lead(owner)
    kcl.lease(1, "silent")
    kcl.lease(2, "half")
    kcl.lease(3, "leader")
    takeover = watch()
    takeover.look(0)

    def reported() -> set[str]:
        return {item["wid"]["S"] for item in kcl.dynamodb.scan(TableName=kcl.worker_metrics)["Items"]}

    for _ in range(8):
        kcl.renew("leader")
        takeover.look(1)
    assert reported() == {"leader"}
    kcl.lead("half")  # it lives after all, and reports
    kcl.renew("half")
    kcl.lead("leader")
    takeover.look(1)
    takeover.look(1)
    assert reported() == {"half", "leader"}
    assert kcl.owners() == {"shard-1": "silent", "shard-2": "half", "shard-3": "leader"}


def test_who_cannot_serve_takes_nothing(kcl: Kcl, watch: Callable[..., Takeover]) -> None:
    kcl.lead("dead")
    kcl.lease(1, "dead")
    takeover = watch(is_serving=False)
    takeover.look(0)
    assert takeover.look(ENOUGH) == 0
    assert kcl.leader() == "dead"


def test_new_workers_without_leases_share_what_the_old_ones_let_go(kcl: Kcl, watch: Callable[..., Takeover]) -> None:
    """A rolling deployment: else the first one to look takes the whole stream."""
    for key in range(6):
        kcl.lease(key, None)
    for worker in ("one", "two", "three"):
        kcl.report(worker)
    kcl.report("long gone", age=REPORT_SECONDS + 5)
    workers = [watch(worker) for worker in ("one", "two", "three")]
    assert [worker.look(0) for worker in workers] == [2, 2, 2]


def test_what_a_worker_that_reported_itself_leaves_lying_is_taken_in_the_end(
    kcl: Kcl, watch: Callable[..., Takeover]
) -> None:
    """It died just after its report, before it had a lease that could expire."""
    for key in range(4):
        kcl.lease(key, None)
    kcl.report("phantom")
    takeover = watch()
    assert takeover.look(0) == 2
    kcl.renew("me")
    assert takeover.look(1) == 0
    kcl.renew("me")
    assert takeover.look(ENOUGH) == 2


def test_what_a_living_worker_has_and_does_not_renew_is_taken_by_one_that_has_its_share(
    kcl: Kcl, watch: Callable[..., Takeover]
) -> None:
    """Its daemon may have lost sight of one lease."""
    kcl.lead("other")
    for shard, owner in enumerate(["other", "other", "me", "me"]):
        kcl.lease(shard, owner)
    takeover = watch()

    def renew(passed: float) -> int:
        for shard in (1, 2, 3):
            kcl.dynamodb.update_item(
                TableName=kcl.leases,
                Key={"leaseKey": {"S": f"shard-{shard}"}},
                UpdateExpression="ADD leaseCounter :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
        return takeover.look(passed)

    assert [renew(passed) for passed in (0, ENOUGH, FAILOVER, FAILOVER)] == [0, 0, 0, 0]
    assert renew(FAILOVER) == 1
    assert kcl.owners() == {"shard-0": "me", "shard-1": "other", "shard-2": "me", "shard-3": "me"}


def test_what_this_workers_own_daemon_does_not_renew_is_taken_anew(kcl: Kcl, watch: Callable[..., Takeover]) -> None:
    kcl.lead("me")
    kcl.lease(1, "me")
    takeover = watch()
    assert [takeover.look(passed) for passed in (0, ENOUGH, FAILOVER)] == [0, 0, 0]
    assert takeover.look(FAILOVER) == 1
    lease = kcl.dynamodb.get_item(TableName=kcl.leases, Key={"leaseKey": {"S": "shard-1"}})["Item"]
    assert (lease["leaseOwner"], lease["leaseCounter"]) == ({"S": "me"}, {"N": "8"})


def test_the_dead_get_no_share(kcl: Kcl, watch: Callable[..., Takeover]) -> None:
    kcl.lease(1, "dead")
    kcl.lease(2, "dead")
    takeover = watch()
    takeover.look(0)
    kcl.report("dead")  # not older than a minute, as after a kill
    assert takeover.look(ENOUGH) == 2


def test_a_table_that_is_out_of_reach_is_said_once_in_a_row(
    kcl: Kcl, watch: Callable[..., Takeover], log: RecordingLog
) -> None:
    takeover = watch()
    kcl.dynamodb.delete_table(TableName=kcl.leases)
    for _ in range(3):
        takeover._rounds.round(1)
    said = {"table": kcl.leases, "code": "ResourceNotFoundException"}
    (event,) = log.named("takeover.not_watching")
    assert event.pop("request_id")
    assert event == said
    kcl.dynamodb.create_table(**tables_of(kcl.settings.kcl.application)[0].request)
    takeover._rounds.round(1)
    kcl.dynamodb.delete_table(TableName=kcl.leases)
    takeover._rounds.round(1)
    assert len(log.named("takeover.not_watching")) == 2


def shown(metrics: Metrics) -> dict[str, float]:
    (family,) = metrics.application_leases.collect()
    return {sample.labels["state"]: sample.value for sample in family.samples}


def test_a_look_that_fails_leaves_what_is_known_of_this_workers_leases(
    kcl: Kcl, watch: Callable[..., Takeover], monkeypatch: pytest.MonkeyPatch
) -> None:
    kcl.lease(0, "me")
    kcl.lease(1, "other")
    kcl.lease(2, "me", "SHARD_END")
    takeover = watch()
    takeover.look(0.0)
    assert takeover.leased() == {"shard-0"}
    seen = takeover.seen_ago()
    monkeypatch.setattr(
        LeaseTables, "leases", lambda _: (_ for _ in ()).throw(EndpointConnectionError(endpoint_url=""))
    )
    takeover._rounds.round(1.0)
    assert takeover.leased() == {"shard-0"}
    assert takeover.seen_ago() > seen


def test_the_leases_of_the_whole_application_are_shown_by_their_state(kcl: Kcl, metrics: Metrics, log: Any) -> None:
    for key, owner in enumerate(("me", "me", "you", "dead", "dead", "dead", None)):
        kcl.lease(key, owner)
    kcl.lease(8, "you", checkpoint="SHARD_END")
    kcl.report("fresh")
    kcl.report("old", age=REPORT_SECONDS + 5)
    takeover = Takeover(kcl.settings, "me", lambda: False, tuple, log, metrics)
    takeover.look(0)
    takeover.show()
    assert shown(metrics) == {"owned": 6, "unowned": 1, "expired": 0, "finished": 1}
    assert metrics.application_workers._value.get() == 4  # me, you, dead, fresh
    kcl.renew("me")
    kcl.renew("you")
    assert takeover.ownerless == {"shard-6": 0}
    takeover.look(ENOUGH)
    takeover.show()
    assert takeover.ownerless == dict.fromkeys(("shard-3", "shard-4", "shard-5", "shard-6"), ENOUGH)
    assert takeover.has_others
    assert shown(metrics) == {"owned": 3, "unowned": 1, "expired": 3, "finished": 1}
    assert metrics.application_workers._value.get() == 4  # not counted anew so soon
    takeover._counted_at -= COUNT_SECONDS
    takeover.show()
    assert metrics.application_workers._value.get() == 3


def drains(kcl: Kcl) -> dict[str, str]:
    """Who is to drain which shard."""
    items = kcl.dynamodb.scan(TableName=kcl.leases)["Items"]
    return {item["leaseKey"]["S"]: item["checkpointOwner"]["S"] for item in items if "checkpointOwner" in item}


def test_what_is_drained_without_a_session_is_passed_on(
    kcl: Kcl, watch: Callable[..., Takeover], log: RecordingLog
) -> None:
    """KCL's own renewals go on all the time: to the leader it looks alive."""
    kcl.lead("you")
    for number, drained_by in ((1, "me"), (2, "me"), (3, "she")):
        kcl.lease(number, "you", checkpointOwner={"S": drained_by})
    served = ["shard-2"]
    takeover = watch(served=served)
    for passed in (0.0, FAILOVER - 1):
        takeover.look(passed)
        kcl.renew("you")
        assert drains(kcl) == {"shard-1": "me", "shard-2": "me", "shard-3": "she"}
    takeover.look(1)
    assert drains(kcl) == {"shard-2": "me", "shard-3": "she"}
    assert kcl.owners() == {f"shard-{number}": "you" for number in (1, 2, 3)}
    lease = kcl.dynamodb.get_item(TableName=kcl.leases, Key={"leaseKey": {"S": "shard-1"}})["Item"]
    assert lease["leaseCounter"] == {"N": "10"}  # by which this worker's KCL loses it
    served.clear()
    takeover.look(FAILOVER)  # the session has just ended
    assert "shard-2" in drains(kcl)
    takeover.look(FAILOVER)
    assert drains(kcl) == {"shard-3": "she"}
    told = [(fields["shard"], fields["worker_id"]) for _, event, fields in log.events if event == "lease.passed_on"]
    assert told == [("shard-1", "you"), ("shard-2", "you")]


def test_what_is_drained_by_a_session_that_comes_again_waits_anew(kcl: Kcl, watch: Callable[..., Takeover]) -> None:
    kcl.lead("you")
    kcl.lease(1, "you", checkpointOwner={"S": "me"})
    served: list[str] = []
    takeover = watch(served=served)
    for sessions in ([], ["shard-1"], []):
        served[:] = sessions
        takeover.look(FAILOVER - 1)
        kcl.renew("you")
    assert drains(kcl) == {"shard-1": "me"}
