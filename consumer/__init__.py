"""The service around the redaction: from KCL's daemon to the sinks, and all that runs and shows it.

    A record:      kcl ──► pipeline ──► redactors (redaction) ──► sinks ──► dynamodb | kinesis; back: checkpoint, kcl
                               └──────► quarantine
    What runs it:  worker (the container)   functions (Lambda)   backfill (once, by hand)
    What shows it: logs   metrics   web     What is asked by hand: cli ──► commands ──► doctor, tables, documents
    Below all:     settings   aws   record   errors

docs/architecture.md has the map, the way of a record by its files, and who may import whom.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("kinesis-sanitizer")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
