"""The policies that come with the package."""

import re
from importlib import resources
from typing import Final

_POLICY: Final = re.compile(r"[a-z0-9-]+\.yaml")  # beside them stand their tests, NAME.test.yaml


def built_in() -> list[str]:
    """Name them."""
    folder = resources.files("redaction").joinpath("policies")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if _POLICY.fullmatch(entry.name))
