"""What the dashboard shows: rows of panels, each with its queries and a sentence on what they tell.

One application at a time: shards of two may have the same names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

COLUMNS: Final = 24
APPLICATION: Final = 'job="$job"'
WORKERS: Final = f'{APPLICATION},instance=~"$instance"'
OBJECTIVES: Final[Mapping[str, float]] = {"second": 0.99, "minute": 0.999}
"""As the rules have them: the share of documents that is durable within such a time."""


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression. Its legend names labels as ``{{label}}``."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. Units are Grafana's; widths are of 24 columns.

    :ivar limits: from which value on it is bad, by colour: of a stat's number, or as a line of a graph.
    :ivar base: the colour below all limits.
    :ivar alerts: what fires when it is; it links to their sections in the runbook.
    """

    kind: Literal["stat", "timeseries", "table"]
    title: str
    description: str
    unit: str
    width: int
    queries: Sequence[Query]
    stacked: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)
    base: str = "green"
    alerts: Sequence[str] = ()
    decimals: int | None = None

    @property
    def height(self) -> int:
        """In Grafana's grid."""
        return {"stat": 4, "timeseries": 8, "table": 8}[self.kind]


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


def _stat(title: str, description: str, expression: str, unit: str = "short", *alerts: str, **limits: float) -> Panel:
    return Panel("stat", title, description, unit, 3, [Query(expression)], limits=limits, alerts=alerts)


def _graph(
    title: str,
    description: str,
    width: int,
    queries: Sequence[Query],
    unit: str = "short",
    *alerts: str,
    **limits: float,
) -> Panel:
    return Panel("timeseries", title, description, unit, width, queries, limits=limits, alerts=alerts)


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
        "SanitizerSlow",
        orange=1,
    ),
    _stat(
        "Lag",
        "Of the shard that is furthest behind. Grows while a shard hangs, too.",
        _LAG,
        "s",
        "SanitizerLagging",
        "SanitizerFarBehind",
        orange=60,
        red=900,
    ),
    _stat(
        "Retention used",
        "The lag as a share of what the stream keeps. At 1 records expire unread.",
        f"{_LAG} / min(sanitizer_stream_retention_seconds{{{WORKERS}}})",
        "percentunit",
        "SanitizerRetentionHalfGone",
        red=0.5,
    ),
    _stat("In flight", "Deliveries that have not ended yet.", f"sum(sanitizer_records_in_flight{{{WORKERS}}})"),
    _stat(
        "Quarantined",
        "Share of the records that went to quarantine. A worker stops at quarantine.max_share.",
        f"{_rate('sanitizer_records_total', matching=_QUARANTINED)} / {_rate('sanitizer_records_total')}",
        "percentunit",
        "SanitizerQuarantining",
        "SanitizerQuarantineFlood",
        orange=0.01,
        red=0.2,
    ),
    _stat(
        "Shards not served",
        "Open shards of the stream less those that these workers serve. All workers must be chosen.",
        f"clamp_min(max(sanitizer_stream_open_shards{{{WORKERS}}}) - sum(sanitizer_shards_owned{{{WORKERS}}}), 0)",
        "short",
        "SanitizerShardsNotServed",
        orange=1,
    ),
    _stat(
        "Without owner",
        "Leases that nobody has or that are not renewed: their records wait, and no lag shows it.",
        f'max(sanitizer_application_leases{{{WORKERS},state="unowned"}}) '
        f'+ max(sanitizer_application_leases{{{WORKERS},state="expired"}})',
        "short",
        "SanitizerShardWithoutOwner",
        red=1,
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
        "SanitizerSlow",
        orange=1,
    ),
)


def _burn(window: str, selected: str = "") -> str:
    return f"job_objective:sanitizer_budget_burn:ratio_{window}{{{APPLICATION}{selected}}}"


def _of_objective(record: str, legend: str = "") -> Query:
    return Query(f"max by (objective) ({record})", f"{{{{objective}}}}{legend}")


def _kept(objective: str, share: float) -> Panel:
    return Panel(
        "stat",
        f"Within a {objective}",
        f"Share of the documents of 30 days that were durable within a {objective} of their arrival. The objective is "
        f"{share:.1%}. A shard that stood still counts by that time.",
        "percentunit",
        6,
        [
            Query(
                f"1 - max({_burn('30d', _labelled(objective))}) "
                f"* max(objective:sanitizer_late_budget:ratio{{{_labelled(objective)[1:]}}})"
            )
        ],
        limits={"green": share},
        base="red",
        alerts=_BURNS,
        decimals=3,
    )


def _left(objective: str) -> Panel:
    return Panel(
        "stat",
        f"Budget left, a {objective}",
        "Of what may be late in 30 days. At 0 there is none, and only a better month helps.",
        "percentunit",
        6,
        [Query(f"clamp_min(1 - max({_burn('30d', _labelled(objective))}), 0)")],
        limits={"orange": 0.01, "green": 0.5},
        base="red",
        alerts=_BURNS,
    )


def _labelled(objective: str) -> str:
    return f',objective="{objective}"'


_BURNS: Final = ("SanitizerObjectiveFastBurn", "SanitizerObjectiveSlowBurn")

OBJECTIVE: Final = (
    *(panel for objective, share in OBJECTIVES.items() for panel in (_kept(objective, share), _left(objective))),
    _graph(
        "Budget burn",
        "How many times as fast as allowed the month's budget is spent, over an hour and over a day. At 1 it is gone "
        "after 30 days, at 14.4 after two.",
        8,
        [_of_objective(_burn("1h"), ", 1 hour"), _of_objective(_burn("1d"), ", 1 day")],
        "short",
        *_BURNS,
        orange=1,
        red=14.4,
    ),
    _graph(
        "Late documents",
        "Documents a second that were durable later than a second, or a minute, after their arrival.",
        8,
        [_of_objective(f"job_objective:sanitizer_documents_late:rate5m{{{APPLICATION}}}")],
    ),
    _graph(
        "Shards that wait",
        "Share of the shards that are behind by more than 10 s, or by more than a minute: what they hold is late.",
        8,
        [_of_objective(f"job_objective:sanitizer_shards_waiting:ratio{{{APPLICATION}}}")],
        "percentunit",
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
        "SanitizerLagging",
        "SanitizerLagGrowing",
        "SanitizerFarBehind",
        orange=60,
        red=900,
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
        "SanitizerCheckpointStale",
        orange=120,
    ),
    _graph(
        "Age of the batch in flight by shard",
        "A batch takes a second. One that grows cannot be written, or hangs.",
        12,
        _by("max", "sanitizer_in_flight_age_seconds", "shard"),
        "s",
        "SanitizerBatchStuck",
        red=60,
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
        "SanitizerHotShard",
        orange=0.8,
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
        "short",
        "SanitizerFieldDrift",
        red=1,
    ),
)

CANDIDATE: Final = (
    _stack(
        "Records by result",
        "Records a second by what the candidate policy would make of them. Empty without `redaction.candidate`.",
        8,
        [Query(_rate("sanitizer_candidate_records_total", "result"), "{{result}}")],
    ),
    _graph(
        "Differences by field",
        "A second, by field and kind of change. Empty while there are none.",
        8,
        [Query(_rate("sanitizer_candidate_differences_total", "path", "change"), "{{path}}: {{change}}")],
    ),
    Panel(
        "table",
        "Candidate",
        "What each worker tries beside its policy. Empty without `redaction.candidate`.",
        "",
        8,
        [Query(f"sanitizer_candidate_policy_info{{{WORKERS}}}")],
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
        "short",
        "SanitizerWritesThrottled",
        "SanitizerWritesFailing",
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
        "short",
        "SanitizerLeaseChurn",
    ),
    _graph(
        "Restarts of the daemon by reason",
        "Starts of the KCL daemon after its first, over five minutes. Empty while there have been none.",
        8,
        _increase("sanitizer_daemon_restarts_total", "reason"),
        "short",
        "SanitizerDaemonRestarting",
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
        "short",
        "SanitizerDaemonErrors",
    ),
    Panel("table", "Workers", "Version of each.", "", 8, [Query(f"sanitizer_build_info{{{WORKERS}}}")]),
    Panel(
        "table",
        "Policy",
        "What each worker applies.",
        "",
        16,
        [Query(f"sanitizer_policy_info{{{WORKERS}}}")],
        alerts=["SanitizerMixedPolicies"],
    ),
)

ROWS: Final = (
    Row("Overview", OVERVIEW),
    Row("Objectives", OBJECTIVE),
    Row("Shards", SHARDS),
    Row("Redaction", REDACTION),
    Row("Candidate policy", CANDIDATE),
    Row("DynamoDB", DYNAMODB),
    Row("Leases and processes", PROCESSES),
)
