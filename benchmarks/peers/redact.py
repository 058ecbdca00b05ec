"""The simplest redaction of the canonical transaction: two fields, by name. Standard library only."""

import json
from decimal import Decimal
from typing import Any


def document_of(data: bytes, sort_suffix: str) -> dict[str, Any]:
    """Return a record's item: parsed as boto3 wants it, `ssn` dropped, the card masked, with a sort key.

    :param sort_suffix: makes the item the record's own.
    """
    document: dict[str, Any] = json.loads(data, parse_float=Decimal)
    document.pop("ssn", None)
    card = document.get("credit_card")
    if isinstance(card, str):
        document["credit_card"] = f"****-****-****-{card[-4:]}"
    document["sk"] = f"{document['timestamp']}#{sort_suffix}"
    return document
