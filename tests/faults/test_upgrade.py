"""Another version, policy or configuration, rolled out under load as ECS replaces tasks; and rolled back.

The versions are copies of this checkout under numbers of their own; `tests.faults.upgrade` takes older revisions.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer import aws
from consumer.dynamodb.item import decode_item
from consumer.kinesis.producer import Placed
from consumer.local.ledger import Findings, Ledger
from consumer.redactors.loading import load_plugin
from consumer.settings import Settings, lease_tables, load_settings
from tests.faults.lab import FaultLab
from tests.faults.load import Load
from tests.faults.releases import NEW_VERSION, OLD_VERSION, Release, copied
from tests.faults.results import Results
from tests.faults.rollout import Felt, Rollout, labels, now, status, wait_until_ended
from tests.lab.watched import Watched, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

RATE = 100.0
SHARDS = 4
PAUSE_SECONDS = 40.0
"""What a shard may stand still for at most, on a busy machine where the JVMs of four workers start at once."""


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return copied(tmp_path_factory.mktemp("old"), OLD_VERSION)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return copied(tmp_path_factory.mktemp("new"), NEW_VERSION)


@pytest.fixture
def rollout(lab: FaultLab) -> Rollout:
    lab.set_up(shards=SHARDS)
    return Rollout(lab)


def policy(folder: Path, version: str, **more: Any) -> dict[str, Any]:
    """Write a version of a policy, and return the section of the settings that names it."""
    file = folder / f"policy-{version}.yaml"
    file.write_text(yaml.safe_dump({"name": "shop", "version": version, "extends": "default"} | more), encoding="utf-8")
    return {"options": {"policy": str(file)}}


def versions(workers: Iterable[Watched]) -> set[str]:
    return {each["version"] for worker in workers for each in labels(worker, "sanitizer_build_info")}


def entered(recovery: Results, scenario: str, felt: Felt) -> Felt:
    recovery.felt(scenario, felt.pauses, late_for=felt.late_for)
    print(f"{scenario}: {felt}")  # noqa: T201 - shown with `pytest -s`, or if the test fails
    assert max(felt.pauses.values()) < PAUSE_SECONDS
    return felt


@pytest.mark.sample
def test_rolling_upgrade(rollout: Rollout, recovery: Results, tmp_path: Path, old: Release, new: Release) -> None:
    lab = rollout.lab
    before = rollout.begin(old, 2, redaction=policy(tmp_path, "1"))
    with Load(lab, RATE) as load:
        load.wait_for(300)
        assert versions(before) == {OLD_VERSION}
        since = now()
        after = [rollout.start(new, redaction=policy(tmp_path, "2")) for _ in before]
        rollout.wait_until_healthy(after)
        assert versions(lab.alive()) == {OLD_VERSION, NEW_VERSION}  # what Prometheus shows meanwhile
        rollout.stop(before)
        rollout.wait_until_served(after)
        assert versions(lab.alive()) == {NEW_VERSION}
        load.wait_for(300)
    found = lab.settle()
    entered(recovery, "rolling upgrade", rollout.felt(load, since, now()))
    assert found.stored + found.quarantined == load.count
    assert {name for name, _ in rollout.writes.policies} == {"shop@1", "shop@2"}
    rollout.stop(after)


def test_rollback_in_the_middle(rollout: Rollout, recovery: Results, old: Release, new: Release) -> None:
    lab = rollout.lab
    with Load(lab, RATE) as load:
        before = rollout.begin(old, 2)
        load.wait_for(300)
        since = now()
        first = rollout.start(new)
        rollout.wait_until_healthy([first])
        wait_for(lambda: first.metrics().get("sanitizer_shards_owned"), "a shard is handed over to it", 120)
        rollout.stop([first])
        rollout.wait_until_served(before)
        load.wait_for(300)
    lab.settle()
    entered(recovery, "rollback in the middle", rollout.felt(load, since, now()))
    assert versions(lab.alive()) == {OLD_VERSION}
    rollout.stop(before)


def test_a_bad_version_never_counts_as_started_and_the_old_ones_go_on(
    rollout: Rollout, recovery: Results, tmp_path: Path, old: Release
) -> None:
    """What ECS's circuit breaker sees: tasks that end, or whose health check never passes."""
    broken = copied(tmp_path / "broken", "0.0.3")
    broken.change("consumer/worker/pipeline_process.py", "class Session:\n", "class Session(Missing):\n")
    without_kcl = copied(tmp_path / "without-kcl", "0.0.4")
    without_kcl.change("consumer/kcl/daemon.py", ".multilang.MultiLangDaemon", ".multilang.Missing")
    drops_a_key = policy(tmp_path, "3", fields=[{"id": "key", "action": "drop", "names": ["user_id"]}])
    refused: dict[str, tuple[int, dict[str, Any]]] = {
        "an unknown setting": (2, {"pipeline": {"proceses": 2}}),
        "a policy that drops a key": (2, {"redaction": drops_a_key}),
        "a policy that is not there": (2, {"redaction": {"options": {"policy": str(tmp_path / "none.yaml")}}}),
        "a table that is not there": (1, {"output": {"table": "nobodys"}}),
    }
    lab = rollout.lab
    before = rollout.begin(old, 2)
    with Load(lab, RATE) as load:
        load.wait_for(300)
        since = now()
        for name, (expected, changes) in refused.items():
            began = time.monotonic()
            assert ended(rollout.start(old, **changes)) == expected, name
            assert time.monotonic() - began < 20, name
        assert ended(rollout.start(broken)) == 1
        bad = rollout.start(without_kcl)
        wait_for(lambda: len(bad.events("daemon.started")) >= 3, "KCL is tried again and again", 60)
        assert status(bad, "/healthz") == status(bad, "/readyz") == 503
        rollout.stop([bad])
        load.wait_for(300)
    lab.settle()
    felt = entered(recovery, "bad versions", rollout.felt(load, since, now()))
    assert max(felt.pauses.values()) < PAUSE_SECONDS / 2
    assert not any(worker.events("session.began") for worker in lab.workers[1:] if worker not in before)
    assert set(lab.owners().values()) <= {lab.worker_id(worker) for worker in before}
    rollout.stop(before)


def ended(worker: Watched) -> int:
    """Return the status with which it ends by itself; until then it must not count as started."""
    assert worker.worker is not None
    while worker.worker.exit_status is None:
        assert status(worker, "/healthz") != 200
        assert status(worker, "/readyz") != 200
        time.sleep(0.05)
    return wait_until_ended(worker.worker, 1)


def test_a_policy_change(rollout: Rollout, recovery: Results, tmp_path: Path, old: Release) -> None:
    """Each document is what the old or the new policy makes of it, and says which."""
    lab = rollout.lab
    first = policy(tmp_path, "1")
    second = policy(tmp_path, "2", fields=[{"id": "merchants", "action": "drop", "names": ["merchant"]}])
    books = lab.ledger = EitherPolicy(lab, first, second)
    before = rollout.begin(old, 2, redaction=first)
    with Load(lab, RATE) as load:
        load.wait_for(300)
        since = now()
        after = rollout.replace(before, old, redaction=second)
        load.wait_for(300)
    found = lab.settle()
    entered(recovery, "policy change", rollout.felt(load, since, now()))
    assert found.stored + found.quarantined == load.count
    assert all(books.stored)
    assert set(rollout.writes.policies) == set(zip(["shop@1", "shop@2"], books.digests, strict=True))
    rollout.stop(after)


class EitherPolicy(Ledger):
    """A ledger of records that one of several policies is applied to: by the digest that each document carries.

    :ivar stored: documents of each policy, as found last.
    """

    def __init__(self, lab: FaultLab, *redactions: dict[str, Any]) -> None:
        policies = [load_plugin(_settings(lab, redaction)) for redaction in redactions]
        super().__init__(lab.settings, policies[0])
        self._books = [Ledger(lab.settings, each) for each in policies]
        self.digests = [each.digest for each in policies]
        self.stored: list[int] = []

    def enter(
        self,
        payloads: Sequence[bytes],
        places: Sequence[Placed],
        partition_keys: Sequence[str] | None = None,
        documents: Sequence[tuple[bytes, ...] | None] | None = None,
    ) -> None:
        for book in self._books:
            book.enter(payloads, places, partition_keys, documents)

    def find(self, items: Iterable[Mapping[str, Any]], quarantine: Iterable[Mapping[str, Any]]) -> Findings:
        by_digest: dict[str, list[Mapping[str, Any]]] = {digest: [] for digest in self.digests}
        for item in items:
            by_digest[decode_item(item, self._settings.output)[1]["digest"]].append(item)  # of another one: KeyError
        entries = list(quarantine)
        each = [book.find(by_digest[digest], entries) for book, digest in zip(self._books, self.digests, strict=True)]
        self.stored = [found.stored for found in each]
        return Findings(
            stored=sum(self.stored),
            quarantined=each[0].quarantined,
            lost=sorted(set.intersection(*(set(found.lost) for found in each))),
            wrong=[identity for found in each for identity in found.wrong],
        )

    def leaks(self, channels: Mapping[str, Iterable[str]]) -> dict[str, int]:
        # What the first policy releases stands in its documents rightly.
        return self._books[0].leaks(channels)


def _settings(lab: FaultLab, redaction: dict[str, Any]) -> Settings:
    file = lab.folder / "either.yaml"
    file.write_text(yaml.safe_dump(lab.values(lab.folder, redaction=redaction)), encoding="utf-8")
    return load_settings(file)


def test_a_configuration_change(rollout: Rollout, recovery: Results, old: Release) -> None:
    """Fewer pipeline processes, then more: shards find another process, and no journal or metric minds."""
    lab = rollout.lab
    workers = rollout.begin(old, 1, pipeline={"processes": 2})
    windows = []
    with Load(lab, RATE) as load:
        for processes in (1, 3):
            load.wait_for(200)
            since = now()
            workers = rollout.replace(workers, old, pipeline={"processes": processes})
            assert len(workers[0].pids("sanitizer-pipeline")) == processes
            load.wait_for(200)
            windows.append((f"{processes} pipeline processes", since, now()))
    lab.settle()
    for name, since, until in windows:
        entered(recovery, name, rollout.felt(load, since, until))
    rollout.stop(workers)


def test_the_place_of_an_application_on_kcl_2_is_kept(lab: FaultLab) -> None:
    """Its lease table has no index, its workers' names stand on the leases, and KCL 3's other tables are not there."""
    lab.set_up(shards=2, kcl={"may_create_tables": True})
    dynamodb = aws.client("dynamodb")
    tables = lease_tables(lab.settings.kcl.application)
    for table in tables:
        dynamodb.delete_table(TableName=table)
    dynamodb.create_table(
        TableName=tables[0],
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
    )
    done = {placed.shard: placed.sequence for placed in lab.feed(200)}  # of each shard the last
    for shard, sequence in done.items():
        lease = {
            "leaseKey": {"S": shard},
            "leaseOwner": {"S": "a worker of that application"},
            "leaseCounter": {"N": "77"},
            "checkpoint": {"S": sequence},
            "checkpointSubSequenceNumber": {"N": "0"},
            "ownerSwitchesSinceCheckpoint": {"N": "0"},
        }
        dynamodb.put_item(TableName=tables[0], Item=lease)
    lab.ledger = Ledger(lab.settings, load_plugin(lab.settings))
    lab.feed(300, seed=2)
    lab.start()
    lab.settle()
    kept = [*lab.cloud.table(lab.settings.output.table), *lab.cloud.table(lab.settings.quarantine.table)]
    assert len(kept) == 300  # none of the 200
    assert "GlobalSecondaryIndexes" in dynamodb.describe_table(TableName=tables[0])["Table"]
    assert lab.stop() == 0
