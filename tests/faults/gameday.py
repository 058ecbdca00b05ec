"""The game day: each alert is made to fire by a real fault in a running worker under load, and clears after the cure.

    python -m tests.faults.gameday [--only WORDS]... [--list]

Real KCL daemons, the embedded cloud behind fault proxies, and a real Prometheus with the repository's rules, in which
windows and waiting times are shorter by a factor of 20, those of the objectives by 500, and limits that are times by
what `hasty_prometheus.LIMITS` says. It scrapes two applications, each with its own stream; one has the faults, and of
the other no alert may fire. Exit status 1: an alert did not fire, did not clear, was the other's, or a record is lost.
"""

# ruff: noqa: T201 - prints its table

import argparse
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from consumer.local.cloud.process import Cloud
from tests.faults.canaries import samples
from tests.faults.gameday_faults import ALWAYS, Fault, install
from tests.faults.hasty_prometheus import LIMITS, Alert, HastyPrometheus
from tests.faults.lab import FaultLab
from tests.faults.load import Load
from tests.faults.loop import Loop
from tests.faults.results import Results

JOB: Final = "kinesis-sanitizer-gameday"
BYSTANDER: Final = "kinesis-sanitizer-bystander"
BY_THE_CLOCK: Final = {"SanitizerSlow", "SanitizerObjectiveFastBurn", "SanitizerObjectiveSlowBurn", *LIMITS}
"""Judge by seconds of real time, which a neighbour on the same cores and in the same cloud uses up: the bystander may
have these, but for the faults that are about them."""

RATE: Final = 60.0
FOUND_SECONDS: Final = 900.0
"""One look through all records of the day, the large ones of the hot shard among them, takes longer than 90 s; and the
first look begins while the last records are under way."""
BYSTANDERS_RATE: Final = 10.0
FIRE_SECONDS: Final = 150.0
CLEAR_SECONDS: Final = 180.0
QUIET_SECONDS: Final = 180.0


class Row(NamedTuple):
    """One alert by one fault; seconds from the fault, and from the cure."""

    alert: str
    fault: str
    fire: float
    clear: float

    def kept(self) -> dict[str, Any]:
        return {"alert": self.alert, "fires": round(self.fire, 1), "clears": round(self.clear, 1)}

    def __str__(self) -> str:
        return f"{self.alert:32} {self.fault:42} {self.fire:7.1f} {self.clear:7.1f}"


HEADER: Final = f"{'alert':32} {'fault':42} {'fires':>7} {'clears':>7}"


class GameDay:
    """Two applications under load, and a Prometheus that watches them; a context manager.

    :param cloud: the embedded one; its environment must be this process's.
    :ivar lab: the application that has the faults; `bystander`: the one that has none.
    """

    def __init__(self, cloud: Cloud, loop: Loop, folder: Path) -> None:
        self.lab = FaultLab(cloud, folder, "gameday", loop)
        own = folder / "bystander"
        own.mkdir()
        self.bystander = FaultLab(cloud, own, "bystander", loop)
        self._folder = folder
        self._stack = ExitStack()
        self._loads: list[Load] = []
        self.prometheus: HastyPrometheus

    def __enter__(self) -> Self:
        lab, bystander = self.lab, self.bystander
        self._stack.callback(lab.close)
        self._stack.callback(bystander.close)
        try:
            bystander.set_up(shards=1, pipeline={"processes": 1})
            bystander.start(1)
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]  # one that a restarted worker has again
            policy = install(lab, self._folder)
            lab.set_up(
                shards=2,
                http={"host": "127.0.0.1", "port": port},
                output={"timeout_seconds": 5.0},
                quarantine={"max_share": 1.0},
            )
            # The ledger judges by the default policy, which is the same for all that it knows.
            lab.configure(redaction={"options": {"policy": str(policy)}})
            lab.start()
            for each, rate in ((lab, RATE), (bystander, BYSTANDERS_RATE)):
                load = Load(each, rate)
                load._samples = samples(1, broken_share=0)
                self._loads.append(self._stack.enter_context(load))
            targets = {JOB: _targets(lab), BYSTANDER: _targets(bystander)}
            self.prometheus = self._stack.enter_context(HastyPrometheus(self._folder, targets))
            self._quiet()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def play(self, fault: Fault) -> list[Row]:
        """Let one fault happen, and see its alerts come and go, and none of the bystander's."""
        self._quiet()
        watch = self.prometheus
        fire: dict[str, float] = {}
        clear: dict[str, float] = {}
        strange: set[str] = set()
        began = time.monotonic()

        def all_fire() -> bool:
            for name, alert in self._told(strange).items():
                if name in fault.alerts and name not in fire:
                    fire[name] = time.monotonic() - began
                    _assert_told(alert)
            return len(fire) == len(fault.alerts)

        def all_clear() -> bool:
            firing = self._told(strange)
            for name in fault.alerts:
                if name not in clear and name not in firing:
                    clear[name] = time.monotonic() - cured
            return len(clear) == len(fault.alerts)

        with fault.inject(self.lab):
            watch.watch(JOB, [] if fault.is_forgotten else _targets(self.lab))
            missing = f"{fault.what}: {', '.join(fault.alerts)} fire"
            watch.seconds_until(all_fire, missing, FIRE_SECONDS)
            cured = time.monotonic()
        watch.watch(JOB, _targets(self.lab))
        watch.seconds_until(all_clear, f"{fault.what}: {', '.join(fault.alerts)} clear", CLEAR_SECONDS)
        strange -= BY_THE_CLOCK - set(fault.alerts)
        assert not strange, f"{fault.what}: {', '.join(strange)} of the bystander"
        return [Row(name, fault.what, fire[name], clear[name]) for name in fault.alerts]

    def end(self) -> None:
        """See that nothing was lost and nothing leaked."""
        for load in self._loads:
            load.stop()
        for lab in (self.lab, self.bystander):
            lab.wait_until_found(FOUND_SECONDS)
            lab.assert_no_leaks()

    def _told(self, strange: set[str]) -> dict[str, Alert]:
        """Return the alerts of the application that has the fault, by name; the names of others go to `strange`."""
        fire = self.prometheus.firing()
        strange |= {alert["labels"]["alertname"] for alert in fire if alert["labels"].get("job") != JOB}
        return {alert["labels"]["alertname"]: alert for alert in fire if alert["labels"].get("job") == JOB}

    def _quiet(self) -> None:
        """Wait until nothing fires: what the fault before has left is not this one's."""
        watch = self.prometheus
        watch.seconds_until(lambda: len(watch.ask("up == 1")) > 1 and not watch.firing(), "quiet", QUIET_SECONDS)


def _targets(lab: FaultLab) -> list[str]:
    """Return the addresses of an application's first worker, and of those others that live."""
    return [f"127.0.0.1:{worker.port()}" for worker in dict.fromkeys([lab, *lab.alive()])]


def _assert_told(alert: Alert) -> None:
    """An alert says what it has to, and its templates could be filled in."""
    notes = alert["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert not [text for text in notes.values() if "<no value>" in text or "<error" in text], notes


@contextmanager
def at(cloud: Cloud) -> Iterator[None]:
    """Let this process's own calls go to the cloud directly."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("AWS_", "SANITIZER_"))]:
        del os.environ[name]
    os.environ.update(cloud.environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the faults one after the other."""
    parser = argparse.ArgumentParser(prog="gameday", description="Each alert fires by a real fault, and clears.")
    parser.add_argument("--only", action="append", help="a fault whose name holds these words; may be repeated")
    parser.add_argument("--list", action="store_true", help="name the faults, and what they make fire")
    options = parser.parse_args(arguments)
    faults = [fault for fault in ALWAYS if any(words in fault.what for words in options.only or [""])]
    if options.list:
        print(*(f"{fault.what}: {', '.join(fault.alerts)}" for fault in faults), sep="\n")
        return 0
    failed: list[str] = []
    seen: dict[str, list[Row]] = {}
    results = Results("gameday")
    with (
        tempfile.TemporaryDirectory(prefix="gameday-") as name,
        Cloud() as cloud,
        at(cloud),
        Loop() as loop,
        GameDay(cloud, loop, Path(name)) as day,
    ):
        print(HEADER, flush=True)
        for fault in faults:
            try:
                rows = day.play(fault)
            except AssertionError as error:
                failed.append(str(error))
                print(f"FAILED: {error}", flush=True)
            else:
                print(*rows, sep="\n", flush=True)
                seen[fault.what] = rows
        day.end()
    for what, rows in seen.items():
        results.enter(what, {"alerts": [row.kept() for row in rows]})
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
