"""Prometheus's rules: they are sound, each is tried, asks for metrics that there are, and is in the runbook."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.local import up
from consumer.metrics.declared import Declarations
from deploy.observability.grafana.generate import FILE as DASHBOARD
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
OF_THE_RULES = {"objective"}
WATCHDOG = "SanitizerWatchdog"

Rule = dict[str, Any]


def rules() -> list[Rule]:
    parsed = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))
    return [rule for group in parsed["groups"] for rule in group["rules"]]


def alerts() -> list[Rule]:
    return [rule for rule in rules() if "alert" in rule]


def cases() -> list[dict[str, Any]]:
    parsed = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in FOLDER.glob("rules_test*.yml")]
    return [case for tests in parsed for test in tests["tests"] for case in test["alert_rule_test"]]


def sections() -> dict[str, str]:
    """Return the runbook's sections about alerts, by their headings."""
    parts = re.split(r"^#{2,3} (.+)$", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {title: text for title, text in zip(parts[1::2], parts[2::2], strict=True) if title.startswith("Sanitizer")}


@pytest.mark.parametrize(
    "words",
    [["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"], ["test", "rules", "rules_test_hours.yml"]],
)
def test_promtool_is_content(words: list[str]) -> None:
    promtool = needs("promtool", "prometheus")
    done = subprocess.run([promtool, *words], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_seen_firing_and_seen_waiting() -> None:
    fire = {case["alertname"] for case in cases() if case.get("exp_alerts")}
    quiet = {case["alertname"] for case in cases() if not case.get("exp_alerts")}
    assert fire == quiet | {WATCHDOG} == {alert["alert"] for alert in alerts()}


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
        assert grouped <= set().union(*known.values()) | OF_PROMETHEUS | OF_THE_RULES, expression


def test_every_alert_says_which_application_it_is_about() -> None:
    """So that one does not hide another's. Where there is none at all, there is nothing to say."""
    for alert in alerts():
        if alert["alert"] != WATCHDOG:
            assert "$labels.job" in alert["annotations"]["description"], alert["alert"]
            assert "job" in alert["expr"], alert["alert"]


def test_the_objectives_count_by_buckets_that_there_are() -> None:
    """In either spelling: Prometheus's own, and that of what an OpenTelemetry collector writes."""
    asked = {bound for rule in rules() for bound in re.findall(r'le=~"([^"]+)"', rule["expr"])}
    bounds = Declarations.latency.buckets
    for spelling in (str, "{:g}".format):
        known = {spelling(bound) for bound in bounds}
        chosen = [[bound for bound in known if re.fullmatch(each.replace(r"\\", "\\"), bound)] for each in asked]
        assert sorted(chosen) == [[spelling(1.0)], [spelling(60.0)]]


def test_nothing_is_recorded_for_nobody() -> None:
    """Each is asked for by another rule, or by the dashboard."""
    asked = set(
        RECORDED.findall(" ".join([*(rule["expr"] for rule in rules()), DASHBOARD.read_text(encoding="utf-8")]))
    )
    assert {rule["record"] for rule in rules() if "record" in rule} == asked


def test_each_alert_says_what_is_wrong_how_much_of_it_and_where_to_read_on() -> None:
    for alert in alerts():
        is_watchdog = alert["alert"] == WATCHDOG
        assert alert["labels"]["severity"] in (("none",) if is_watchdog else ("warning", "critical"))
        notes = alert["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url"}
        assert is_watchdog or re.search(r"\$value|\d|\$labels\.path", notes["description"]), alert["alert"]
        assert notes["runbook_url"] == f"docs/runbook.md#{alert['alert'].lower()}"
        assert "{{" not in notes["summary"]  # one text for all of its kind, so that pagers can group by it


def test_the_runbook_has_a_section_for_each_alert_and_none_besides() -> None:
    found = sections()
    assert set(found) == {alert["alert"] for alert in alerts()}
    for name, text in found.items():
        assert all(f"**{word}**" in text for word in ("Means.", "Look.", "Do.")), name


def test_the_runbooks_command_makes_every_link_absolute(tmp_path: Path) -> None:
    """And leaves what it is: rules that promtool takes, a dashboard that is JSON."""
    text = RUNBOOK.read_text(encoding="utf-8")
    block = re.search(r"^    DOCS=.*?(?=\n\n)", text, re.MULTILINE | re.DOTALL)
    assert block
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    subprocess.run(["sh", "-euc", block[0]], cwd=tmp_path, check=True)
    made = tmp_path / "build" / "observability"
    for name, before in (("rules.yml", FOLDER / "rules.yml"), ("dashboard.json", DASHBOARD)):
        after = (made / name).read_text(encoding="utf-8")
        pages = re.findall(r"\S*docs/[a-z]+\.md", after)
        assert len(pages) == len(re.findall(r"docs/[a-z]+\.md", before.read_text(encoding="utf-8")))
        assert all("https://git.example.com/payments/kinesis-sanitizer/blob/main/docs/" in page for page in pages)
    json.loads((made / "dashboard.json").read_text(encoding="utf-8"))
    subprocess.run([needs("promtool", "prometheus"), "check", "rules", "rules.yml"], cwd=made, check=True)


def test_the_rules_are_loaded_by_make_up_and_by_compose() -> None:
    assert up.scrape_settings("127.0.0.1:1")["rule_files"] == [str(FOLDER / "rules.yml")]
    compose = yaml.safe_load((ROOT / "deploy" / "local" / "compose.yaml").read_text(encoding="utf-8"))
    mounted = [volume.split(":")[:2] for volume in compose["services"]["prometheus"]["volumes"]]
    assert ["../observability/prometheus/rules.yml", "/etc/prometheus/rules.yml"] in mounted


def test_alerts_choose_the_jobs_that_are_scraped() -> None:
    scraped = yaml.safe_load((ROOT / "deploy" / "local" / "prometheus.yml").read_text(encoding="utf-8"))
    templates = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "deploy" / "ecs").glob("*.yaml"))
    jobs = {job["job_name"] for job in scraped["scrape_configs"]}
    in_templates = re.findall(r'(?:ECS_PROMETHEUS_JOB_NAME|job_name): (?:!Sub )?"?([^\s"]+)', templates)
    assert len(in_templates) >= 2
    jobs |= set(in_templates)
    [pattern] = set(re.findall(r'job=~"([^"]*)"', (FOLDER / "rules.yml").read_text(encoding="utf-8")))
    assert all(re.fullmatch(pattern, job) for job in jobs), jobs
