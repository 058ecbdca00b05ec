# noqa: INP001 - a folder of pages, no package
"""What a deployment costs a month, in US dollars, from `prices.yaml`. The tables of docs/costs.md are made of it.

A month has 730 hours. KB and GB are powers of two, as AWS counts them. A record is taken to be as large as its item.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

import yaml

FILE: Final[Mapping[str, Any]] = yaml.safe_load(Path(__file__).with_name("prices.yaml").read_text(encoding="utf-8"))
PRICES: Final[Mapping[str, float]] = {name: price["usd"] for name, price in FILE["prices"].items()}
ASSUMED: Final[Mapping[str, float]] = {name: each["value"] for name, each in FILE["assumed"].items()}

HOURS: Final = 730
SECONDS: Final = HOURS * 3600
DAY_SECONDS: Final = 86400
_MILLION: Final = 1e6
_PUT_KB: Final = 25


@dataclass(frozen=True, slots=True)
class Load:
    """An even load.

    :ivar rate: records a second.
    :ivar kb: size of a record, and of its item.
    """

    rate: int
    kb: float

    @property
    def gb(self) -> float:
        """GB of records in a month."""
        return self._gb(self.kb * 1024)

    @property
    def shards(self) -> int:
        """Shards of a provisioned stream: each takes 1,000 records and 1 MB a second."""
        return ceil(ASSUMED["shard_margin"] * max(self.rate / 1000, self.rate * self.kb / 1024))

    @property
    def write_units(self) -> int:
        """Write units of an item."""
        return ceil(self.kb)

    def stored_gb(self, days: float) -> float:
        """GB of a table that keeps its items for so many days, once it has been there for as long."""
        return self._gb(self.kb * 1024 + ASSUMED["item_overhead_bytes"]) * days * DAY_SECONDS / SECONDS

    def _gb(self, record_bytes: float) -> float:
        return self.rate * SECONDS * record_bytes / 2**30


def stream_provisioned(load: Load) -> float:
    """Shards and PUT units, kept for 24 hours."""
    puts = load.rate * SECONDS * ceil(load.kb / _PUT_KB) / _MILLION
    return load.shards * HOURS * PRICES["kinesis_shard_hour"] + puts * PRICES["kinesis_put_million"]


def stream_retention(load: Load) -> float:
    """What a provisioned stream costs more for being kept for up to seven days."""
    return load.shards * HOURS * PRICES["kinesis_extended_shard_hour"]


def stream_year(load: Load) -> float:
    """What it costs more for being kept for a year, once it has been there for as long."""
    gb = load.gb * (365 - 7) * DAY_SECONDS / SECONDS
    return stream_retention(load) + gb * PRICES["kinesis_long_kept_gb"]


def stream_standard(load: Load) -> float:
    """On demand, written and read once, kept as long as the template does."""
    return (
        HOURS * PRICES["kinesis_standard_stream_hour"]
        + _rounded(load).gb * PRICES["kinesis_standard_in_gb"]
        + load.gb * PRICES["kinesis_standard_out_gb"]
        + _kept_gb(load) * PRICES["kinesis_standard_kept_gb"]
    )


def stream_advantage(load: Load) -> float:
    """On-demand Advantage, written and read once, kept as long, for an account with no other stream."""
    least = ASSUMED["advantage_mib_a_second"] * SECONDS / 1024
    return (
        max(_rounded(load).gb, least) * PRICES["kinesis_advantage_in_gb"]
        + max(load.gb, least) * PRICES["kinesis_advantage_out_gb"]
        + _kept_gb(load) * PRICES["kinesis_advantage_kept_gb"]
    )


def _rounded(load: Load) -> Load:
    return Load(load.rate, ceil(load.kb))


def _kept_gb(load: Load) -> float:
    return load.gb * (ASSUMED["retention_hours"] - 24) / HOURS


def fanout(load: Load) -> float:
    """Enhanced fan-out for one application, beside a provisioned stream."""
    return load.shards * HOURS * PRICES["kinesis_fanout_shard_hour"] + load.gb * PRICES["kinesis_fanout_gb"]


def writes_on_demand(load: Load) -> float:
    """Writes of the output table; a second index costs as much again."""
    return load.rate * SECONDS * load.write_units / _MILLION * PRICES["dynamodb_write_million"]


def writes_provisioned(load: Load) -> float:
    """The same by provisioned write units, which auto scaling keeps at its target."""
    return load.rate * load.write_units / ASSUMED["target_use"] * HOURS * PRICES["dynamodb_wcu_hour"]


def writes_reserved(load: Load) -> float:
    """The same, all of it reserved for a year."""
    return writes_provisioned(load) * (1 - ASSUMED["reserved_saving"])


def kept(load: Load, days: float) -> float:
    """Storage and point-in-time recovery of a table that keeps its items for so many days."""
    return load.stored_gb(days) * (PRICES["dynamodb_storage_gb"] + PRICES["dynamodb_pitr_gb"])


def infrequent_access_from(load: Load) -> float:
    """Days kept from which on the table class Standard-IA costs less, with writes on demand."""
    saved_a_day = load.stored_gb(1) * (PRICES["dynamodb_storage_gb"] - PRICES["dynamodb_storage_ia_gb"])
    return writes_on_demand(load) * (ASSUMED["ia_writes"] - 1) / saved_a_day


def replica(load: Load, days: float) -> float:
    """A replica of the table in another region: its writes, the way there, and what is kept."""
    return writes_on_demand(load) + load.gb * PRICES["transfer_region_gb"] + kept(load, days)


def tasks(rate: int, machine: str = "arm") -> float:
    """Fargate, the tasks at least.

    :param machine: ``arm`` or ``x86``, of which twice as much is taken: a vCPU is a hyperthread (docs/performance.md).
    """
    size = FILE["sizes"][rate]
    vcpu = size["vcpu"] * PRICES[f"fargate_{machine}_vcpu_hour"]
    memory = size["memory_gb"] * PRICES[f"fargate_{machine}_gb_hour"]
    return float(size["tasks"] * HOURS * (vcpu + memory) * (2 if machine == "x86" else 1))


def nat(load: Load) -> float:
    """NAT gateways, with all that is read and written going through them."""
    return ASSUMED["zones"] * HOURS * PRICES["nat_hour"] + 2 * load.gb * PRICES["nat_gb"]


def endpoints(load: Load) -> float:
    """Interface endpoints, with what is read going through Kinesis's; DynamoDB's gateway endpoint is free."""
    hours = ASSUMED["endpoints"] * ASSUMED["zones"] * HOURS
    return hours * PRICES["endpoint_hour"] + load.gb * PRICES["endpoint_gb"]


def prometheus(rate: int) -> float:
    """Samples of Managed Prometheus."""
    samples = FILE["sizes"][rate]["tasks"] * ASSUMED["series_a_task"] * SECONDS / ASSUMED["scrape_seconds"]
    first = min(samples, 2e9)
    next_ = samples - first
    return float(first * PRICES["prometheus_samples_first"] + next_ * PRICES["prometheus_samples_next"]) / 1e7


def logs(rate: int) -> float:
    """The workers' log, written and kept."""
    gb = FILE["sizes"][rate]["tasks"] * ASSUMED["log_bytes_a_minute"] * SECONDS / 60 / 2**30
    return float(gb * (PRICES["logs_ingested_gb"] + ASSUMED["log_months"] * PRICES["logs_kept_gb"]))


def watching() -> float:
    """Metrics and alarms of CloudWatch, a KMS key with two rotations, a secret."""
    return (
        ASSUMED["metrics"] * PRICES["metric_month"]
        + ASSUMED["alarm_metrics"] * PRICES["alarm_month"]
        + 3 * PRICES["kms_key_month"]
        + PRICES["secret_month"]
    )
