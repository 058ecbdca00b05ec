"""Another application's look-ups, as its type checker sees them. Checked by mypy, run by nobody."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, assert_type

import boto3

from consumer.documents import Document, Documents, Key, Metadata, Page, ReadFailed, SortKey
from consumer.errors import SanitizerError, UsageError
from consumer.settings import load_settings

documents = Documents("sanitized-transactions", reserved_attribute="meta", region_name="eu-central-1")
assert_type(documents, Documents)
assert_type(Documents.of(load_settings(None)), Documents)
Documents("table", client=boto3.client("dynamodb"))
Documents("table", "meta")  # type: ignore[call-arg]  # options have names
Documents()  # type: ignore[call-arg]

assert_type(documents.get("12345", "2024-03-15"), Document | None)
assert_type(documents.latest("12345", 10, consistent=True), list[Document])
assert_type(documents.iterate("12345", after="2024", before=datetime.now(UTC), newest_first=False), Iterator[Document])
documents.iterate("12345", after=SortKey("order-1"))
page = documents.page("12345", limit=20, token=None, prefix="2024-03", index=True)
assert_type(page, Page)
assert_type(page.token, str | None)
assert_type(page.json(), str)
documents.get("12345")  # type: ignore[call-arg]  # the whole key
documents.get("12345", "2024", True)  # type: ignore[call-arg]
documents.latest("12345", limit="10")  # type: ignore[arg-type]
documents.iterate("12345", after=20240315)  # type: ignore[arg-type]
documents.iterate("12345", after=date(2024, 3, 15))  # type: ignore[arg-type]  # of which time zone?

for document in page.documents:
    assert_type(document.fields, dict[str, Any])
    assert_type(document.json(), str)
    assert_type(document.plain(), dict[str, Any])
    assert_type(document.key, Key)
    partition, sort = document.key
    assert_type(sort, str)
    assert_type(document.metadata, Metadata)
    assert_type(document.metadata.arrival, datetime | None)
    assert_type(document.metadata.version, str | None)
    document.key = Key("a", "b")  # type: ignore[misc]  # frozen

found = documents.get("12345", "2024-03-15")
print(found.fields)  # type: ignore[union-attr]  # noqa: T201 - there may be none

try:
    documents.latest("12345")
except ReadFailed as error:
    assert_type(error.reason, str)
    failed: SanitizerError = error
except UsageError as error:
    assert_type(error.exit_status, int)
