"""Detectors: each finds one kind of sensitive text and validates it by its published rules."""
