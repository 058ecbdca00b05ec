"""Every metric: its name, type, labels with their bounds, and help. `docs/metrics.md` is generated from this.

Most are counted into the files of `consumer.metrics.recorded`; what is `derived` is worked out when Prometheus scrapes,
in `consumer.metrics.collector`. The bound of a label says how many values it can have: without one, a metric could grow
for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic, Self, TypeVar, overload

from prometheus_client import Counter, Gauge, Histogram, Metric

_Made_co = TypeVar("_Made_co", covariant=True)


class Group(StrEnum):
    """Headings of the page."""

    ACCOUNTS = "accounts"
    LAG = "lag-and-latency"
    REDACTION = "redaction"
    DYNAMODB = "dynamodb"
    LEASES = "leases-and-restarts"
    PROCESS = "process-and-logs"
    INFO = "info"


@dataclass(frozen=True, slots=True, eq=False)
class Declared(Generic[_Made_co]):
    """One metric, declared in a class; what its instances have by the same name is what a process counts with.

    mypy knows the latter's type by `__get__`, which is only asked for what an instance does not have.

    :ivar group: None: it is not shown as it is.
    :ivar labels: bounds by label.
    :ivar derived: worked out at the scrape.
    :ivar merged: how the gauges of several processes become one (prometheus_client's multiprocess modes).
    :ivar condition: on what it is shown at all.
    """

    name: str
    type: str
    group: Group | None
    help: str
    labels: Mapping[str, str] = field(default_factory=dict)
    derived: bool = False
    merged: str = ""
    buckets: tuple[float, ...] = ()
    condition: str = ""

    @property
    def family(self) -> str:
        """The name as prometheus_client keeps it: a counter's without its ending."""
        return self.name.removesuffix("_total") if self.type == "counter" else self.name

    @overload
    def __get__(self, instance: None, owner: object) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: object) -> _Made_co: ...
    def __get__(self, instance: object, owner: object) -> Any:
        """Return the declaration, from the class.

        :raises AttributeError: no process counts it: it is derived.
        """
        if instance is None:
            return self
        raise AttributeError(self.name)

    def empty(self) -> Metric:
        """Return its family without samples."""
        return Metric(self.family, self.help, self.type)


_LATENCY: Final = (
    *(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75),
    *(1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 600.0, 3600.0),  # 1 and 60: what docs/objectives.md promises
)
_WRITE: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)
_ITEMS: Final = (1.0, 5.0, 10.0, 15.0, 20.0, 24.0, 25.0)

_SHARD: Final = {"shard": "the shards that this worker has served since its start"}
_PATH: Final = "200 paths of fields that recur, then `(other)`"
_POLICY: Final = dict.fromkeys(("name", "version", "digest"), "the one policy")
CANDIDATE: Final = "`redaction.candidate` is set"
LAST: Final = "livemostrecent"


def _counter(group: Group, name: str, text: str, condition: str = "", /, **labels: str) -> Declared[Counter]:
    return Declared(name, "counter", group, text, labels, condition=condition)


def _gauge(group: Group, name: str, text: str, merged: str, /, **labels: str) -> Declared[Gauge]:
    return Declared(name, "gauge", group, text, labels, merged=merged)


def _derived(group: Group, name: str, text: str, condition: str = "", /, **labels: str) -> Declared[None]:
    kind = "counter" if name.endswith("_total") else "gauge"
    return Declared(name, kind, group, text, labels, derived=True, condition=condition)


def _histogram(group: Group, name: str, text: str, buckets: tuple[float, ...]) -> Declared[Histogram]:
    return Declared(name, "histogram", group, text, buckets=buckets)


def _raw(name: str, text: str) -> Declared[Gauge]:
    return Declared(f"sanitizer_internal_{name}", "gauge", None, text, _SHARD, merged=LAST)


class Declarations:
    """Every metric, in the order of the page."""

    received = _counter(
        Group.ACCOUNTS,
        "sanitizer_records_received_total",
        "Records delivered by the daemon, redeliveries included.",
        **_SHARD,
    )
    bytes_received = _counter(
        Group.ACCOUNTS,
        "sanitizer_record_bytes_received_total",
        "Bytes of record data delivered by the daemon.",
        **_SHARD,
    )
    kinesis_records = _counter(
        Group.ACCOUNTS,
        "sanitizer_kinesis_records_received_total",
        "Records of Kinesis delivered by the daemon: an aggregate of the KPL is one, whatever it holds. These are what "
        "a shard's limit counts.",
        **_SHARD,
    )
    stream_seconds = _counter(
        Group.ACCOUNTS,
        "sanitizer_stream_seconds_received_total",
        "Time of the shard that was read: from the arrival of a delivery's last record to that of the next delivery's. "
        "What was received, divided by this, is how fast it was written, also while it is read late and therefore "
        "faster.",
        **_SHARD,
    )
    outcomes = _counter(
        Group.ACCOUNTS,
        "sanitizer_records_total",
        "Deliveries by how they ended: stored, quarantined, dropped, duplicate or abandoned.",
        **_SHARD,
        outcome="5: `stored`, `quarantined`, `dropped`, `duplicate`, `abandoned`",
    )
    documents_received = _counter(
        Group.ACCOUNTS,
        "sanitizer_documents_received_total",
        "Documents that delivered records were found to hold; most hold one.",
        **_SHARD,
    )
    documents = _counter(
        Group.ACCOUNTS,
        "sanitizer_documents_total",
        "Documents by how they ended. A record ends as the first of these that one of its documents is: abandoned, "
        "quarantined, stored, dropped, duplicate.",
        **_SHARD,
        outcome="5: as of records",
    )
    in_flight = _derived(
        Group.ACCOUNTS,
        "sanitizer_records_in_flight",
        "Deliveries that have not ended yet: received less every outcome.",
        **_SHARD,
    )
    schema_documents = _counter(
        Group.ACCOUNTS,
        "sanitizer_schema_documents_total",
        "Documents that were decoded by a schema of a registry.",
        schema="100 schemas with their versions, then `(other)`",
        version="of the schema; of `(other)` none",
    )
    fields_kept_out = _counter(
        Group.ACCOUNTS,
        "sanitizer_unknown_fields_total",
        "Fields of Protobuf messages that the schema does not know, and that were therefore kept out of the document.",
    )
    quarantined = _counter(
        Group.ACCOUNTS,
        "sanitizer_quarantined_total",
        "Entries of the quarantine, by their code: records, and documents of records.",
        code="the codes of [the policies' page](policies.md#rejection-codes), and `other` for a plug-in's own",
    )

    behind = _derived(
        Group.LAG,
        "sanitizer_behind_latest_seconds",
        "True lag of the shard: the larger of (lag as KCL reported it + time since that report) and (time since the "
        "arrival of the oldest unfinished record of the last delivery, or of its newest record once all are finished). "
        "Of a session without a delivery: time since it began. It goes on while a shard has no session, since "
        "nothing answers, and its lease is still this worker's.",
        shard="the shards that this worker serves now, or holds the lease of",
    )
    in_flight_age = _derived(
        Group.LAG,
        "sanitizer_in_flight_age_seconds",
        "Time that the batch in flight has been so; 0: there is none.",
        shard="the shards that this worker serves now",
    )
    read_throttles = _counter(
        Group.LAG,
        "sanitizer_read_throttles_total",
        "Reads that Kinesis refused since all applications that poll together read a shard too often, or too much.",
    )
    checkpoint_age = _derived(
        Group.LAG,
        "sanitizer_checkpoint_age_seconds",
        "Time since the last accepted checkpoint of the shard, or since its session began. A shard in which nothing "
        "arrives is not checkpointed.",
        shard="the shards that this worker serves now",
    )
    latency = _histogram(
        Group.LAG,
        "sanitizer_record_latency_seconds",
        "Time from a record's arrival in the stream until each of its documents was durable.",
        _LATENCY,
    )

    redactions = _counter(
        Group.REDACTION,
        "sanitizer_redactions_total",
        "Applications of a rule of the policy, by its action.",
        rule="the policy's rules and detectors",
        action="the policy's actions",
    )
    field_values = _counter(
        Group.REDACTION,
        "sanitizer_field_values_total",
        "Values of a field by what became of them: released, redacted, or unknown: redacted because no rule of the "
        "policy speaks of the field.",
        path=_PATH,
        result="3: `released`, `redacted`, `unknown`",
    )
    field_drift = _gauge(
        Group.REDACTION,
        "sanitizer_field_drift",
        "1 while a field whose values were always redacted is redacted no longer.",
        "livemax",
        path=_PATH,
    )
    candidate_records = _counter(
        Group.REDACTION,
        "sanitizer_candidate_records_total",
        "Records by what the candidate policy would make of them: same, different, or failed.",
        CANDIDATE,
        result="3: `same`, `different`, `failed`",
    )
    candidate_differences = _counter(
        Group.REDACTION,
        "sanitizer_candidate_differences_total",
        "What the candidate policy would do differently, by field and kind of change.",
        CANDIDATE,
        path=_PATH,
        change="the kinds that `sanitizer policy diff` knows",
    )

    write_seconds = _histogram(
        Group.DYNAMODB, "sanitizer_write_batch_seconds", "Time of one batch write request.", _WRITE
    )
    write_items = _histogram(Group.DYNAMODB, "sanitizer_write_batch_items", "Items in one batch write request.", _ITEMS)
    write_retries = _counter(
        Group.DYNAMODB,
        "sanitizer_write_retries_total",
        "Batch writes that were sent again, by reason.",
        reason="8: `unprocessed`, `throttled`, `refused`, `unreachable`, `service`, `missing`, `permission`, "
        "`credentials`",
    )
    write_concurrency = _gauge(
        Group.DYNAMODB,
        "sanitizer_write_concurrency",
        "Batch writes that may be under way at once, in all pipeline processes; falls when the table throttles or "
        "slows down.",
        "livesum",
    )

    shards_owned = _derived(Group.LEASES, "sanitizer_shards_owned", "Shards that this worker serves.")
    sessions = _counter(
        Group.LEASES,
        "sanitizer_sessions_total",
        "Sessions of shards that began, and those that ended, by how: handed over in order (shutdown requested), lease "
        "lost to another worker, shard ended, or broken: the session, its process or the daemon failed.",
        event="5: `began`, `handed_over`, `lease_lost`, `shard_ended`, `broken`",
    )
    application_leases = _gauge(
        Group.LEASES,
        "sanitizer_application_leases",
        "Leases of all workers of the application as this one last saw them: owned and renewed, unowned, expired "
        "(their owner does not renew), finished (read to the shard's end).",
        LAST,
        state="4: `owned`, `unowned`, `expired`, `finished`",
    )
    leases_restored = _counter(
        Group.LEASES,
        "sanitizer_leases_restored_total",
        "Leases of shards that this worker, leading, found missing and wrote again. Their shards are read from the "
        "beginning, once more.",
    )
    application_workers = _gauge(
        Group.LEASES,
        "sanitizer_application_workers",
        "Workers of the application that hold renewed leases or have reported within a minute, as this one last saw "
        "them.",
        LAST,
    )
    open_shards = _gauge(
        Group.LEASES, "sanitizer_stream_open_shards", "Open shards of the stream; asked for every five minutes.", LAST
    )
    retention = _gauge(
        Group.LEASES,
        "sanitizer_stream_retention_seconds",
        "How long the stream keeps a record: one that is behind by more is lost unread. Asked for every five minutes.",
        LAST,
    )
    daemon_restarts = _counter(
        Group.LEASES,
        "sanitizer_daemon_restarts_total",
        "Starts of the KCL daemon after its first, by reason.",
        reason="6: `daemon_exit`, `out_of_memory`, `delivery_failed`, `pipeline_died`, `session_failed`, `fetch_size`",
    )
    fetch_records = _gauge(
        Group.LEASES,
        "sanitizer_fetch_records",
        "Records that the daemon fetches of a shard at once: fewer than `kcl.max_records` after it ran out of memory.",
        LAST,
    )

    cpu = _derived(
        Group.PROCESS,
        "sanitizer_process_cpu_seconds_total",
        "CPU time of the worker's processes, those of dead predecessors included as far as they were seen. Linux only.",
        "Linux",
        process="`supervisor`, `daemon`, `pipeline-N` for each pipeline process, `shims` (all together)",
    )
    memory = _derived(
        Group.PROCESS,
        "sanitizer_process_memory_bytes",
        "Memory of the worker's processes: proportional set size, or resident set size where the system does not let "
        "it be read; of the shims, what they share with nobody. Linux only.",
        "Linux",
        process="as above",
    )
    start_time = _derived(
        Group.PROCESS, "sanitizer_start_time_seconds", "When the supervisor started, in epoch seconds."
    )
    daemon_errors = _counter(
        Group.PROCESS,
        "sanitizer_daemon_errors_total",
        "Errors and warnings that the KCL daemon logged with an exception, by its class: that of AWS's SDK, if one is "
        "among the causes.",
        error="the exceptions of KCL, its libraries and Java",
    )
    daemon_log_lines = _counter(
        Group.PROCESS,
        "sanitizer_daemon_log_lines_total",
        "Log lines of the KCL daemon, by logger and level.",
        logger="the classes of KCL and its libraries that log, and `stderr`",
        level="6: `TRACE` to `ERROR`, and `UNKNOWN`",
    )
    log_lines_suppressed = _counter(
        Group.PROCESS,
        "sanitizer_log_lines_suppressed_total",
        "Log lines that the rate limit left out, by event.",
        event="the events that the worker logs",
    )

    policy_info = _derived(Group.INFO, "sanitizer_policy_info", "The policy that is applied; always 1.", **_POLICY)
    candidate_policy_info = _derived(
        Group.INFO,
        "sanitizer_candidate_policy_info",
        "The policy that is tried beside the one applied; always 1.",
        CANDIDATE,
        **_POLICY,
    )
    build_info = _derived(
        Group.INFO, "sanitizer_build_info", "The worker's version; always 1.", version="the one version"
    )

    # What the pipeline processes note for the derived ones. They go when their process dies, and are not shown as they
    # are.
    owned = _raw("shard_owned", "1 while this process serves the shard.")
    up_to = _raw("up_to_seconds", "Epoch seconds up to which the shard's records are finished.")
    checkpointed_at = _raw("checkpointed_at_seconds", "Epoch seconds of the last checkpoint.")
    heard_at = _raw(
        "heard_at_seconds", "Epoch seconds of the last delivery, if only a heartbeat, or of the session's begin."
    )
    held_since = _raw(
        "held_since_seconds", "Epoch seconds since when a record has waited for what its decoder asks; 0: none does."
    )
    batch_since = _raw("batch_since_seconds", "Epoch seconds when the batch in flight began; 0: none.")


ALL: Final[Mapping[str, Declared[Any]]] = {
    name: each for name, each in vars(Declarations).items() if isinstance(each, Declared)
}
"""Every metric, by its attribute."""

DECLARED: Final = tuple(each for each in ALL.values() if each.group)
"""Every metric that is shown."""
