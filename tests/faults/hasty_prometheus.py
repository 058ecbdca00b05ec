"""A real Prometheus with the repository's rules, in which time passes faster: for the game day."""

import json
import re
import shutil
import socket
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Self

import yaml

from consumer.local.local_process import LocalProcess

RULES: Final = Path(__file__).parents[2] / "deploy" / "observability" / "prometheus" / "rules.yml"
FACTOR: Final = 20
"""By so much windows, offsets and `for` are shortened: five minutes are 15 s."""

OBJECTIVES_FACTOR: Final = 500
"""Of the windows over which the objectives are judged, which are up to a month: six hours are 43 s."""

SHORTEST_SECONDS: Final = {FACTOR: 1, OBJECTIVES_FACTOR: 3}

LIMITS: Final[Mapping[str, tuple[str, str]]] = {
    "SanitizerLagging": ("> 60", "> 5"),
    "SanitizerFarBehind": ("> 900", "> 8"),
    "SanitizerLagGrowing": ("> 30", "> 3"),
    "SanitizerRetentionHalfGone": ("> 0.5", "> 0.0001"),  # of a day, the shortest retention there is: 8.6 s
    "SanitizerCheckpointStale": ("> 120", "> 6"),
    "SanitizerBatchStuck": ("> 60", "> 3"),
    # A second is as long as ever, and on a busy machine one of the seven that stand for an hour may well be late.
    "objective:sanitizer_late_budget:ratio second": ("0.01", "0.06"),
}
"""Limits that are times, by rule: what it says, and what it says on the game day. All others are as they are."""

WATCHDOG: Final = "SanitizerWatchdog"
START_SECONDS: Final = 30.0
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"(?<=\[)(\d+)([smhd])(?=\])|(?<=offset )(\d+)([smhd])")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy

Alert = dict[str, Any]


def hastened(rules: dict[str, Any]) -> dict[str, Any]:
    """Return rules in which all that takes time takes less: the factor, and `LIMITS`."""
    hasty: list[dict[str, Any]] = []
    for group in rules["groups"]:
        made = [_hastened(rule) for rule in group["rules"]]
        hasty.append(group | {"rules": made, "interval": "1s"})
    return {"groups": hasty}


def name(rule: dict[str, Any]) -> str:
    """Return what `LIMITS` knows a rule by: its alert, or its record with what labels it is given."""
    return str(rule.get("alert") or " ".join([rule["record"], *rule.get("labels", {}).values()]))


def _hastened(rule: dict[str, Any]) -> dict[str, Any]:
    factor = OBJECTIVES_FACTOR if "budget_burn" in rule.get("record", "") else FACTOR
    made = rule | {"expr": _DURATION.sub(lambda found: _shorter(found[0], factor), rule["expr"])}
    if "for" in rule:
        made["for"] = _shorter(rule["for"])
    if name(rule) in LIMITS:
        before, after = LIMITS[name(rule)]
        assert made["expr"].count(before) == 1, f"{name(rule)} has no limit {before}"
        made["expr"] = made["expr"].replace(before, after)
    return made


def _shorter(duration: str, factor: int = FACTOR) -> str:
    seconds = int(duration[:-1]) * _UNITS[duration[-1]]
    return f"{max(SHORTEST_SECONDS[factor], seconds // factor)}s"


class HastyPrometheus:
    """Scrapes each second; a context manager.

    :param folder: for its files.
    :param targets: addresses of the workers, dead or alive, by scrape job.
    """

    def __init__(self, folder: Path, targets: Mapping[str, Iterable[str]]) -> None:
        program = shutil.which("prometheus")
        assert program, "prometheus is not installed (Debian: apt-get install prometheus)"
        self._files = {job: folder / f"targets-{job}.json" for job in targets}
        for job, addresses in targets.items():
            self.watch(job, addresses)
        rules = folder / "rules.json"  # which is YAML, too
        rules.write_text(json.dumps(hastened(yaml.safe_load(RULES.read_text(encoding="utf-8")))), encoding="utf-8")
        config = folder / "prometheus.json"
        jobs = [{"job_name": job, "file_sd_configs": [{"files": [str(file)]}]} for job, file in self._files.items()]
        config.write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                    "rule_files": [str(rules)],
                    "scrape_configs": jobs,
                }
            ),
            encoding="utf-8",
        )
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}"
        self._process = LocalProcess(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            folder / "prometheus.log",
        )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.exit_status is not None or time.monotonic() > deadline:
                self._process.close()
                raise AssertionError(f"Prometheus did not start.\n{self._process.tail()}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    def watch(self, job: str, targets: Iterable[str]) -> None:
        """Scrape these from now on."""
        self._files[job].write_text(json.dumps([{"targets": list(targets)}]), encoding="utf-8")

    def firing(self) -> list[Alert]:
        """Return the alerts that fire now, but for the one that always does."""
        fire = [alert for alert in self._get("alerts")["alerts"] if alert["state"] == "firing"]
        return [alert for alert in fire if alert["labels"]["alertname"] != WATCHDOG]

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Return what an instant query says."""
        answer: list[dict[str, Any]] = self._get(f"query?{urllib.parse.urlencode({'query': query})}")["result"]
        return answer

    def seconds_until(self, condition: Callable[[], Any], what: str, timeout: float) -> float:
        """Wait until `condition` holds, and return how long that took."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < timeout, f"not within {timeout:.0f} s: {what}"
            time.sleep(0.2)
        return time.monotonic() - began

    def _get(self, path: str) -> Any:
        with _DIRECT.open(f"{self._url}/api/v1/{path}", timeout=10) as answer:
            return json.loads(answer.read())["data"]

    def _answers(self) -> bool:
        try:
            with _DIRECT.open(f"{self._url}/-/ready", timeout=2):
                return True
        except OSError:
            return False
