"""Writes Grafana's dashboard, dashboards/kinesis-sanitizer.json, anew. A test holds the file against this.

    python -m deploy.observability.grafana.generate

To change the dashboard, change `panels`: what is saved in Grafana itself is not kept.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from deploy.observability.grafana.panels import COLUMNS, ROWS, Panel, Query, Row

FILE: Final = Path(__file__).parent / "dashboards" / "kinesis-sanitizer.json"
SCHEMA_VERSION: Final = 39  # Grafana 10.4's; later ones read it and bring it up to date
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
ROW_HEIGHT: Final = 1


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
        "options": _OPTIONS[panel.kind],
        "targets": [_target(panel, query, "ABC"[i]) for i, query in enumerate(panel.queries)],
        "transformations": [_ONLY_WHAT_TELLS] if panel.kind == "table" else [],
    }


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
