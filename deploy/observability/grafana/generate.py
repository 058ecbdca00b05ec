"""Writes Grafana's dashboard, dashboards/kinesis-sanitizer.json, anew. A test holds the file against this.

    python -m deploy.observability.grafana.generate

To change the dashboard, change `panels`: what is saved in Grafana itself is not kept.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from deploy.observability.grafana.panels import APPLICATION, COLUMNS, ROWS, WORKERS, Panel, Query, Row

FILE: Final = Path(__file__).parent / "dashboards" / "kinesis-sanitizer.json"
SCHEMA_VERSION: Final = 39  # Grafana 10.4's; later ones read it and bring it up to date
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
ROW_HEIGHT: Final = 1
ANNOTATION_STEP: Final = "15s"


_DATASOURCE_VARIABLE: Final = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(name: str, label: str, query: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name, "qryType": 1},
        "refresh": 2,  # when the time range changes
        "sort": 1,
        **more,
    }


_VARIABLES: Final = (
    _DATASOURCE_VARIABLE,
    _variable("job", "Application", "label_values(sanitizer_build_info, job)"),
    _variable(
        "instance",
        "Worker",
        f"label_values(sanitizer_build_info{{{APPLICATION}}}, instance)",
        multi=True,
        includeAll=True,
        allValue=".*",
        current={"text": "All", "value": "$__all"},
    ),
)


def _annotation(name: str, colour: str, expression: str, title: str, tags: str, **more: Any) -> dict[str, Any]:
    """Return one for Grafana 10, which reads `expr` and `step`, and for later ones, which read `target`."""
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": colour,
        "expr": expression,
        "step": ANNOTATION_STEP,
        "target": {"refId": "Anno", "expr": expression, "interval": ANNOTATION_STEP},
        "titleFormat": title,
        "tagKeys": tags,
        **more,
    }


def _new(metric: str, labels: str) -> str:
    """Return a query for what was not there two minutes ago."""
    now, before = (f"count by ({labels}) ({metric}{{{APPLICATION}}}{offset})" for offset in ("", " offset 2m"))
    return f"{now} unless {before}"


_ANNOTATIONS: Final = (
    _annotation(
        "Starts",
        "blue",
        f"sanitizer_start_time_seconds{{{WORKERS}}} * 1000",
        "{{instance}} started",
        "instance",
        useValueForTime=True,
    ),
    _annotation("Versions", "purple", _new("sanitizer_build_info", "version"), "Version {{version}}", "version"),
    _annotation(
        "Policies",
        "yellow",
        _new("sanitizer_policy_info", "name, version, digest"),
        "Policy {{name}} {{version}}",
        "digest",
    ),
    _annotation(
        "Alerts",
        "red",
        f'ALERTS{{{APPLICATION},alertstate="firing"}}',
        "{{alertname}} {{shard}}",
        "severity,shard",
    ),
)


def _link(title: str, page: str) -> dict[str, Any]:
    """Return a link into docs/, which becomes clickable as those of the alerts do: docs/runbook.md says how."""
    return {"title": title, "url": page, "targetBlank": True}


def _dashboard_link(title: str, page: str) -> dict[str, Any]:
    return _link(title, page) | {"type": "link", "icon": "doc", "tags": [], "asDropdown": False, "keepTime": False}


def dashboard() -> dict[str, Any]:
    """Return it as Grafana reads it."""
    return {
        "uid": "kinesis-sanitizer",
        "title": "kinesis-sanitizer",
        "description": "One application's workers. Generated: see deploy/observability/grafana/generate.py.",
        "tags": ["kinesis-sanitizer"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,  # one crosshair over all panels
        "time": {"from": "now-15m", "to": "now"},
        "refresh": "10s",
        "templating": {"list": list(_VARIABLES)},
        "annotations": {"list": list(_ANNOTATIONS)},
        "links": [
            _dashboard_link("Runbook", "docs/runbook.md"),
            _dashboard_link("Objectives", "docs/objectives.md"),
            _dashboard_link("Metrics", "docs/metrics.md"),
        ],
        "panels": list(_placed()),
    }


def drawn() -> list[dict[str, Any]]:
    """Return the panels that ask for something: all but the headings of rows."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def _placed() -> Iterator[dict[str, Any]]:
    """Yield the rows with their panels, from left to right and from top to bottom."""
    y, number = 0, 0
    for row in ROWS:
        number += 1
        yield _heading(row, number, y)
        x, y = 0, y + ROW_HEIGHT
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                msg = f"{panel.title} does not fit into its line"
                raise ValueError(msg)
            number += 1
            yield _panel(panel, number, x, y)
            x = (x + panel.width) % COLUMNS
            y += 0 if x else panel.height


def _heading(row: Row, number: int, y: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": "row",
        "title": row.title,
        "collapsed": False,
        "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": ROW_HEIGHT},
        "panels": [],
    }


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel),
        "links": [_link(name, f"docs/runbook.md#{name.lower()}") for name in panel.alerts],
        "targets": [_target(panel, query, "ABC"[i]) for i, query in enumerate(panel.queries)],
        "transformations": [_ONLY_WHAT_TELLS] if panel.kind == "table" else [],
    }


_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area"},
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


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        return _OPTIONS["stat"] | {"colorMode": "value" if panel.limits else "none"}
    return _OPTIONS[panel.kind]


def _field(panel: Panel) -> dict[str, Any]:
    if panel.kind == "table":
        return {}
    made: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.kind == "timeseries":
        made["custom"] = {
            "fillOpacity": 10,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none"},
            "thresholdsStyle": {"mode": "dashed" if panel.limits else "off"},
        }
    if panel.decimals is not None:
        made["decimals"] = panel.decimals
    if panel.limits:
        steps: list[dict[str, str | float | None]] = [{"color": panel.base, "value": None}]
        steps += [{"color": colour, "value": value} for colour, value in panel.limits.items()]
        made["thresholds"] = {"mode": "absolute", "steps": steps}
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
