"""Settings: one YAML file, each key also as an environment variable ``SANITIZER_SECTION__KEY``, else the default.

The environment wins over the file. AWS's own variables (region, endpoints, credentials) keep their usual meaning and
have no settings here.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, PrivateAttr, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from consumer.errors import UsageError
from consumer.settings.base import Section
from consumer.settings.key_template import METADATA
from consumer.settings.output import Output
from consumer.settings.sections import Http, Logs, Pipeline, QuarantineSettings, Redaction, SinkSettings
from consumer.settings.sources import ENVIRONMENT_PREFIX, variables
from consumer.settings.stream import Kcl, Stream, check_reading

TABLE_SINK: Final = "dynamodb"
"""The sink that writes to the output table."""

BUILT_IN_SINKS: Final = (TABLE_SINK, "jsonl", "kinesis")
"""Sinks whose options hold no secrets."""


class WrongJSON(ValueError):
    """A variable that must be JSON, and is not, or holds a key twice."""


class _Environment(EnvSettingsSource):
    """Takes JSON for what is no single value, as strictly as a file is read."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        del field_name, field
        try:
            return json.loads(value, object_pairs_hook=_each_once)
        except ValueError:
            names = [name for name, text in variables().items() if text == value]
        raise WrongJSON(" and ".join(names))  # here, so that the error that holds the value is no context of it


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        msg = "a key stands twice"
        raise ValueError(msg)
    return dict(pairs)


class Settings(BaseSettings):
    """All settings of the worker."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    stream: Stream = Field(default_factory=Stream)
    kcl: Kcl = Field(default_factory=Kcl)
    output: Output = Field(default_factory=Output)
    sinks: tuple[SinkSettings, ...] = Field(
        (SinkSettings(plugin=TABLE_SINK),),
        min_length=1,
        description="Where documents go; several: to each of them, and the checkpoint waits for the slowest.",
    )
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

    # Sections before the files that they name were found.
    _written: Mapping[str, Section] = PrivateAttr(default_factory=dict)

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
        del env_settings, dotenv_settings, file_secret_settings
        return _Environment(settings_cls), init_settings

    def with_files_found(self, sections: Mapping[str, Section]) -> Self:
        """Return the settings with sections in which files have the paths that they were found at."""
        found = self.model_copy(update=sections)
        found._written = {name: getattr(self, name) for name in sections}  # noqa: SLF001 - of this class
        return found

    @property
    def as_written(self) -> Self:
        """The settings with files as somebody has named them: where they were found depends on the current folder."""
        return self.model_copy(update=self._written)

    @property
    def has_table(self) -> bool:
        """Whether documents go to the output table."""
        return any(sink.plugin == TABLE_SINK for sink in self.sinks)

    def require_table(self, what: str) -> None:
        """Refuse what reads the output table where nothing writes to it.

        :param what: needs the table.
        :raises UsageError: no sink is the table.
        """
        if not self.has_table:
            raise UsageError(f"{what} needs the output table, and none of the sinks is {TABLE_SINK}.")

    @model_validator(mode="after")
    def _sinks_differ(self) -> Self:
        if any(sink in self.sinks[:number] for number, sink in enumerate(self.sinks)):
            msg = "a sink is named twice, with the same options"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _tables_differ(self) -> Self:
        output = [self.output.table] if self.has_table else []
        names = [*output, self.quarantine.table, *lease_tables(self.kcl.application)]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            msg = f"the table {double[0]} is named twice; output, quarantine and KCL need tables of their own"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _reading_is_possible(self) -> Self:
        check_reading(self.stream, self.kcl)
        return self

    @model_validator(mode="after")
    def _age_is_known(self) -> Self:
        output, field = self.output, self.stream.partition_key_field
        if output.write_mode == "put" or output.version_field is not None:
            if field is not None:
                msg = (
                    "stream.partition_key_field is for output.write_mode newest without output.version_field, else it "
                    "would be ignored; take it out"
                )
                raise ValueError(msg)
            return self
        if field is None:
            msg = (
                "output.write_mode is newest, but nothing says which of two documents is the newer: set "
                "output.version_field, or stream.partition_key_field where the Kinesis partition key is a field of the "
                "document and the only one in the item's key"
            )
            raise ValueError(msg)
        _check_keys(output, field)
        return self


def _check_keys(output: Output, field: str) -> None:
    """Sequence numbers order what one Kinesis partition key stands for: one item must be all of that, and no more."""
    if field.partition(".")[0] in METADATA:
        msg = f"stream.partition_key_field is {field}, which means the record's metadata in a key template"
        raise ValueError(msg)
    templates = output.key_templates()
    for setting, template in templates.items():
        others = [name for name in template.names if name not in (field, "stream")]
        if others:
            msg = (
                f"output.{setting} holds {{{others[0]}}}, but sequence numbers say which document is the newer only "
                f"where the item's key is made of the Kinesis partition key alone, which is {{{field}}}; take it out, "
                "or set output.version_field instead of stream.partition_key_field"
            )
            raise ValueError(msg)
    if not any(field in template.names for template in templates.values()):
        msg = f"stream.partition_key_field is {field}, but neither key template holds {{{field}}}"
        raise ValueError(msg)


def lease_tables(application: str) -> tuple[str, str, str]:
    """Return KCL's tables of `application`: leases, worker metrics, coordinator state."""
    return application, f"{application}-WorkerMetricStats", f"{application}-CoordinatorState"
