"""Detectors: each finds one kind of sensitive text and validates it by its published rules."""

from redaction.detectors import card, ssn
from redaction.detectors.base import Detector, Span

DETECTORS: dict[str, Detector] = {"card": card.DETECTOR, "ssn": ssn.DETECTOR}

__all__ = ["DETECTORS", "Detector", "Span"]
