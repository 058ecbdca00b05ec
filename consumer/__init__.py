"""The worker: from the Kinesis Client Library's daemon to DynamoDB, one module per step of a record's way."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("kinesis-sanitizer")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
