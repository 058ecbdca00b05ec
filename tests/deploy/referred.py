"""What parts of a template refer to."""

import re
from typing import Any


def referred(value: Any) -> set[str]:
    """Return every name that a part of a template refers to; conditions as ``condition NAME``."""
    if isinstance(value, list):
        return set().union(*map(referred, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found: set[str] = set().union(*map(referred, value.values())) if value else set()
    if "Ref" in value:
        found.add(str(value["Ref"]))
    if "Fn::Sub" in value:
        text = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
        found.update(re.findall(r"\$\{(\w+)", text))
    if "Fn::If" in value:
        found.add(f"condition {value['Fn::If'][0]}")
    if isinstance(value.get("Condition"), str):
        found.add(f"condition {value['Condition']}")
    return found
