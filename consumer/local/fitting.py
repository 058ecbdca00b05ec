"""Keys that fit the records of somebody's own file, found by looking at what the policy releases of them."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from consumer.errors import EncodeError
from consumer.settings import Output
from consumer.settings.key_template import METADATA, KeyTemplate
from redaction.guard import redact_guarded
from redaction.plugin import Redactor, Released

SHARD: Final = "{shard}"
PLACE: Final = "{sequence}#{sub}"
"""Where a record stands in its shard: with `SHARD`, no two records share an item."""

SIMPLY_PUT: Final = {"write_mode": "put", "version_field": None}
"""Settings for keys that are not those for which the others were made."""

_BATCH: Final = 500
_LACKING: Final = 0.01
"""Of the documents may lack a field of a template that fits."""
_UNUSABLE: Final = 0.5
"""May have nothing there that makes a key: records with a fault, and told as such."""
_SAMPLE_METADATA: Final = dict.fromkeys(METADATA, "0")


class Fitted(NamedTuple):
    """The settings of `output`, and what is to be said of its keys."""

    output: dict[str, Any]
    told: str


def fit(output: Output, redactor: Redactor, payloads: Iterable[bytes], asked: Iterable[str] = ()) -> Fitted:
    """Take the configured key templates where their fields stand in the documents, else the place in the stream.

    :param asked: settings of templates that are taken whatever stands in the documents.
    """
    templates = output.key_templates()
    counts = _Counts(templates)
    counts.add(_released(redactor, payloads))
    unfit = [setting for setting in templates if setting not in asked and not counts.fits(setting)]
    partition_key = SHARD if "partition_key" in unfit else output.partition_key
    sort_key = output.sort_key
    # One that several records share is one item for all of them under a partition key that was not theirs.
    is_shared = partition_key != output.partition_key and not templates["sort_key"].is_unique_per_record
    if "sort_key" in unfit or (is_shared and "sort_key" not in asked):
        sort_key = PLACE if partition_key == SHARD else f"{SHARD}#{PLACE}"
    values = output.model_dump(mode="json")
    if unfit:
        values |= {"partition_key": partition_key, "sort_key": sort_key} | SIMPLY_PUT
    told = [f"Keys of the items: {partition_key} and {sort_key}", *counts.said(unfit)]
    if unfit:
        told.append("--partition-key and --sort-key name others, of fields within fields too, such as {order.id}.")
    return Fitted(values, "\n".join(told))


def record_key_field(output: dict[str, Any]) -> str | None:
    """Return the top-level field of which the items' partition key is made, if there is one."""
    names = KeyTemplate(output["partition_key"], limit=1).names
    return next((name for name in names if name.partition(".")[0] not in METADATA), None)


def _released(redactor: Redactor, payloads: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    lines = iter(payloads)
    while batch := list(itertools.islice(lines, _BATCH)):
        for verdict in redact_guarded(redactor, batch):
            if isinstance(verdict, Released):
                yield dict(verdict.document)


class _Counts:
    """In how many documents the fields of templates stand."""

    def __init__(self, templates: dict[str, KeyTemplate]) -> None:
        self._templates = templates
        self._documents = 0
        self._lacking: Counter[str] = Counter()
        self._unusable: Counter[str] = Counter()

    def add(self, documents: Iterable[dict[str, Any]]) -> None:
        for document in documents:
            self._documents += 1
            for setting, template in self._templates.items():
                try:
                    template.render(document, _SAMPLE_METADATA)
                except EncodeError as error:
                    self._unusable[setting] += 1
                    self._lacking[setting] += error.code == "key_missing"

    def fits(self, setting: str) -> bool:
        return (
            self._lacking[setting] <= _LACKING * self._documents
            and self._unusable[setting] <= _UNUSABLE * self._documents
        )

    def said(self, unfit: Iterable[str]) -> Iterator[str]:
        """Say of templates that do not fit why."""
        for setting in unfit:
            yield (
                f"The configured {setting.replace('_', ' ')} cannot be made of {self._unusable[setting]} of "
                f"{self._documents} documents."
            )
