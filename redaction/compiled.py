"""The package `redaction_native`, where it is installed (native/README.md): what is done for every byte of a record."""

import os
from functools import lru_cache
from types import ModuleType
from typing import Final

from redaction.plugin import PluginInvalid

VARIABLE: Final = "REDACTION_NATIVE"
"""`off`: it is not used, although it is there; `required`: it is an error if it is not installed."""

MOST_BYTES: Final = 1 << 16
"""Records that are larger are few, and Python bounds what is made of them at once."""


@lru_cache(maxsize=1)
def installed() -> ModuleType | None:
    """Give the compiled module; None where there is none, or it is not wanted.

    :raises PluginInvalid: it is required, and not there.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "off":
        return None
    try:
        import redaction_native  # noqa: PLC0415 - a package of its own, which may be missing
    except ImportError:
        if wanted != "required":
            return None
        message = f"{VARIABLE} is 'required', and there is no package redaction_native; `make setup` builds it"
        raise PluginInvalid(message) from None
    return redaction_native
