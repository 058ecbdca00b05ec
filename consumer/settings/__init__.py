"""One YAML file and the environment, typed, and held against itself."""

from consumer.settings.model import (
    BUILT_IN_SINKS,
    FILE_VARIABLE,
    TABLE_SINK,
    Output,
    Settings,
    lease_tables,
    load_settings,
)

__all__ = ["BUILT_IN_SINKS", "FILE_VARIABLE", "TABLE_SINK", "Output", "Settings", "lease_tables", "load_settings"]
