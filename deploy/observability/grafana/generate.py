"""Writes Grafana's dashboard, dashboards/kinesis-sanitizer.json, anew. A test holds the file against this.

    python -m deploy.observability.grafana.generate

To change the dashboard, change the panels below: what is saved in Grafana itself is not kept.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

FILE: Final = Path(__file__).parent / "dashboards" / "kinesis-sanitizer.json"
SCHEMA_VERSION: Final = 39  # Grafana 10.4's; later ones read it and bring it up to date
COLUMNS: Final = 24
WORKERS: Final = 'instance=~"$instance"'
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression. Its legend names labels as ``{{label}}``."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. Units are Grafana's; widths are of 24 columns."""

    kind: Literal["stat", "timeseries", "table"]
    title: str
    description: str
    unit: str
    width: int
    queries: Sequence[Query]
    stacked: bool = False

    @property
    def height(self) -> int:
        """In Grafana's grid."""
        return {"stat": 4, "timeseries": 8, "table": 5}[self.kind]


def _rate(metric: str, *by: str, matching: str = "") -> str:
    selected = f"rate({metric}{{{WORKERS}{matching}}}[$__rate_interval])"
    return f"sum by ({', '.join(by)}) ({selected})" if by else f"sum({selected})"


def _quantile(share: float, histogram: str) -> str:
    return f"histogram_quantile({share}, {_rate(f'{histogram}_bucket', 'le')})"


def _quantiles(histogram: str) -> list[Query]:
    return [Query(_quantile(0.5, histogram), "p50"), Query(_quantile(0.99, histogram), "p99")]


_QUARANTINED: Final = ',outcome="quarantined"'

PANELS: Final = (
    Panel(
        "stat",
        "Stored",
        "Documents stored a second.",
        "short",
        4,
        [Query(_rate("sanitizer_records_total", matching=',outcome="stored"'))],
    ),
    Panel(
        "stat",
        "Latency, p99",
        "From a record's arrival in the stream until it was durable. The aim is 100 ms to 1 s.",
        "s",
        4,
        [Query(_quantile(0.99, "sanitizer_record_latency_seconds"))],
    ),
    Panel(
        "stat",
        "Lag",
        "Of the shard that is furthest behind, as KCL reported it at its last fetch.",
        "s",
        4,
        [Query(f"max(sanitizer_behind_latest_seconds{{{WORKERS}}})")],
    ),
    Panel(
        "stat",
        "In flight",
        "Deliveries that have not ended yet.",
        "short",
        4,
        [Query(f"sum(sanitizer_records_in_flight{{{WORKERS}}})")],
    ),
    Panel(
        "stat",
        "Quarantined",
        "Share of the records that went to quarantine. A worker stops at quarantine.max_share.",
        "percentunit",
        4,
        [Query(f"{_rate('sanitizer_records_total', matching=_QUARANTINED)} / {_rate('sanitizer_records_total')}")],
    ),
    Panel(
        "stat",
        "Shards",
        "Shards that the workers serve; fewer than the stream has: some wait for a worker.",
        "short",
        4,
        [Query(f"sum(sanitizer_shards_owned{{{WORKERS}}})")],
    ),
    Panel(
        "timeseries",
        "Records by outcome",
        "Deliveries a second by how they ended, and those received. Every one received ends in exactly one outcome.",
        "short",
        12,
        [
            Query(_rate("sanitizer_records_total", "outcome"), "{{outcome}}"),
            Query(_rate("sanitizer_records_received_total"), "received"),
        ],
    ),
    Panel(
        "timeseries",
        "Latency",
        "From a record's arrival in the stream until it was durable.",
        "s",
        12,
        _quantiles("sanitizer_record_latency_seconds"),
    ),
    Panel(
        "timeseries",
        "Lag by shard",
        "As KCL reported it at its last fetch: what waits between fetch and table is not in it; see the latency.",
        "s",
        12,
        [Query(f"max by (shard) (sanitizer_behind_latest_seconds{{{WORKERS}}})", "{{shard}}")],
    ),
    Panel(
        "timeseries",
        "Checkpoint age by shard",
        "Time since the last checkpoint: what a crash would have delivered again. Grows while a shard is idle, too.",
        "s",
        12,
        [Query(f"max by (shard) (sanitizer_checkpoint_age_seconds{{{WORKERS}}})", "{{shard}}")],
    ),
    Panel(
        "timeseries",
        "In flight by shard",
        "Deliveries that have not ended yet. One that does not come down again is a batch that is stuck.",
        "short",
        8,
        [Query(f"sum by (shard) (sanitizer_records_in_flight{{{WORKERS}}})", "{{shard}}")],
        stacked=True,
    ),
    Panel(
        "timeseries",
        "Quarantined by shard",
        "Records a second. `sanitizer quarantine list` says why.",
        "short",
        8,
        [Query(_rate("sanitizer_records_total", "shard", matching=_QUARANTINED), "{{shard}}")],
        stacked=True,
    ),
    Panel(
        "timeseries",
        "Redactions by rule",
        "Applications a second of each rule of the policy. One that falls to nothing may have been renamed away.",
        "short",
        8,
        [Query(_rate("sanitizer_redactions_total", "rule", "action"), "{{rule}}: {{action}}")],
    ),
    Panel(
        "timeseries",
        "Write time",
        "Of one batch write, as DynamoDB answered it.",
        "s",
        8,
        _quantiles("sanitizer_write_batch_seconds"),
    ),
    Panel(
        "timeseries",
        "Write retries by reason",
        "Batch writes a second that were sent again. Empty while there have been none.",
        "short",
        8,
        [Query(_rate("sanitizer_write_retries_total", "reason"), "{{reason}}")],
    ),
    Panel(
        "timeseries",
        "Restarts of the daemon by reason",
        "Starts of the KCL daemon after its first, over five minutes. Empty while there have been none.",
        "short",
        8,
        [Query(f"sum by (reason) (increase(sanitizer_daemon_restarts_total{{{WORKERS}}}[5m]))", "{{reason}}")],
    ),
    Panel("table", "Workers", "Version of each.", "", 8, [Query(f"sanitizer_build_info{{{WORKERS}}}")]),
    Panel("table", "Policy", "What each worker applies.", "", 16, [Query(f"sanitizer_policy_info{{{WORKERS}}}")]),
)


_DATASOURCE_VARIABLE: Final = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
_INSTANCE_VARIABLE: Final = {
    "name": "instance",
    "label": "Worker",
    "type": "query",
    "datasource": DATASOURCE,
    "query": {"query": "label_values(sanitizer_build_info, instance)", "refId": "instance", "qryType": 1},
    "refresh": 2,  # when the time range changes
    "sort": 1,
    "multi": True,
    "includeAll": True,
    "allValue": ".*",
    "current": {"text": "All", "value": "$__all"},
}


def dashboard() -> dict[str, Any]:
    """Return it as Grafana reads it."""
    return {
        "uid": "kinesis-sanitizer",
        "title": "kinesis-sanitizer",
        "description": "One stream's workers. Generated: see deploy/observability/grafana/generate.py.",
        "tags": ["kinesis-sanitizer"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,  # one crosshair over all panels
        "time": {"from": "now-15m", "to": "now"},
        "refresh": "10s",
        "templating": {"list": [_DATASOURCE_VARIABLE, _INSTANCE_VARIABLE]},
        "panels": list(_placed()),
    }


def _placed() -> Iterator[dict[str, Any]]:
    """Yield the panels, from left to right and row by row."""
    x = y = 0
    for number, panel in enumerate(PANELS, start=1):
        if x + panel.width > COLUMNS:
            msg = f"{panel.title} does not fit into its row"
            raise ValueError(msg)
        yield {
            "id": number,
            "type": panel.kind,
            "title": panel.title,
            "description": panel.description,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
            "fieldConfig": {"defaults": _field(panel), "overrides": []},
            "options": _OPTIONS[panel.kind],
            "targets": [_target(panel, query, "ABC"[i]) for i, query in enumerate(panel.queries)],
            "transformations": [_ONLY_WHAT_TELLS] if panel.kind == "table" else [],
        }
        x = (x + panel.width) % COLUMNS
        y += 0 if x else panel.height


_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area", "colorMode": "none"},
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "table": {"showHeader": True},
}

_ONLY_WHAT_TELLS: Final = {
    "id": "organize",
    "options": {"excludeByName": dict.fromkeys(("Time", "Value", "__name__", "job"), True)},
}


def _field(panel: Panel) -> dict[str, Any]:
    if panel.kind == "table":
        return {}
    made: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.kind == "timeseries":
        made["custom"] = {
            "fillOpacity": 10,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none"},
        }
    return made


def _target(panel: Panel, query: Query, name: str) -> dict[str, Any]:
    made: dict[str, Any] = {"refId": name, "datasource": DATASOURCE, "expr": query.expression}
    if panel.kind == "table":
        return made | {"instant": True, "format": "table"}
    return made | {"legendFormat": query.legend or panel.title}


def main() -> None:
    """Write the file."""
    FILE.write_text(json.dumps(dashboard(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
