"""The settings: one YAML file and the environment, typed, and held against themselves."""

from consumer.settings.load import load_settings
from consumer.settings.model import BUILT_IN_SINKS, TABLE_SINK, Settings, lease_tables
from consumer.settings.outcome import outcome_digest
from consumer.settings.output import Output
from consumer.settings.sources import FILE_VARIABLE

__all__ = [
    "BUILT_IN_SINKS",
    "FILE_VARIABLE",
    "TABLE_SINK",
    "Output",
    "Settings",
    "lease_tables",
    "load_settings",
    "outcome_digest",
]
