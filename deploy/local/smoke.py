"""Brings compose up, and looks whether documents arrive: ``python3 deploy/local/smoke.py``.

Exit status 0: the worker is healthy, stores what is fed, and an audit of the stored documents finds nothing; Prometheus
scrapes it, and Grafana serves. 1: it does not, within the time; the logs' last lines are shown. All is taken down
again. Needs Docker, and no package.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("compose.yaml")
OVERRIDE: Final = "services: {worker: {image: %s, pull_policy: never, build: !reset null}}\n"
PAUSE_SECONDS: Final = 2.0


class SmokeError(Exception):
    """What should be so is not."""


class Compose:
    """The project.

    :param worker_image: tag of an image to use as the worker, instead of building one.
    """

    def __init__(self, folder: Path, worker_image: str | None) -> None:
        self._command = ["docker", "compose", "--file", str(FILE)]
        if worker_image:
            override = folder / "override.yaml"
            override.write_text(OVERRIDE % json.dumps(worker_image), encoding="utf-8")
            self._command += ["--file", str(override)]

    def run(self, *arguments: str) -> None:
        subprocess.run([*self._command, *arguments], check=True)

    def read(self, *arguments: str) -> str:
        """Return what a command writes, whatever it ends with."""
        return subprocess.run([*self._command, *arguments], check=False, stdout=subprocess.PIPE, text=True).stdout

    def url(self, service: str, port: int) -> str:
        """Return where a service's port is published."""
        return f"http://{self.read('port', service, str(port)).strip()}"


def main() -> None:
    """Bring it up, look, and take it down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--worker-image", help="tag of a local image to test, instead of building the worker's")
    parser.add_argument("--documents", type=int, default=1000, help="documents to wait for (default: 1000)")
    parser.add_argument("--seconds", type=float, default=300, help="for each thing to wait for (default: 300)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compose = Compose(Path(folder), arguments.worker_image)
        try:
            compose.run("up", "--build", "--detach")
            look(compose, arguments.documents, arguments.seconds)
        except (SmokeError, subprocess.CalledProcessError) as error:
            # Whatever these end with, it is the failure before them that is told.
            print(compose.read("ps", "--all"), compose.read("logs", "--tail", "50"), sep="\n")
            sys.exit(f"{error}")
        finally:
            compose.run("down", "--volumes", "--timeout", "45")


def look(compose: Compose, documents: int, seconds: float) -> None:
    """Look at each part.

    :raises SmokeError: one is not as it should be.
    """
    worker = compose.url("worker", 9464)
    wait_for("a healthy worker", lambda: fetch(f"{worker}/healthz"), seconds)
    wait_for(f"{documents} stored", lambda: stored(fetch(f"{worker}/metrics")) >= documents, seconds)
    judge(compose.read("exec", "-T", "worker", "sanitizer", "audit", "--limit", str(documents), "--json"), documents)
    prometheus = compose.url("prometheus", 9090)
    wait_for(
        "Prometheus's scrapes",
        lambda: is_scraped(fetch(f"{prometheus}/api/v1/query?query=sanitizer_build_info")),
        seconds,
    )
    wait_for("Grafana", lambda: fetch(f"{compose.url('grafana', 3000)}/api/health"), seconds)
    print(f"{documents} documents and more were stored, and hold nothing that the policy redacts.")


def wait_for(what: str, holds: Callable[[], object], seconds: float) -> None:
    """Ask again and again.

    :raises SmokeError: it does not hold within `seconds`.
    """
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise SmokeError(f"Within {seconds:.0f} s there was not: {what}.")
        time.sleep(PAUSE_SECONDS)


def fetch(url: str) -> str:
    """Return what is answered with 200, else nothing."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - http on loopback
            return str(answer.read().decode())
    except OSError:
        return ""


def stored(metrics: str) -> int:
    """Return how many records the worker counts as stored, over all shards."""
    lines = [
        line
        for line in metrics.splitlines()
        if line.startswith("sanitizer_records_total{") and 'outcome="stored"' in line
    ]
    return int(sum(float(line.rpartition(" ")[2]) for line in lines))


def judge(audit: str, documents: int) -> None:
    """Look at what `sanitizer audit --json` says.

    :raises SmokeError: there are too few documents, or they hold what the policy redacts.
    """
    try:
        found: dict[str, Any] = json.loads(audit.splitlines()[-1])
        items, affected = int(found["items"]), int(found["affected"])
    except (ValueError, IndexError, KeyError, TypeError):
        raise SmokeError(f"The audit said nothing of use: {audit[-200:]!r}") from None
    if items < documents or affected:
        raise SmokeError(f"The audit looked at {items} documents, of which {affected} are affected.")


def is_scraped(answer: str) -> bool:
    """Whether Prometheus knows the worker's metrics.

    :raises SmokeError: the answer is none of Prometheus's.
    """
    try:
        return bool(answer) and bool(json.loads(answer)["data"]["result"])
    except (ValueError, KeyError, TypeError):
        raise SmokeError(f"Prometheus answered {answer[:200]!r}") from None


if __name__ == "__main__":
    main()
