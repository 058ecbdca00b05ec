"""A digest of the settings that decide what becomes of a record: workers with different ones mix their outcomes."""

import hashlib
import json
from typing import Any, Final

from consumer.settings.model import BUILT_IN_SINKS, Settings

# How fast, how long, how much, and for whom to see; a setting that is new counts until it stands here.
_INDIFFERENT: Final[dict[str, Any]] = {
    "kcl": True,
    "pipeline": True,
    "http": True,
    "logs": True,
    "runtime_dir": True,
    "stream": {"initial_position", "polling_applications"},
    "output": {"concurrency", "timeout_seconds"},
    "quarantine": {"fingerprint_key", "fingerprint_secret", "judged_records", "max_share"},
    # The policy has a digest of its own, and the options of a plug-in may hold secrets.
    "redaction": {"candidate", "options", "timeout_seconds"},
}


def outcome_digest(settings: Settings) -> str:
    """Return the digest. What is set to its default counts as not set, so that a new version's settings change nothing.

    Files count by the names that were written, wherever they were found: workers need not share a folder. The options
    of sinks that are not built in, which may hold secrets, are no part of it.
    """
    values = settings.as_written.model_dump(mode="json", exclude=_INDIFFERENT, exclude_defaults=True)
    for sink in values.get("sinks", ()):
        if sink["plugin"] not in BUILT_IN_SINKS:
            sink.pop("options", None)
    text = json.dumps({section: value for section, value in values.items() if value}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
