"""Rolls from an older revision to this checkout under load, and back again; then the ledger.

    python -m tests.faults.upgrade --from REVISION [--kclpy FOLDER]

For releases, by hand: the revision's packages run with the dependencies that are installed here, and each version with
the settings of its own task definition in deploy/ecs; with the KCL that FOLDER holds, where it is given (`pip install
--no-deps --target FOLDER amazon-kclpy==VERSION`). Exit status 1: a record is lost or wrong, a raw value leaked, or a
worker did not start or end as it must.
"""

# ruff: noqa: T201 - prints its table

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import orjson

from consumer.dynamodb.attribute_values import decode_document
from consumer.dynamodb.item import decode_item
from consumer.local.cloud.process import Cloud
from consumer.redactors.loading import load_plugin
from tests.deploy.iam_template import Template
from tests.deploy.template import GIVEN, Stack, environment, stack
from tests.faults.lab import FaultLab
from tests.faults.load import Load
from tests.faults.loop import Loop
from tests.faults.releases import Release, copied, from_revision, text_at
from tests.faults.results import Results
from tests.faults.rollout import Rollout, labels, now
from tests.lab.watched import Watched, wait_for

STEADY_SECONDS = 10
_OF_THE_PLACE: Final = {
    "SANITIZER_KCL__APPLICATION",
    "SANITIZER_OUTPUT__TABLE",
    "SANITIZER_QUARANTINE__TABLE",
    "SANITIZER_RUNTIME_DIR",
    "SANITIZER_STREAM__NAME",
}


def main() -> int:
    """Roll there and back."""
    parser = argparse.ArgumentParser(prog="upgrade", description="A rolling upgrade under load, and its rollback.")
    parser.add_argument("--from", dest="revision", required=True, help="git revision to upgrade from")
    parser.add_argument("--kclpy", type=Path, help="where the revision finds amazon_kclpy; default: as this checkout")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--rate", type=float, default=100, help="records a second")
    parser.add_argument(
        "--failover-ms", type=int, default=10_000, help="kcl.failover_ms; the rest of kcl as by default"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="upgrade-") as name, Cloud() as cloud, Loop() as loop:
        folder = Path(name)
        for variable in [variable for variable in os.environ if variable.startswith(("AWS_", "SANITIZER_"))]:
            del os.environ[variable]
        os.environ.update(cloud.environment())
        try:
            old = replace(from_revision(folder / "old", arguments.revision), settings=_task(arguments.revision))
        except subprocess.CalledProcessError:
            parser.error(f"git knows no revision {arguments.revision} that could be taken out")
        if arguments.kclpy:
            (old.folder / "amazon_kclpy").symlink_to((arguments.kclpy / "amazon_kclpy").resolve(strict=True))
        lab = FaultLab(cloud, folder, "upgrade", loop)
        try:
            lab.set_up(arguments.shards, kcl={"failover_ms": arguments.failover_ms, "lease_assignment_ms": 2000})
            new = replace(copied(folder / "new", "checkout"), settings=_settings(stack().environment()))
            return _there_and_back(Rollout(lab), old, new, arguments)
        except AssertionError as error:
            print(f"FAILED: {error}", *lab.log_tails(), sep="\n", file=sys.stderr)
            return 1
        finally:
            lab.close()


def _task(revision: str) -> dict[str, str]:
    """Return the settings of the revision's task definition, whichever template had it then."""
    for name in ("service", "template"):
        try:
            text = text_at(revision, f"deploy/ecs/{name}.yaml")
        except subprocess.CalledProcessError:
            continue
        parameters = Template(text, {}).document["Parameters"]
        imports = stack().each["data"].exports()
        then = Stack(text, {key: value for key, value in GIVEN.items() if key in parameters}, imports=imports)
        return _settings(environment(then))
    msg = "it has no template of ECS's"
    raise AssertionError(msg)


def _settings(variables: Mapping[str, str]) -> dict[str, str]:
    """Return those that are the same for whichever stream, tables and machine."""
    return {
        name: value for name, value in variables.items() if name.startswith("SANITIZER_") and name not in _OF_THE_PLACE
    }


def _there_and_back(rollout: Rollout, old: Release, new: Release, arguments: argparse.Namespace) -> int:
    lab = rollout.lab
    steady = int(arguments.rate * STEADY_SECONDS)
    workers = rollout.begin(old, arguments.workers)
    (before,) = _say("running", workers)
    windows = []
    with Load(lab, arguments.rate) as load:
        load.wait_for(steady)
        for name, release in (("upgrade", new), ("rollback", old)):
            since = now()
            workers = rollout.replace(workers, release)
            _say(name, workers)
            load.wait_for(steady)
            windows.append((name, since, now()))
    wait_for(lambda: not lab.look().lost, "all records found", 120)
    felt = {name: rollout.felt(load, since, until) for name, since, until in windows}
    print(*(f"{name}: {each}" for name, each in felt.items()), sep="\n")
    ledger, is_good = _judge(lab, load.count)
    rollout.stop(workers)
    for name, each in felt.items() if is_good else ():
        more = {"failover_ms": arguments.failover_ms, "late_for": each.late_for, "ledger": ledger}
        Results("upgrades").felt(f"{name}, {before}", each.pauses, **more)
    return 0 if is_good else 1


def _judge(lab: FaultLab, put: int) -> tuple[dict[str, int], bool]:
    """Compare the documents with what the checkout's policy makes of them, but for those of another policy."""
    own = load_plugin(lab.settings).digest
    output = lab.settings.output
    items = [(decode_item(item, output)[1], item) for item in lab.cloud.table(output.table)]
    entries = [decode_document(entry) for entry in lab.cloud.table(lab.settings.quarantine.table)]
    digests = {
        (each["shard"], each["sequence"], int(each["sub"])): each["digest"]
        for each in [*(added for added, _ in items), *entries]
    }
    found = lab.look()
    wrong = [identity for identity in found.wrong if digests[identity] == own]
    channels = lab.channels()
    channels[f"table {output.table}"] = [orjson.dumps(item) for added, item in items if added["digest"] == own]
    leaks = lab.canaries.found(channels)
    by_policy = Counter(digests.values())
    ledger = {
        "put": put,
        "stored": found.stored,
        "quarantined": found.quarantined,
        "lost": len(found.lost),
        "wrong": len(wrong),
        "leaks": sum(leaks.values()),
        "as only the older policy makes them": len(found.wrong) - len(wrong),
    }
    print(*(f"{name}: {count}" for name, count in ledger.items()), sep=", ")
    print(
        f"by digest: {', '.join(f'{digest} {count}' for digest, count in by_policy.items())}; the checkout's is {own}"
    )
    return ledger, not found.lost and not wrong and not leaks and sum(by_policy.values()) == put


def _say(what: str, workers: Sequence[Watched]) -> list[str]:
    builds = sorted({each["version"] for worker in workers for each in labels(worker, "sanitizer_build_info")})
    print(f"{what}: {len(workers)} workers of {', '.join(builds)}", flush=True)
    return builds


if __name__ == "__main__":
    sys.exit(main())
