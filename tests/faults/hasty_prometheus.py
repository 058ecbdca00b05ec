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

LIMITS: Final[Mapping[str, tuple[str, str]]] = {
    "SanitizerLagging": ("> 60", "> 5"),
    "SanitizerLagGrowing": ("> 30", "> 3"),
    "SanitizerRetentionHalfGone": ("> 0.5", "> 0.0001"),  # of a day, the shortest retention there is: 8.6 s
    "SanitizerCheckpointStale": ("> 120", "> 6"),
    "SanitizerBatchStuck": ("> 60", "> 3"),
}
"""Limits that are times, by alert: what the rule says, and what it says on the game day. All others are as they are."""

START_SECONDS: Final = 30.0
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_DURATION: Final = re.compile(r"(?<=\[)(\d+)([smh])(?=\])|(?<=offset )(\d+)([smh])")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy

Alert = dict[str, Any]


def hastened(rules: dict[str, Any]) -> dict[str, Any]:
    """Return rules in which all that takes time takes less: the factor, and `LIMITS`."""
    hasty: list[dict[str, Any]] = []
    for group in rules["groups"]:
        made = [_hastened(rule) for rule in group["rules"]]
        hasty.append(group | {"rules": made, "interval": "1s"})
    return {"groups": hasty}


def _hastened(rule: dict[str, Any]) -> dict[str, Any]:
    made = rule | {"expr": _DURATION.sub(lambda found: _shorter(found[0]), rule["expr"])}
    if "for" in rule:
        made["for"] = _shorter(rule["for"])
    if rule.get("alert") in LIMITS:
        before, after = LIMITS[rule["alert"]]
        assert made["expr"].count(before) == 1, f"{rule['alert']} has no limit {before}"
        made["expr"] = made["expr"].replace(before, after)
    return made


def _shorter(duration: str) -> str:
    seconds = int(duration[:-1]) * _UNITS[duration[-1]]
    return f"{max(1, seconds // FACTOR)}s"


class HastyPrometheus:
    """Scrapes each second; a context manager.

    :param folder: for its files.
    :param targets: addresses of the workers, dead or alive.
    """

    def __init__(self, folder: Path, targets: Iterable[str]) -> None:
        program = shutil.which("prometheus")
        assert program, "prometheus is not installed (Debian: apt-get install prometheus)"
        self._targets = folder / "targets.json"
        self.watch(targets)
        rules = folder / "rules.json"  # which is YAML, too
        rules.write_text(json.dumps(hastened(yaml.safe_load(RULES.read_text(encoding="utf-8")))), encoding="utf-8")
        config = folder / "prometheus.json"
        job = {"job_name": "kinesis-sanitizer", "file_sd_configs": [{"files": [str(self._targets)]}]}
        config.write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                    "rule_files": [str(rules)],
                    "scrape_configs": [job],
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

    def watch(self, targets: Iterable[str]) -> None:
        """Scrape these from now on."""
        self._targets.write_text(json.dumps([{"targets": list(targets)}]), encoding="utf-8")

    def firing(self, name: str) -> list[Alert]:
        """Return the alerts of a name that fire now."""
        alerts = self._get("alerts")["alerts"]
        return [alert for alert in alerts if alert["labels"]["alertname"] == name and alert["state"] == "firing"]

    def all_firing(self) -> set[str]:
        """Return the names of the alerts that fire now."""
        return {each["labels"]["alertname"] for each in self._get("alerts")["alerts"] if each["state"] == "firing"}

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
