"""CloudWatch's embedded metric format, as its specification has it: what CloudWatch would make of a line.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import math
from typing import Any, Final, NamedTuple

UNITS: Final = {
    *("Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None", "Bytes", "Bytes/Second"),
}
"""Of the API's MetricDatum, those that may be met here."""


class Extracted(NamedTuple):
    """What one line is worth.

    :ivar at: epoch milliseconds.
    """

    namespace: str
    dimensions: dict[str, str]
    values: dict[str, float]
    units: dict[str, str]
    at: int


def extracted(line: str) -> Extracted:
    """Return the metrics of a line, which must be one object, valid to the letter."""
    root: dict[str, Any] = json.loads(line, parse_constant=lambda name: _refuse(f"{name} is no JSON"))
    assert len(line.encode()) < 256 * 1024
    about = root["_aws"]
    assert type(about["Timestamp"]) is int
    (directive,) = about["CloudWatchMetrics"]
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert 1 <= len(directive["Namespace"]) <= 1024
    (names,) = directive["Dimensions"]
    assert 0 < len(names) <= 30
    dimensions = {name: root[name] for name in names}
    assert all(isinstance(value, str) and 1 <= len(value) <= 1024 for value in dimensions.values())
    assert 0 < len(directive["Metrics"]) <= 100
    values, units = {}, {}
    for metric in directive["Metrics"]:
        assert set(metric) == {"Name", "Unit"}
        assert metric["Unit"] in UNITS
        value = root[metric["Name"]]
        assert type(value) in (int, float)
        assert math.isfinite(value)
        assert metric["Name"] not in values
        values[metric["Name"]], units[metric["Name"]] = value, metric["Unit"]
    assert not values.keys() & dimensions.keys()
    return Extracted(directive["Namespace"], dimensions, values, units, about["Timestamp"])


def _refuse(why: str) -> None:
    raise AssertionError(why)
