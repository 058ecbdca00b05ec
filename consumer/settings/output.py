"""Settings of the output: keys, index, expiry."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from consumer.settings.base import FieldPath, Section, TableName
from consumer.settings.key_template import MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, KeyTemplate


class Index(Section):
    """A second index of the output table, for look-ups by other fields."""

    partition_key: str = Field(description="Template of the index's partition key, e.g. {transaction_id}.")
    sort_key: str | None = Field(None, description="Template of the index's sort key; default: none.")

    @field_validator("partition_key")
    @classmethod
    def _partition(cls, template: str) -> str:
        KeyTemplate(template, MAX_PARTITION_KEY_BYTES)
        return template

    @field_validator("sort_key")
    @classmethod
    def _sort(cls, template: str | None) -> str | None:
        if template is not None:
            KeyTemplate(template, MAX_SORT_KEY_BYTES)
        return template


class Output(Section):
    """The table of sanitised documents."""

    table: TableName = Field("sanitized-transactions", description="The DynamoDB table.")
    partition_key: str = Field("{user_id}", description="Template of the partition key.")
    sort_key: str = Field("{timestamp}#{shard}#{sequence}#{sub}", description="Template of the sort key.")
    key_form: Literal["joined", "escaped"] = Field(
        "joined",
        description="escaped: in a template whose values could run into one another, what parts them is escaped in "
        "fields (# as %23), so that different values never give one key. While this is joined, it is refused.",
    )
    reserved_attribute: str = Field(
        "_sanitizer",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$",
        description="What the service adds stands under this name; the keys under this name with _pk and _sk.",
    )
    write_mode: Literal["put", "newest"] = Field(
        "put",
        description="put: batches, the last write of an item wins. newest: one conditional write for each item, and no "
        "document ever replaces a newer one; for keys that several records share.",
    )
    version_field: FieldPath | None = Field(
        None,
        description="With write_mode newest: the document's field, a number or a text such as an ISO 8601 time, that "
        "says which of two documents with one key is the newer.",
    )
    concurrency: int = Field(
        32,
        ge=1,
        le=256,
        description="Writes in flight at most (batches, or with write_mode newest items), for each pipeline process; "
        "fewer while the table throttles.",
    )
    timeout_seconds: float = Field(5.0, gt=0, le=60, description="Connect and read time-out of one request.")
    index: Index | None = Field(
        None,
        description="A second index, sanitizer-index: documents that have the fields of its templates stand in it.",
    )
    ttl_days: int = Field(
        0,
        ge=0,
        le=3650,
        description="Days after a record's arrival in the stream, after which DynamoDB deletes its document, by the "
        "table's time to live; `tables create` turns it on. 0: never.",
    )

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

    @model_validator(mode="after")
    def _versions_are_of_use(self) -> Self:
        if self.write_mode == "put":
            if self.version_field is not None:
                msg = "version_field is set, but write_mode is put, which compares nothing; set write_mode to newest"
                raise ValueError(msg)
            return self
        for setting, template in self.key_templates().items():
            if any(name.partition(".")[0] == "sequence" for name in template.names):
                msg = (
                    f"write_mode is newest, but {setting} holds {{sequence}}, so that no two records share an item; "
                    "take it out of the key, or set write_mode to put"
                )
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _values_can_be_told_apart(self) -> Self:
        for setting, template in (self.key_templates() | self.index_templates()).items():
            if template.meeting:
                one, other = template.meeting
                in_escaped_form = self.model_copy(update={"key_form": "escaped"})
                if (in_escaped_form.key_templates() | in_escaped_form.index_templates())[setting].meeting:
                    remedy = "part them by a separator such as #"
                else:
                    remedy = "set output.key_form to escaped; keys whose values hold no separator stay as they are"
                msg = (
                    f"{setting}: where {{{one}}} ends and {{{other}}} begins cannot be told from every key, so that "
                    f"records with different values could share one; {remedy} (docs/upgrading.md)"
                )
                raise ValueError(msg)
        return self

    def key_templates(self, constants: Mapping[str, str] = MappingProxyType({})) -> dict[str, KeyTemplate]:
        """Return the compiled templates by the names of their settings.

        :param constants: metadata that is the same for all records.
        """
        return {
            "partition_key": self._compiled(self.partition_key, MAX_PARTITION_KEY_BYTES, constants),
            "sort_key": self._compiled(self.sort_key, MAX_SORT_KEY_BYTES, constants),
        }

    def index_templates(self, constants: Mapping[str, str] = MappingProxyType({})) -> dict[str, KeyTemplate]:
        """Return those of the second index, by the names of their settings; empty: there is none."""
        if self.index is None:
            return {}
        templates = {
            "index.partition_key": self._compiled(self.index.partition_key, MAX_PARTITION_KEY_BYTES, constants)
        }
        if self.index.sort_key is not None:
            templates["index.sort_key"] = self._compiled(self.index.sort_key, MAX_SORT_KEY_BYTES, constants)
        return templates

    def _compiled(self, template: str, limit: int, constants: Mapping[str, str]) -> KeyTemplate:
        return KeyTemplate(template, limit, constants, escaped=self.key_form == "escaped")
