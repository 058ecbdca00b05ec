"""A child of the MultiLangDaemon like AWS's sample, with a boto3 `batch_writer` where the sample says "your logic".

    python -m benchmarks.peers.kclpy_sample TABLE

One process for each shard, started by the daemon. Checkpoints every 5 s, as the sample does.
"""

import sys
import time
from typing import Any, Final

import boto3
from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor

from benchmarks.peers.redact import document_of

CHECKPOINT_SECONDS: Final = 5.0


class RecordProcessor(processor.RecordProcessorBase):  # type: ignore[misc]
    """Writes each batch, then checkpoints when it is time to."""

    def __init__(self, table: str) -> None:
        self._table = boto3.resource("dynamodb").Table(table)
        self._checkpoint_at = 0.0

    def initialize(self, initialize_input: Any) -> None:
        del initialize_input
        self._checkpoint_at = time.monotonic() + CHECKPOINT_SECONDS

    def process_records(self, process_records_input: Any) -> None:
        with self._table.batch_writer() as batch:
            for record in process_records_input.records:
                number = f"{record.sequence_number}#{record.sub_sequence_number}"
                batch.put_item(Item=document_of(record.binary_data, number))
        if time.monotonic() >= self._checkpoint_at:
            process_records_input.checkpointer.checkpoint()
            self._checkpoint_at = time.monotonic() + CHECKPOINT_SECONDS

    def lease_lost(self, lease_lost_input: Any) -> None:
        pass

    def shard_ended(self, shard_ended_input: Any) -> None:
        shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input: Any) -> None:
        shutdown_requested_input.checkpointer.checkpoint()


def main() -> None:
    kcl.KCLProcess(RecordProcessor(sys.argv[1])).run()


if __name__ == "__main__":
    main()
