"""Builds the image, and runs it as ECS would, against the embedded cloud: `make image-test`."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from consumer.dynamodb.attribute_values import decode_document
from consumer.kinesis.producer import Producer, Put, calls
from consumer.local import scrape
from consumer.local.cloud.process import Cloud
from consumer.local.ledger import Findings, Ledger
from consumer.local.prepare import prepare
from consumer.local.transactions import CANONICAL, transactions
from consumer.redactors.loading import load_plugin
from consumer.settings import Settings, lease_tables, load_settings
from tests.deploy.container import (
    PORT,
    Container,
    Image,
    command_of,
    is_ready,
    private_loopback,
    processes_in,
    status_of,
    wait,
)
from tests.deploy.template import stack

pytestmark = [pytest.mark.image, pytest.mark.timeout(1500)]

SHARDS: Final = 4
RECORDS: Final = 3000
STOP_SECONDS: Final = 120.0
UNCOMPILED: Final = """
import http.client, os, sys
files = {name: one.__cached__ for name, one in sys.modules.items() if getattr(one, "__cached__", None)}
print(len(files) > 30, *(name for name, file in files.items() if not os.path.exists(file)))
"""
# The task definition's variables, with its secret; those that lead to the embedded cloud come on top.
TASK: Final[dict[str, str]] = {each["Name"]: each["Value"] for each in stack().container()["Environment"]} | {
    "SANITIZER_QUARANTINE__FINGERPRINT_KEY": "a key for tests, with 32 characters or more"
}


@dataclass
class Run:
    """What was seen."""

    seconds: dict[str, float] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)
    user: dict[str, str] = field(default_factory=dict)  # of each process, by its command line
    rights: dict[str, set[str]] = field(default_factory=dict)
    healthy: list[bool] = field(default_factory=list)
    uncompiled: str = ""  # modules of a health check that Python has to compile each time
    trusted: str = ""  # certificates of Java
    makes_curve_keys: bool = False
    daemon_maps: str = ""
    java_on_cache: str = ""  # what Java says that may not start without it
    findings_of_doctor: dict[str, str] = field(default_factory=dict)  # text, by what was looked at
    writes: dict[str, bool] = field(default_factory=dict)
    zombies: int = 0
    got: dict[str, Any] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)
    exits: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    lines: list[dict[str, Any]] = field(default_factory=list)
    leaks: dict[str, int] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)


class Service:
    """The embedded cloud with its stream and tables, and what is put there."""

    def __init__(self, cloud: Cloud, settings: Settings) -> None:
        self.cloud = cloud
        self._settings = settings
        self.ledger = Ledger(settings, load_plugin(settings))
        prepare(settings, SHARDS)
        self._producer = Producer(settings.stream.name)
        self._samples = transactions(seed=7, count=3 * RECORDS)

    def put(self, count: int) -> None:
        records = (Put(made.data, made.partition_key) for made, _ in zip(self._samples, range(count), strict=False))
        for call in calls(records):
            self.ledger.enter([one.data for one in call], self._producer.put(call), [one.partition_key for one in call])

    def look(self) -> Findings:
        output, quarantine = self._settings.output.table, self._settings.quarantine.table
        return self.ledger.find(self.cloud.table(output), map(decode_document, self.cloud.table(quarantine)))

    def has_document(self) -> bool:
        return bool(self.cloud.durable_times())

    def channels(self) -> dict[str, Iterator[str]]:
        settings = self._settings
        tables = (settings.output.table, settings.quarantine.table, *lease_tables(settings.kcl.application))
        return {table: (json.dumps(item, ensure_ascii=False) for item in self.cloud.table(table)) for table in tables}


def watch(run: Run, worker: Container, image: Image) -> None:
    """Look at the running container, from inside and from outside."""
    for pid in worker.pids():
        if not (status := status_of(pid)):
            continue
        name = " ".join(command_of(pid)) or status["Name"]
        run.user[name] = f"{status['Uid'].split()[1]}:{status['Gid'].split()[1]}"
        for right in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "NoNewPrivs"):
            run.rights.setdefault(right, set()).add(status[right])
    keytool = ("/opt/java/bin/keytool", "-storepass", "changeit")
    run.trusted = worker.run(*keytool, "-list", "-cacerts").stdout
    keys = ("-keyalg", "EC", "-alias", "a", "-dname", "CN=a", "-keystore", "/tmp/keys")  # noqa: S108
    run.makes_curve_keys = worker.run(*keytool, "-genkeypair", *keys).returncode == 0
    (daemon,) = daemons(worker)
    run.daemon_maps = Path(f"/proc/{daemon}/maps").read_text(encoding="utf-8")
    java, *options = command_of(daemon)
    options = options[: options.index("-cp") + 2]
    there = ("sh", "-c", 'cd "$SANITIZER_RUNTIME_DIR" && exec "$@"', "sh")  # the class path begins with a relative path
    run.java_on_cache = worker.run(*there, java, "-XX:AOTMode=on", *options, "x").stderr
    looked_at = json.loads(worker.run("sanitizer", "doctor", "--json").stdout)
    run.findings_of_doctor = {each["check"]: each["text"] for each in looked_at}
    run.healthy.append(worker.run(*image.config["Healthcheck"]["Test"][1:]).returncode == 0)
    run.uncompiled = worker.run("python3", "-I", "-S", "-c", UNCOMPILED).stdout
    for path in ("/", "/opt/sanitizer", "/etc", "/var/tmp", "/dev/shm", "/dev", "/run", "/run/sanitizer", "/tmp"):  # noqa: S108
        run.writes[path] = worker.run("python3", "-c", f"open('{path}/probe', 'w').close()").returncode == 0


def daemons(worker: Container) -> list[int]:
    return [pid for pid in worker.pids() if "".join(command_of(pid)[:1]).startswith("/opt/java")]


def kill_daemon(worker: Container) -> int:
    """Kill the JVM; return how many of the processes that it leaves behind nobody has reaped."""
    (first,) = daemons(worker)
    subprocess.run(["kill", "-KILL", str(first)], check=True)
    wait(lambda: bool(daemons(worker)) and first not in daemons(worker) and is_ready(), worker)
    return sum(status_of(pid).get("State", "").startswith("Z") for pid in worker.pids())


def end(run: Run, worker: Container) -> None:
    namespace = worker.namespace
    status, seconds = worker.stop(STOP_SECONDS)
    run.exits.append(status)
    run.seconds["SIGTERM to exit"] = seconds
    run.left += processes_in(namespace)
    run.lines += [json.loads(line) for line in worker.log.read_text(encoding="utf-8").splitlines()]


def sizes(image: Image) -> dict[str, float]:
    parts = {
        "Java": "opt/java",
        "KCL's jars": "opt/kcl/jars",
        "Java's AOT cache": "opt/kcl/daemon.aot",
        "Python packages and the worker": "opt/sanitizer",
    }
    total = megabytes(image.root)
    found = {name: megabytes(image.root / path) for name, path in parts.items()}
    return {"all": total, "base image": total - sum(found.values())} | found


def megabytes(folder: Path) -> float:
    found = subprocess.run(
        ["du", "--summarize", "--one-file-system", "--apparent-size", "--block-size=1", str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(found.stdout.split()[0]) / 1e6


@pytest.fixture(scope="module")
def run(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One task works, loses its daemon, is stopped in the midst of its work; the next one finishes."""
    seen = Run(megabytes=sizes(image))
    files = image.files()
    with pytest.MonkeyPatch.context() as patch, private_loopback(), Cloud() as cloud:
        for name, value in (TASK | cloud.environment()).items():
            patch.setenv(name, value)
        service = Service(cloud, load_settings(None))
        service.put(RECORDS)
        variables = TASK | cloud.environment()
        with Container(image, tmp_path_factory.mktemp("first"), variables) as first:
            seen.seconds["start to /readyz"] = wait(is_ready, first)
            seen.seconds["start to the first document"] = wait(service.has_document, first)
            wait(lambda: not service.look().lost, first)
            watch(seen, first, image)
            seen.got = json.loads(first.run("sanitizer", "get", "12345").stdout)
            seen.sums = scrape.sums(PORT)
            seen.leaks = service.ledger.leaks({"metrics": [scrape.text(PORT)]})
            seen.zombies = kill_daemon(first)
            service.put(RECORDS)
            wait(lambda: scrape.sums(PORT)["sanitizer_records_received_total"] > RECORDS, first)
            end(seen, first)
        with Container(image, tmp_path_factory.mktemp("second"), variables) as second:
            wait(lambda: is_ready() and not service.look().lost, second)
            second.pids()
            end(seen, second)
        seen.findings = service.look()
        seen.leaks |= service.ledger.leaks(service.channels())
        seen.leaks |= service.ledger.leaks({"log": [one.log.read_text(encoding="utf-8") for one in (first, second)]})
    seen.changed = {path for path, _ in files.items() ^ image.files().items()}
    return seen


def test_nothing_is_lost(run: Run) -> None:
    found = run.findings
    assert (found.lost, found.wrong) == ([], [])
    assert found.stored > found.quarantined > 10  # the broken ones
    assert found.stored + found.quarantined + found.dropped + found.duplicates == 2 * RECORDS


def test_nothing_leaks(run: Run) -> None:
    assert set(run.leaks.values()) == {0}


def test_canonical_record_is_stored_as_the_policy_says(run: Run) -> None:
    before: dict[str, Any] = json.loads(CANONICAL)
    del before["ssn"]
    assert run.got == before | {"credit_card": "****-****-****-9012"}


def test_every_delivery_is_accounted_for(run: Run) -> None:
    sums = run.sums
    outcomes = sum(value for name, value in sums.items() if name.startswith("outcome:"))
    assert sums["sanitizer_records_received_total"] == outcomes + sums["sanitizer_records_in_flight"] >= RECORDS


def test_runs_as_the_images_user_without_any_right(run: Run) -> None:
    assert set(run.user.values()) == {"10001:10001"}
    none = {f"{0:016x}"}
    assert run.rights == dict.fromkeys(("CapEff", "CapPrm", "CapBnd", "CapAmb"), none) | {"NoNewPrivs": {"1"}}


def test_first_process_is_the_init_and_all_of_ours_are_there(run: Run) -> None:
    for name in ("tini", "sanitizer-supervisor", "sanitizer-pipeline", "/opt/java/bin/java"):
        assert any(line.startswith(name) for line in run.user), list(run.user)


def test_only_the_volumes_are_writable(run: Run, image: Image) -> None:
    assert {path for path, is_writable in run.writes.items() if is_writable} == set(image.config["Volumes"])
    assert run.changed == set()


def test_the_compiled_part_is_in_use_and_said_to_be(run: Run) -> None:
    started = [line for line in run.lines if line["event"] == "worker.started"]
    assert [line["engine"] for line in started] == ["compiled", "compiled"]
    assert run.findings_of_doctor["policy"].endswith("The engine's compiled part is in use.")


def test_java_trusts_amazon_and_speaks_with_elliptic_curves(run: Run) -> None:
    assert "amazonrootca1" in run.trusted
    assert run.makes_curve_keys  # as most of AWS's certificates have


def test_daemon_uses_the_aot_cache(run: Run) -> None:
    assert "/opt/kcl/daemon.aot" in run.daemon_maps
    # With a cache for another Java or other jars it would say so instead.
    assert run.java_on_cache.splitlines() == [
        "Error: Could not find or load main class x",
        "Caused by: java.lang.ClassNotFoundException: x",
    ]


def test_images_own_health_check_passes(run: Run) -> None:
    assert run.healthy == [True]


def test_health_check_compiles_nothing(run: Run) -> None:
    assert run.uncompiled.split() == ["True"]


def test_children_of_a_killed_daemon_are_reaped(run: Run) -> None:
    assert run.zombies == 0


def test_stop_is_clean_and_leaves_nothing_behind(run: Run) -> None:
    assert run.exits == [0, 0]
    assert run.left == []
    assert [line["status"] for line in run.lines if line["event"] == "worker.stopped"] == ["clean", "clean"]


def test_stays_small(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n" + "\n".join(f"  {value:6.1f} MB  {name}" for name, value in run.megabytes.items()))  # noqa: T201
        print("\n".join(f"  {value:6.1f} s   {name}" for name, value in run.seconds.items()))  # noqa: T201
    assert run.megabytes["all"] - run.megabytes["base image"] < 220  # with a slim base, of some 125, under 350
