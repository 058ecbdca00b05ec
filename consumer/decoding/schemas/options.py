"""What decoders by schema are told: which registry."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from consumer.decoding.options import check_names
from consumer.decoding.schemas.definition import Registry
from consumer.decoding.schemas.folder import FolderRegistry
from consumer.errors import UsageError


def check_texts(options: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse options that there are not, and values that are no texts.

    :raises UsageError: see above.
    """
    check_names(options, known)
    for name, value in options.items():
        if not isinstance(value, str) or not value:
            raise UsageError(f"{name} must be a text.")


def registry_of(options: Mapping[str, Any], other: Callable[[], Registry]) -> Registry:
    """Return the folder, if one is named, else the other registry."""
    return FolderRegistry(options["folder"]) if "folder" in options else other()
