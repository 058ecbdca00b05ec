"""Reads a local worker's metrics, as Prometheus would."""

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy


def text(port: int) -> str:
    """Return what ``/metrics`` says.

    :raises OSError: the worker does not answer.
    """
    with _DIRECT.open(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def sums(port: int) -> dict[str, float]:
    """Return the sum of each metric over its labels, and of each outcome as ``outcome:NAME``.

    Empty while the worker does not answer.
    """
    found: dict[str, float] = {}
    try:
        exposed = text(port)
    except OSError:
        return found
    for family in text_string_to_metric_families(exposed):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
            if sample.name == "sanitizer_records_total":
                name = f"outcome:{sample.labels['outcome']}"
                found[name] = found.get(name, 0.0) + sample.value
    return found
