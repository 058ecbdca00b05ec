"""CloudWatch's embedded metric format (EMF): a line of the log that says which of its numbers are metrics.

CloudWatch Logs makes metrics of such a line whoever puts it there, ECS's driver `awslogs` included: the header
`x-amzn-logs-format`, which that driver does not send, "is not required". So say
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Generation_PutLogEvents.html
and, asked about `awslogs` on Fargate, the authors of AWS's own library:
https://github.com/awslabs/aws-embedded-metrics-python/issues/73

The line has to be one JSON object and nothing else:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Unit = Literal["Seconds", "Count", "Percent"]


class Measured(NamedTuple):
    """A value of a metric, and CloudWatch's name for its unit."""

    value: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class EmbeddedMetrics:
    """What one line tells: numbers with names that stand in the code, and of whom they are.

    :ivar dimensions: names and values, all of one set; from the settings, never from a record.
    :ivar at: epoch seconds.
    """

    namespace: str
    dimensions: Mapping[str, str]
    metrics: Mapping[str, Measured]
    at: float = field(default_factory=time.time)

    def members(self) -> dict[str, Any]:
        """Return the members of the line's object."""
        directive = {
            "Namespace": self.namespace,
            "Dimensions": [list(self.dimensions)],
            "Metrics": [{"Name": name, "Unit": each.unit} for name, each in self.metrics.items()],
        }
        about = {"Timestamp": int(self.at * 1000), "CloudWatchMetrics": [directive]}
        values = {name: float(each.value) for name, each in self.metrics.items()}
        return {"_aws": about} | dict(self.dimensions) | values
