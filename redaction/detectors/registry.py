"""All detectors that policies can name: the built-in ones, and those that installed packages register."""

from functools import cache
from importlib.metadata import entry_points
from typing import Final

import re2  # type: ignore[import-untyped, unused-ignore]

from redaction.detectors.base import Detector
from redaction.detectors.card import CARD
from redaction.detectors.email import EMAIL
from redaction.detectors.iban import IBAN
from redaction.detectors.ip import IP
from redaction.detectors.national import NATIONAL_ID
from redaction.detectors.phone import PHONE
from redaction.detectors.secrets import CREDENTIAL, JWT
from redaction.detectors.ssn import ITIN, SSN
from redaction.detectors.track import TRACK
from redaction.patterns import compile_bytes
from redaction.plugin import PluginInvalid

__all__ = ["ENTRY_POINT_GROUP", "detectors"]

ENTRY_POINT_GROUP: Final = "kinesis_sanitizer.detectors"

# Where two find the same place the earlier counts: the longer and the better validated come first.
_BUILT_IN: Final[tuple[Detector, ...]] = (JWT, CREDENTIAL, IBAN, TRACK, CARD, SSN, ITIN, NATIONAL_ID, EMAIL, PHONE, IP)


@cache
def detectors() -> dict[str, Detector]:
    """Give all detectors by name, in the order in which they count; plug-ins last.

    :raises PluginInvalid: one of another package cannot be used.
    """
    known: dict[str, Detector] = {detector.name: detector for detector in _BUILT_IN}
    entries = {(entry.name, entry.value): entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    for name, target in sorted(entries):
        title = f"detector {name!r} ({target})"
        if name in known:
            raise PluginInvalid(f"{title}: there is a detector of that name already; rename or uninstall one")
        try:
            detector: Detector = entries[name, target].load()
            compile_bytes(detector.candidate)
        except re2.error as error:
            raise PluginInvalid(f"{title}: its candidate pattern is not RE2, or too large: {error}") from error
        except Exception as error:
            raise PluginInvalid(f"{title} can't be loaded: {type(error).__name__}: {error}") from error
        wrong = [part for part in ("find", "mask", "normalise") if not callable(getattr(detector, part, None))]
        if wrong or detector.name != name:
            what = f"lacks {', '.join(wrong)}" if wrong else "has another name than its entry point"
            raise PluginInvalid(f"{title} {what}; see redaction.detectors.base.Detector")
        known[name] = detector
    return known
