"""What the dashboard shows: rows of panels, each with its queries and a sentence on what they tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

COLUMNS: Final = 24
WORKERS: Final = 'instance=~"$instance"'


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


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading. Those of a line fill it."""

    title: str
    panels: Sequence[Panel]


def _rate(metric: str, *by: str, matching: str = "") -> str:
    selected = f"rate({metric}{{{WORKERS}{matching}}}[$__rate_interval])"
    return f"sum by ({', '.join(by)}) ({selected})" if by else f"sum({selected})"


def _increase(metric: str, by: str, matching: str = "") -> list[Query]:
    return [Query(f"sum by ({by}) (increase({metric}{{{WORKERS}{matching}}}[5m]))", f"{{{{{by}}}}}")]


def _quantile(share: float, histogram: str) -> str:
    return f"histogram_quantile({share}, {_rate(f'{histogram}_bucket', 'le')})"


def _quantiles(histogram: str) -> list[Query]:
    return [Query(_quantile(0.5, histogram), "p50"), Query(_quantile(0.99, histogram), "p99")]


def _stat(title: str, description: str, expression: str, unit: str = "short") -> Panel:
    return Panel("stat", title, description, unit, 3, [Query(expression)])


def _graph(title: str, description: str, width: int, queries: Sequence[Query], unit: str = "short") -> Panel:
    return Panel("timeseries", title, description, unit, width, queries)


def _stack(title: str, description: str, width: int, queries: Sequence[Query], unit: str = "short") -> Panel:
    return Panel("timeseries", title, description, unit, width, queries, stacked=True)


def _by(function: str, metric: str, label: str, matching: str = "") -> list[Query]:
    return [Query(f"{function} by ({label}) ({metric}{{{WORKERS}{matching}}})", f"{{{{{label}}}}}")]


_QUARANTINED: Final = ',outcome="quarantined"'
_LAG: Final = f"max(sanitizer_behind_latest_seconds{{{WORKERS}}})"

OVERVIEW: Final = (
    _stat("Stored", "Documents stored a second.", _rate("sanitizer_records_total", matching=',outcome="stored"')),
    _stat(
        "Latency, p99",
        "From a record's arrival in the stream until it was durable. The aim is 100 ms to 1 s.",
        _quantile(0.99, "sanitizer_record_latency_seconds"),
        "s",
    ),
    _stat("Lag", "Of the shard that is furthest behind. Grows while a shard hangs, too.", _LAG, "s"),
    _stat(
        "Retention used",
        "The lag as a share of what the stream keeps. At 1 records expire unread.",
        f"{_LAG} / min(sanitizer_stream_retention_seconds{{{WORKERS}}})",
        "percentunit",
    ),
    _stat("In flight", "Deliveries that have not ended yet.", f"sum(sanitizer_records_in_flight{{{WORKERS}}})"),
    _stat(
        "Quarantined",
        "Share of the records that went to quarantine. A worker stops at quarantine.max_share.",
        f"{_rate('sanitizer_records_total', matching=_QUARANTINED)} / {_rate('sanitizer_records_total')}",
        "percentunit",
    ),
    _stat("Shards served", "By these workers together.", f"sum(sanitizer_shards_owned{{{WORKERS}}})"),
    _stat(
        "Without owner",
        "Leases that nobody has or that are not renewed: their records wait, and no lag shows it.",
        f'max(sanitizer_application_leases{{{WORKERS},state="unowned"}}) '
        f'+ max(sanitizer_application_leases{{{WORKERS},state="expired"}})',
    ),
    _graph(
        "Records by outcome",
        "Deliveries a second by how they ended, and those received. Every one received ends in exactly one outcome.",
        8,
        [
            Query(_rate("sanitizer_records_total", "outcome"), "{{outcome}}"),
            Query(_rate("sanitizer_records_received_total"), "received"),
        ],
    ),
    _graph(
        "Documents by outcome",
        "Documents a second by how they ended, and those that the records held. One that cannot be decoded is one.",
        8,
        [
            Query(_rate("sanitizer_documents_total", "outcome"), "{{outcome}}"),
            Query(_rate("sanitizer_documents_received_total"), "received"),
        ],
    ),
    _graph(
        "Latency",
        "From a record's arrival in the stream until it was durable.",
        8,
        _quantiles("sanitizer_record_latency_seconds"),
        "s",
    ),
)

_SPAN: Final = _rate("sanitizer_stream_seconds_received_total", "shard")

SHARDS: Final = (
    _graph(
        "Lag by shard",
        "What KCL reported and the time since, or the age of the oldest unfinished record: whichever is more.",
        12,
        _by("max", "sanitizer_behind_latest_seconds", "shard"),
        "s",
    ),
    _stack(
        "Received by shard",
        "Records a second. A shard takes 1,000 from its producers.",
        12,
        [Query(_rate("sanitizer_records_received_total", "shard"), "{{shard}}")],
    ),
    _graph(
        "Checkpoint age by shard",
        "Time since the last checkpoint: what a crash would have delivered again. Grows while a shard is idle, too.",
        12,
        _by("max", "sanitizer_checkpoint_age_seconds", "shard"),
        "s",
    ),
    _graph(
        "Age of the batch in flight by shard",
        "A batch takes a second. One that grows cannot be written, or hangs.",
        12,
        _by("max", "sanitizer_in_flight_age_seconds", "shard"),
        "s",
    ),
    _stack(
        "In flight by shard",
        "Deliveries that have not ended yet.",
        12,
        _by("sum", "sanitizer_records_in_flight", "shard"),
    ),
    _stack(
        "Quarantined by shard",
        "Records a second. `sanitizer quarantine list` says why.",
        12,
        [Query(_rate("sanitizer_records_total", "shard", matching=_QUARANTINED), "{{shard}}")],
    ),
    _graph(
        "Written, as a share of a shard's limits",
        "Of 1,000 Kinesis records and 1 MB a second, by the stream's own clock. Above 0.8 a shard is hot: split it, or "
        "give the one key that makes it so a suffix.",
        12,
        [
            Query(
                f"{_rate('sanitizer_kinesis_records_received_total', 'shard')} / 1000 / {_SPAN}", "{{shard}} records"
            ),
            Query(f"{_rate('sanitizer_record_bytes_received_total', 'shard')} / 1048576 / {_SPAN}", "{{shard}} bytes"),
        ],
        "percentunit",
    ),
    _graph(
        "Read, as a share of a shard's limit",
        "Of the 2 MB a second that a shard gives to all applications that poll, or to each with enhanced fan-out.",
        12,
        [Query(f"{_rate('sanitizer_record_bytes_received_total', 'shard')} / 2097152", "{{shard}}")],
        "percentunit",
    ),
    _graph(
        "Reads refused",
        "By Kinesis, because more applications poll the stream than `stream.polling_applications` says.",
        24,
        [Query(_rate("sanitizer_read_throttles_total"), "reads")],
    ),
)

REDACTION: Final = (
    _graph(
        "Redactions by rule",
        "Applications a second of each rule of the policy. One that falls to nothing may have been renamed away.",
        8,
        [Query(_rate("sanitizer_redactions_total", "rule", "action"), "{{rule}}: {{action}}")],
    ),
    _stack(
        "Quarantined by reason",
        "Records a second, by the code of their entry. Empty while there have been none.",
        8,
        [Query(_rate("sanitizer_quarantined_total", "code"), "{{code}}")],
    ),
    _graph(
        "Documents by schema",
        "A second, by a registry's schema; and fields that it does not know. Empty while there have been none.",
        8,
        [
            Query(_rate("sanitizer_schema_documents_total", "schema", "version"), "{{schema}} {{version}}"),
            Query(_rate("sanitizer_unknown_fields_total"), "unknown fields"),
        ],
    ),
    _graph(
        "Values of fields",
        "A second, by what became of them; unknown: redacted because no rule speaks of the field.",
        8,
        [Query(_rate("sanitizer_field_values_total", "result"), "{{result}}")],
    ),
    _graph(
        "Unknown fields",
        "Values a second of fields that no rule speaks of. Empty while there have been none.",
        8,
        [Query(_rate("sanitizer_field_values_total", "path", matching=',result="unknown"'), "{{path}}")],
    ),
    _graph(
        "Redacted no longer",
        "1: a field whose values were always redacted is so no longer. Empty while there have been none.",
        8,
        _by("max", "sanitizer_field_drift", "path"),
    ),
)

DYNAMODB: Final = (
    _graph(
        "Write time",
        "Of one batch write, as DynamoDB answered it.",
        6,
        _quantiles("sanitizer_write_batch_seconds"),
        "s",
    ),
    _graph(
        "Batch fill",
        "Items in one batch write, of 25 at most: few on a quiet stream.",
        6,
        [Query(f"{_rate('sanitizer_write_batch_items_sum')} / {_rate('sanitizer_write_batch_items_count')}", "mean")],
    ),
    _graph(
        "Write concurrency",
        "Batch writes that may be under way at once, by worker. Falls when the table throttles or slows down.",
        6,
        _by("sum", "sanitizer_write_concurrency", "instance"),
    ),
    _graph(
        "Write retries by reason",
        "Batch writes a second that were sent again. Empty while there have been none.",
        6,
        [Query(_rate("sanitizer_write_retries_total", "reason"), "{{reason}}")],
    ),
)

PROCESSES: Final = (
    _stack(
        "Leases by state",
        "Of the whole application: owned and renewed, without owner, expired, read to the shard's end.",
        8,
        _by("max", "sanitizer_application_leases", "state"),
    ),
    _graph(
        "Sessions by event",
        "Sessions of shards that began or ended, over five minutes. Lost and broken ones are delivered again.",
        8,
        _increase("sanitizer_sessions_total", "event"),
    ),
    _graph(
        "Restarts of the daemon by reason",
        "Starts of the KCL daemon after its first, over five minutes. Empty while there have been none.",
        8,
        _increase("sanitizer_daemon_restarts_total", "reason"),
    ),
    _stack(
        "CPU by process",
        "Cores, over all these workers. A pipeline process at 1 is at its limit.",
        8,
        [Query(_rate("sanitizer_process_cpu_seconds_total", "process"), "{{process}}")],
    ),
    _stack(
        "Memory by process",
        "Over all these workers; memory that processes share is shared out.",
        8,
        _by("sum", "sanitizer_process_memory_bytes", "process"),
        "bytes",
    ),
    _graph(
        "KCL's errors",
        "Log lines at ERROR over five minutes, by logger. Empty while there have been none.",
        8,
        _increase("sanitizer_daemon_log_lines_total", "logger", ',level="ERROR"'),
    ),
    Panel("table", "Workers", "Version of each.", "", 8, [Query(f"sanitizer_build_info{{{WORKERS}}}")]),
    Panel("table", "Policy", "What each worker applies.", "", 16, [Query(f"sanitizer_policy_info{{{WORKERS}}}")]),
)

ROWS: Final = (
    Row("Overview", OVERVIEW),
    Row("Shards", SHARDS),
    Row("Redaction", REDACTION),
    Row("DynamoDB", DYNAMODB),
    Row("Leases and processes", PROCESSES),
)
