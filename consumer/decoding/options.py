"""What decoders are told by `stream.format`."""

from collections.abc import Collection, Mapping
from typing import Any

from consumer.errors import UsageError


def check_names(options: Mapping[str, Any], known: Collection[str] = ()) -> None:
    """Refuse options that nobody reads.

    :raises UsageError: names one, and those that there are.
    """
    for name in options:
        if name not in known:
            there_are = f"there is no option {name}; there are: {', '.join(known)}."
            raise UsageError(there_are if known else "it has no options.")
