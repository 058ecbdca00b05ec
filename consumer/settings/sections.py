"""The sections of the settings: what each key means, and what it may be."""

from typing import Any, Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from consumer.secret_names import SECRET_NAME
from consumer.settings.base import Section, TableName

FINGERPRINT_KEY_LENGTH: Final = 32
"""Characters at least."""


class SinkSettings(Section):
    """Where documents go."""

    plugin: str = Field(min_length=1, description="Entry point in the group kinesis_sanitizer.sinks.")
    options: dict[str, Any] = Field(
        default_factory=dict, description="The sink's options; `dynamodb` has none: its settings are those of `output`."
    )


class QuarantineSettings(Section):
    """Where records go that could not be processed; never with their content."""

    table: TableName = Field("sanitizer-quarantine", description="The DynamoDB table.")
    fingerprint_key: SecretStr | None = Field(
        None,
        description="Key (32 or more characters) of the fingerprint; default: random at start, so that fingerprints of "
        "different starts cannot be compared.",
    )
    fingerprint_secret: str | None = Field(
        None,
        pattern=f"^{SECRET_NAME}$",
        description="The Secrets Manager secret that holds this key as its text, read at start: its ARN, or "
        "'secretsmanager:' and its name. For what gets no secrets as variables, such as a Lambda function.",
    )
    ttl_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="Days after which DynamoDB deletes an entry, by the table's time to live; `tables create` turns it "
        "on. 0: never. The record itself goes with the stream's retention.",
    )
    max_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="The worker stops, with exit status 1, when a greater share of the records goes to quarantine: a "
        "wrong deployment must not drain the stream. 1: never.",
    )
    judged_records: int = Field(
        1000,
        ge=1,
        description="Records that each pipeline process has to see before `max_share` is judged, and over which it is.",
    )

    @field_validator("fingerprint_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < FINGERPRINT_KEY_LENGTH:
            msg = f"the fingerprint key needs {FINGERPRINT_KEY_LENGTH} characters or more"
            raise ValueError(msg)
        return key

    @model_validator(mode="after")
    def _one_fingerprint_key(self) -> Self:
        if self.fingerprint_key is not None and self.fingerprint_secret is not None:
            msg = "there are fingerprint_key and fingerprint_secret; choose one of them"
            raise ValueError(msg)
        return self


class Candidate(Section):
    """A policy that is tried on the live records, and of which nothing is stored."""

    policy: str = Field(min_length=1, description="Name of a built-in policy, or path of a policy file.")


class Redaction(Section):
    """Which redactor, and what it is told."""

    plugin: str = Field("policy", min_length=1, description="Entry point in the group kinesis_sanitizer.redactors.")
    options: dict[str, Any] = Field(
        default_factory=dict, description="The plug-in's options; of the built-in one `policy`: a name or a file."
    )
    keys: str | None = Field(
        None,
        min_length=1,
        description="Where the keys of tokens and ciphertexts are: path of a key file, ARN of a Secrets Manager "
        "secret, or 'secretsmanager:' and its name.",
    )
    timeout_seconds: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="What a redactor may take for a batch. Then its process is ended, and the records that it had in "
        "hand are tried one by one; one that takes as long alone is quarantined.",
    )
    candidate: Candidate | None = Field(
        None,
        description="A policy to compare with the live one, record by record: its differences are counted by field. It "
        "costs as much time as the live policy does, and up to three times as much where most records differ.",
    )

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> Self:
        if "keys" in self.options and (self.keys is not None or self.plugin == "policy"):
            msg = "options holds 'keys'; name their source as redaction.keys instead"
            raise ValueError(msg)
        return self


class Pipeline(Section):
    """The processes that do the work."""

    processes: int | None = Field(None, ge=1, le=64, description="Pipeline processes; default: one for each core.")
    pinned: bool = Field(
        default=True,
        description="Keep each pipeline process on one core (Linux): its threads take turns, and would carry their "
        "caches from core to core.",
    )
    max_bytes_in_flight: int = Field(
        16 * 2**20,
        ge=2**20,
        description="Bytes of record data that a pipeline process works on at once, over all of its shards; they take "
        "about five times as much memory.",
    )
    checkpoint_seconds: float = Field(2.0, ge=0.0, le=60, description="A shard is checkpointed at most so often.")
    stuck_seconds: float = Field(
        300.0,
        ge=5,
        description="A shard that gives no sign of life for longer has its process ended; if that does not help three "
        "times in a row, /healthz fails, so that the container is replaced. A batch in flight for longer, though its "
        "shard is alive (waiting for DynamoDB), only makes /healthz and /readyz say so.",
    )


class Http(Section):
    """The status page, /metrics, /healthz, /readyz."""

    host: str = Field(
        "0.0.0.0",  # noqa: S104 - a container's scrape port
        description="Address to listen on, without TLS and without a password: on a machine that others reach, "
        "`127.0.0.1`, or a firewall that lets only the scraper in, as the ECS template's security group does.",
    )
    port: int = Field(9464, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    runbook_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s\"'<>#@\x00-\x1f\x7f]+$",
        description="Where your people read docs/runbook.md: the status page links its reasons to the sections "
        "there. Default: it names the file.",
    )


class Logs(Section):
    """Log lines on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level that is written. SIGHUP switches a running worker to debug, and back."
    )
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="json: a line of JSON per event. console: for a person. auto: console on a terminal."
    )
    cloudwatch_metrics: bool = Field(
        default=False,
        description="Write the worker's most important metrics as a line a minute, which CloudWatch Logs makes metrics "
        "of (docs/metrics.md); not on a terminal.",
    )

    @model_validator(mode="after")
    def _metrics_are_json(self) -> Self:
        if self.cloudwatch_metrics and self.format == "console":
            msg = "cloudwatch_metrics are lines of JSON; format must not be console"
            raise ValueError(msg)
        return self
