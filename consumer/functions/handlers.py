"""What AWS Lambda is given: `consumer.functions.handlers.kinesis_handler`, and `firehose_handler`.

Settings, policy and connections are made when Lambda loads the module, which is when it gives the most CPU.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from consumer.functions.environment import Context, start
from consumer.functions.firehose import FirehoseFunction
from consumer.functions.kinesis import KinesisFunction

__all__ = ["firehose_handler", "kinesis_handler"]


@cache
def _kinesis() -> KinesisFunction:
    return start(KinesisFunction)


@cache
def _firehose() -> FirehoseFunction:
    return start(FirehoseFunction)


def kinesis_handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Settle a batch of a Kinesis event source mapping; see `KinesisFunction.handle`."""
    return _kinesis().handle(event, context)


def firehose_handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Transform a batch for Firehose; see `FirehoseFunction.handle`."""
    return _firehose().handle(event, context)


# Lambda's own variable names the handler; elsewhere nothing happens at import.
match os.environ.get("_HANDLER", "").rpartition(".")[2]:
    case "kinesis_handler":
        _kinesis()
    case "firehose_handler":
        _firehose()
