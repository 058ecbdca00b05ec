"""Prometheus's rules: they are sound, each is tried, asks for metrics that there are, and is in the runbook."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.local import up
from tests.deploy.exposed import exposed
from tests.kits.needs import needs

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability" / "prometheus"
RUNBOOK = ROOT / "docs" / "runbook.md"
RECORDED = re.compile(r"\b[a-z_]+:sanitizer_[a-z_]+:\w+")
NAME = re.compile(r"(?<!:)\bsanitizer_[a-z_]+\b(?!:)")
SELECTOR = re.compile(r"(?<!:)\b(sanitizer_[a-z_]+)\{([^}]*)\}")
GROUPED = re.compile(r"by \(([^)]*)\)")
OF_PROMETHEUS = {"job", "instance"}

Rule = dict[str, Any]


def rules() -> list[Rule]:
    parsed = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))
    return [rule for group in parsed["groups"] for rule in group["rules"]]


def alerts() -> list[Rule]:
    return [rule for rule in rules() if "alert" in rule]


def cases() -> list[dict[str, Any]]:
    parsed: dict[str, Any] = yaml.safe_load((FOLDER / "rules_test.yml").read_text(encoding="utf-8"))
    return [case for test in parsed["tests"] for case in test["alert_rule_test"]]


def sections() -> dict[str, str]:
    """Return the runbook's sections about alerts, by their headings."""
    parts = re.split(r"^#{2,3} (.+)$", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {title: text for title, text in zip(parts[1::2], parts[2::2], strict=True) if title.startswith("Sanitizer")}


@pytest.mark.parametrize("words", [["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]])
def test_promtool_is_content(words: list[str]) -> None:
    promtool = needs("promtool", "prometheus")
    done = subprocess.run([promtool, *words], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_seen_firing_and_seen_waiting() -> None:
    fire = {case["alertname"] for case in cases() if case.get("exp_alerts")}
    quiet = {case["alertname"] for case in cases() if not case.get("exp_alerts")}
    assert fire == quiet == {alert["alert"] for alert in alerts()}


def test_rules_ask_for_metrics_and_labels_that_a_worker_exposes() -> None:
    known = exposed()
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for rule in rules():
        expression = rule["expr"]
        assert set(RECORDED.findall(expression)) <= recorded, expression
        names = NAME.findall(expression)
        assert set(names) <= set(known), expression
        for name, selector in SELECTOR.findall(expression):
            asked = set(re.findall(r"(\w+)[=!]", selector))
            assert "job" in asked, expression  # another application's metrics are none of ours
            assert asked <= known[name] | OF_PROMETHEUS, expression
        grouped = {label.strip() for by in GROUPED.findall(expression) for label in by.split(",")}
        assert grouped <= set().union(*known.values()) | OF_PROMETHEUS, expression


def test_nothing_is_recorded_for_nobody() -> None:
    asked = set(RECORDED.findall(" ".join(rule["expr"] for rule in rules())))
    assert {rule["record"] for rule in rules() if "record" in rule} == asked


def test_each_alert_says_what_is_wrong_how_much_of_it_and_where_to_read_on() -> None:
    for alert in alerts():
        assert alert["labels"]["severity"] in ("warning", "critical")
        notes = alert["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url"}
        assert re.search(r"\$value|\d|\$labels\.path", notes["description"]), alert["alert"]
        assert notes["runbook_url"] == f"docs/runbook.md#{alert['alert'].lower()}"
        assert "{{" not in notes["summary"]  # one text for all of its kind, so that pagers can group by it


def test_the_runbook_has_a_section_for_each_alert_and_none_besides() -> None:
    found = sections()
    assert set(found) == {alert["alert"] for alert in alerts()}
    for name, text in found.items():
        assert all(f"**{word}**" in text for word in ("Means.", "Look.", "Do.")), name


def test_the_rules_are_loaded_by_make_up_and_by_compose() -> None:
    assert up.scrape_settings("127.0.0.1:1")["rule_files"] == [str(FOLDER / "rules.yml")]
    compose = yaml.safe_load((ROOT / "deploy" / "local" / "compose.yaml").read_text(encoding="utf-8"))
    mounted = [volume.split(":")[:2] for volume in compose["services"]["prometheus"]["volumes"]]
    assert ["../observability/prometheus/rules.yml", "/etc/prometheus/rules.yml"] in mounted


def test_alerts_choose_the_jobs_that_are_scraped() -> None:
    scraped = yaml.safe_load((ROOT / "deploy" / "local" / "prometheus.yml").read_text(encoding="utf-8"))
    template = (ROOT / "deploy" / "ecs" / "service.yaml").read_text(encoding="utf-8")
    jobs = {job["job_name"] for job in scraped["scrape_configs"]}
    jobs |= set(re.findall(r"(?:ECS_PROMETHEUS_JOB_NAME|job_name): (\S+)", template))
    [pattern] = set(re.findall(r'job=~"([^"]*)"', (FOLDER / "rules.yml").read_text(encoding="utf-8")))
    assert all(re.fullmatch(pattern, job) for job in jobs), jobs
