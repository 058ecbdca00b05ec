import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.metrics.declared import DECLARED
from deploy.observability.grafana import generate
from deploy.observability.grafana.panels import COLUMNS
from tests.deploy.exposed import exposed

GRAFANA = Path(generate.__file__).parent
NAME = re.compile(r"\bsanitizer_[a-z_]+")
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


def test_every_query_asks_for_metrics_and_labels_that_a_worker_exposes(dashboard: dict[str, Any]) -> None:
    labels = exposed()
    for query, legend in queries(dashboard):
        names = NAME.findall(query)
        assert names
        assert set(names) <= set(labels), query
        known = set.intersection(*(labels[name] for name in names)) | {"instance"}
        asked = {label.strip() for by in re.findall(r"by \(([^)]*)\)", query) for label in by.split(",")}
        asked |= set(re.findall(r"[{,](\w+)=", query)) | set(re.findall(r"{{(\w+)}}", legend))
        assert asked <= known, query
    # A counter is only of use as a rate.
    assert not re.search(r"(?<!rate\()(?<!increase\()\bsanitizer_\w+_total", " ".join(q for q, _ in queries(dashboard)))


def test_what_is_drawn_is_labelled_by_what_it_is_grouped_by(dashboard: dict[str, Any]) -> None:
    for query, legend in queries(dashboard):
        grouped = {label.strip() for by in re.findall(r"by \(([^)]*)\)", query) for label in by.split(",")} - {"le"}
        assert grouped == set(re.findall(r"{{(\w+)}}", legend)), query


def test_every_variable_is_declared_and_none_for_nothing(dashboard: dict[str, Any]) -> None:
    declared = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(VARIABLE.findall(json.dumps(dashboard["panels"])))
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
    """But for what a table or another metric tells as well, or what only a candidate policy has."""
    names = set(NAME.findall(" ".join(query for query, _ in queries(dashboard))))
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    elsewhere = {
        "sanitizer_application_workers",
        "sanitizer_candidate_differences_total",
        "sanitizer_candidate_policy_info",
        "sanitizer_candidate_records_total",
        "sanitizer_daemon_errors_total",
        "sanitizer_fetch_records",
        "sanitizer_leases_restored_total",
        "sanitizer_log_lines_suppressed_total",
        "sanitizer_start_time_seconds",
        "sanitizer_stream_open_shards",
    }
    assert {metric.name for metric in DECLARED} - shown == elsewhere
