"""What a worker exposes, by its declarations."""

from consumer.metrics.declared import DECLARED


def exposed() -> dict[str, set[str]]:
    """Return the labels of every metric that a worker can expose, by its name in Prometheus."""
    labels: dict[str, set[str]] = {}
    for metric in DECLARED:
        for suffix in ("_bucket", "_count", "_sum") if metric.type == "histogram" else ("",):
            labels[metric.name + suffix] = set(metric.labels) | ({"le"} if suffix == "_bucket" else set())
    return labels
