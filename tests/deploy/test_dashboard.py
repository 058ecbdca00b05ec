import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.metrics.declared import DECLARED
from deploy.observability.grafana import generate
from deploy.observability.grafana.panels import COLUMNS, OBJECTIVES
from tests.deploy.exposed import exposed

ROOT = Path(__file__).parents[2]
GRAFANA = Path(generate.__file__).parent
RULES = GRAFANA.parent / "prometheus" / "rules.yml"
NAME = re.compile(r"(?<!:)\bsanitizer_[a-z_]+")
RECORDED = re.compile(r"\b[a-z_]+:sanitizer_[a-z_]+:\w+")
SELECTOR = re.compile(r"\b(?:[a-z_]+:)?(?:sanitizer_[a-z_]+|ALERTS)(?::\w+)?\{[^}]*\}")
BUDGETS = "objective:sanitizer_late_budget:ratio"
VARIABLE = re.compile(r"\$\{?(\w+)")


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(generate.FILE.read_text(encoding="utf-8"))
    return parsed


def drawn(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each query and its legend."""
    for panel in drawn(dashboard):
        for target in panel["targets"]:
            yield target["expr"], target.get("legendFormat", "")


def test_the_file_is_what_the_generator_writes(dashboard: dict[str, Any]) -> None:
    assert dashboard == generate.dashboard(), "python -m deploy.observability.grafana.generate"


def rules() -> list[dict[str, Any]]:
    parsed = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in parsed["groups"] for rule in group["rules"]]


def test_every_query_asks_for_metrics_and_labels_that_a_worker_exposes(dashboard: dict[str, Any]) -> None:
    labels = exposed()
    for query, legend in queries(dashboard):
        names, recorded = NAME.findall(query), RECORDED.findall(query)
        assert names or recorded
        assert set(names) <= set(labels), query
        assert set(recorded) <= {rule.get("record") for rule in rules()}, query
        known = set.intersection(*(labels[name] for name in names)) if names else {"objective"}
        known |= {"job", "instance"}
        asked = {label.strip() for by in re.findall(r"by \(([^)]*)\)", query) for label in by.split(",")}
        asked |= set(re.findall(r"[{,](\w+)=", query)) | set(re.findall(r"{{(\w+)}}", legend))
        assert asked <= known, query
    # A counter is only of use as a rate.
    assert not re.search(r"(?<!rate\()(?<!increase\()\bsanitizer_\w+_total", " ".join(q for q, _ in queries(dashboard)))


def test_every_query_is_of_one_application(dashboard: dict[str, Any]) -> None:
    """Of two in one Prometheus, shards may have the same names."""
    annotations = [each["expr"] for each in dashboard["annotations"]["list"]]
    for query in [*(query for query, _ in queries(dashboard)), *annotations]:
        chosen = [each for each in SELECTOR.findall(query) if not each.startswith(BUDGETS)]
        assert len(chosen) == len(re.findall(r"sanitizer_[a-z_]+|ALERTS", query.replace(BUDGETS, ""))), query
        assert all('job="$job"' in each for each in chosen), query


def test_annotations_ask_for_what_there_is(dashboard: dict[str, Any]) -> None:
    for each in dashboard["annotations"]["list"]:
        assert each["target"]["expr"] == each["expr"]
        assert set(NAME.findall(each["expr"])) <= set(exposed())


def test_colours_change_where_alerts_fire(dashboard: dict[str, Any]) -> None:
    numbers = {
        float(number) for rule in rules() for number in re.findall(r"> (?:bool )?([\d.]+)", rule.get("expr", ""))
    }
    for panel in drawn(dashboard):
        limits = panel["fieldConfig"].get("defaults", {}).get("thresholds", {"steps": []})["steps"]
        values = [step["value"] for step in limits[1:]]
        assert values == sorted(values), panel["title"]
        if panel["links"] and not panel["title"].startswith(("Within", "Budget left")):
            assert set(values) <= numbers | {1}, panel["title"]  # above none is one, of what is counted


def test_the_objectives_are_those_of_the_rules() -> None:
    budgets = {rule["labels"]["objective"]: rule["expr"] for rule in rules() if rule.get("record") == BUDGETS}
    assert budgets == {name: f"vector({round(1 - share, 6):g})" for name, share in OBJECTIVES.items()}


def test_links_lead_to_the_alerts_of_the_runbook(dashboard: dict[str, Any]) -> None:
    known = {f"docs/runbook.md#{rule['alert'].lower()}" for rule in rules() if "alert" in rule}
    found = {link["url"] for panel in drawn(dashboard) for link in panel["links"]}
    of_no_panel = {"workerdown", "noworker", "workerrestarting", "watchdog", "leaksuspected"}
    assert found == known - {f"docs/runbook.md#sanitizer{name}" for name in of_no_panel}
    assert all((ROOT / link["url"]).is_file() for link in dashboard["links"])


def test_what_is_drawn_is_labelled_by_what_it_is_grouped_by(dashboard: dict[str, Any]) -> None:
    for query, legend in queries(dashboard):
        grouped = {label.strip() for by in re.findall(r"by \(([^)]*)\)", query) for label in by.split(",")} - {"le"}
        assert grouped == set(re.findall(r"{{(\w+)}}", legend)), query


def test_every_variable_is_declared_and_none_for_nothing(dashboard: dict[str, Any]) -> None:
    declared = {variable["name"] for variable in dashboard["templating"]["list"]}
    asked = [each.get("query") for each in dashboard["templating"]["list"]]
    used = set(VARIABLE.findall(json.dumps([dashboard["panels"], asked])))
    assert used == declared | {"__rate_interval"}


def test_panels_do_not_overlap_and_differ_in_id_and_title(dashboard: dict[str, Any]) -> None:
    panels = dashboard["panels"]
    for key in ("id", "title"):
        assert len({panel[key] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < COLUMNS


def test_every_panel_says_what_it_shows(dashboard: dict[str, Any]) -> None:
    assert all(panel["description"].endswith(".") for panel in drawn(dashboard))


def test_what_is_provisioned_is_what_the_dashboard_asks(dashboard: dict[str, Any]) -> None:
    folder = GRAFANA / "provisioning"
    [source] = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text(encoding="utf-8"))["datasources"]
    [provider] = yaml.safe_load((folder / "dashboards" / "kinesis-sanitizer.yaml").read_text(encoding="utf-8"))[
        "providers"
    ]
    [variable] = [each for each in dashboard["templating"]["list"] if each["type"] == "datasource"]
    assert variable["query"] == source["type"] == "prometheus"
    assert all(panel["datasource"]["uid"] == f"${{{variable['name']}}}" for panel in drawn(dashboard))
    assert provider["options"]["path"] == "$DASHBOARDS"
    scraped = yaml.safe_load((GRAFANA.parents[1] / "local" / "prometheus.yml").read_text(encoding="utf-8"))
    assert source["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]


def test_every_metric_has_its_place(dashboard: dict[str, Any]) -> None:
    """But for what a table or another metric tells as well."""
    names = set(NAME.findall(" ".join(query for query, _ in queries(dashboard))))
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    elsewhere = {
        "sanitizer_application_workers",
        "sanitizer_daemon_errors_total",
        "sanitizer_fetch_records",
        "sanitizer_leases_restored_total",
        "sanitizer_log_lines_suppressed_total",
        "sanitizer_start_time_seconds",
    }
    assert {metric.name for metric in DECLARED} - shown == elsewhere
