"""The names of what the service adds to an item; all are made from the setting `output.reserved_attribute`."""

from typing import Final, NamedTuple

INDEX: Final = "sanitizer-index"
"""The name of the output table's second index."""

VERSION: Final = "version"
VERSION_SOURCE: Final = "version_of"
"""Attributes below the reserved one: which of two documents is the newer, and what the version was made of."""


class Names(NamedTuple):
    """Attribute names.

    :ivar added: the map of where a document comes from.
    :ivar partition, sort: the table's key.
    :ivar index_partition, index_sort: the second index's key; only of items that stand in it.
    :ivar expires: epoch seconds, by which DynamoDB deletes an item (AWS: "Time to Live").
    """

    added: str
    partition: str
    sort: str
    index_partition: str
    index_sort: str
    expires: str


def names_of(reserved: str) -> Names:
    """Return the names. No field of a document may have one of them, whether the setting for it is used or not.

    :param reserved: the setting `output.reserved_attribute`.
    """
    return Names(reserved, *(f"{reserved}_{suffix}" for suffix in ("pk", "sk", "ipk", "isk", "ttl")))
