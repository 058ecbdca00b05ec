"""What a shard takes and gives. Source: AWS, "Quotas and limits" of Kinesis Data Streams."""

from typing import Final

RECORDS_A_SECOND: Final = 1000
BYTES_A_SECOND: Final = 1 << 20
"""With the partition keys."""

READ_BYTES_A_SECOND: Final = 2 << 20
"""For all that poll together, and for each that has enhanced fan-out."""

HOT_SHARE: Final = 0.8
"""Of a limit, from where on a shard is marked: bursts within the second are refused before the mean gets there."""
