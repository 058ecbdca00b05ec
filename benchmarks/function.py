"""The function of `consumer.functions` as Lambda calls it, in this process: CPU time for a record, by size of batch.

    python -m benchmarks.function [--records 50000]

The same events and the same null DynamoDB as the peer's; what decodes their JSON, and Lambda itself, come on top.
"""

import argparse
import json
import os
from dataclasses import asdict
from typing import Any, Final

from benchmarks.peers import lambda_handler
from consumer.functions.environment import start
from consumer.functions.kinesis import KinesisFunction

BATCHES: Final = (100, 500, 5000)
_SETTINGS: Final = {
    "SANITIZER_STREAM__NAME": "load",  # of the events
    "SANITIZER_OUTPUT__TABLE": lambda_handler.TABLE,
    "SANITIZER_LOGS__LEVEL": "error",
}


class _Context:
    aws_request_id = "bench"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 60_000


def _make() -> lambda_handler.Handler:
    return start(KinesisFunction).handle


def measure(batch: int, records: int) -> dict[str, Any]:
    """Handle so many records in batches of `batch`; see `lambda_handler.measure`."""
    return asdict(lambda_handler.measure(batch, records, make=_make, context=_Context()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=50_000, help="for each size of batch")
    records = parser.parse_args().records
    os.environ.update(_SETTINGS)
    runs = [measure(batch, records) for batch in BATCHES]
    print(json.dumps({"is_good": all(run["written"] == run["records"] for run in runs), "runs": runs}))


if __name__ == "__main__":
    main()
