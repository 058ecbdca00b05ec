"""The arithmetic of docs/costs.md, by hand; and that each price and each assumption says where it comes from."""

import json
from pathlib import Path

import pytest

from consumer.logs import EmbeddedMetrics, Measured
from consumer.metrics.cloudwatch import DIMENSION, NAMESPACE, PUBLISHED
from docs import cost_tables, costs
from docs.costs import ASSUMED, FILE, PRICES, Load

ROOT = Path(__file__).parents[2]
SMALL = Load(50_000, 0.5)


def test_a_provisioned_stream_is_paid_by_shards_and_put_units() -> None:
    # 60 shards x 730 h x $0.015, and 131,400 million PUT units x $0.014
    assert costs.stream_provisioned(SMALL) == pytest.approx(657 + 1839.6)
    assert costs.stream_retention(SMALL) == pytest.approx(60 * 730 * 0.02)
    beyond_a_week = 50_000 * 86_400 * 358 / 2**21  # GB of records of 0.5 KB
    assert costs.stream_year(SMALL) == pytest.approx(60 * 730 * 0.02 + beyond_a_week * 0.023)


@pytest.mark.parametrize(
    ("rate", "kb", "shards"), [(1000, 0.5, 2), (10_000, 1, 12), (50_000, 1, 60), (50_000, 2, 118), (1000, 2, 3)]
)
def test_shards_follow_records_and_bytes(rate: int, kb: float, shards: int) -> None:
    assert Load(rate, kb).shards == shards


def test_an_on_demand_stream_counts_whole_kilobytes_in_and_bytes_out() -> None:
    whole = 50_000 * 2_628_000 / 2**20  # GB of records of 1 KB
    kept = whole / 2 * 48 / 730
    expected = 730 * 0.04 + whole * 0.08 + whole / 2 * 0.04 + kept * 0.10
    assert costs.stream_standard(SMALL) == pytest.approx(expected)


def test_on_demand_advantage_has_a_least_price() -> None:
    least = 25 * 2_628_000 / 1024 * (0.032 + 0.016)
    assert costs.stream_advantage(Load(1, 1)) == pytest.approx(least, rel=1e-4)
    assert costs.stream_advantage(Load(100_000, 1)) == pytest.approx(100_000 * 2_628_000 / 2**20 * 0.048, rel=0.05)


def test_writes() -> None:
    assert costs.writes_on_demand(SMALL) == pytest.approx(82_125)  # 131,400 million x $0.625
    assert costs.writes_provisioned(SMALL) == pytest.approx(50_000 / 0.7 * 730 * 0.00065)
    assert costs.writes_reserved(SMALL) == pytest.approx(0.47 * costs.writes_provisioned(SMALL))


def test_a_byte_more_than_a_kilobyte_doubles_a_write() -> None:
    assert costs.writes_on_demand(Load(1, 1025 / 1024)) == 2 * costs.writes_on_demand(Load(1, 1))


def test_what_is_kept_is_items_with_their_overhead() -> None:
    items = 50_000 * 86_400 * 30
    assert SMALL.stored_gb(30) == pytest.approx(items * (512 + 100) / 2**30)
    assert costs.kept(SMALL, 30) == pytest.approx(items * 612 / 2**30 * (0.25 + 0.20))


def test_what_is_kept_outgrows_the_writes() -> None:
    days = cost_tables.outgrown(SMALL, costs.writes_on_demand)
    assert costs.kept(SMALL, days - 1) < costs.writes_on_demand(SMALL) <= costs.kept(SMALL, days)


def test_infrequent_access_pays_from_where_it_says() -> None:
    days = costs.infrequent_access_from(SMALL)
    gb, writes = SMALL.stored_gb(days), costs.writes_on_demand(SMALL)
    assert writes * 1.25 + gb * 0.10 == pytest.approx(writes + gb * 0.25)


def test_a_replica_is_written_fed_and_kept() -> None:
    assert costs.replica(SMALL, 30) == pytest.approx(82_125 + SMALL.gb * 0.02 + costs.kept(SMALL, 30))


def test_tasks() -> None:
    assert costs.tasks(50_000) == pytest.approx(6 * (0.03238 + 2 * 0.00356) * 730)
    assert costs.tasks(1000, "x86") == pytest.approx(2 * (1 * 0.04048 + 2 * 0.004445) * 730)


def test_the_network_and_the_rest() -> None:
    assert costs.nat(SMALL) == pytest.approx(2 * 730 * 0.045 + 2 * SMALL.gb * 0.045)
    assert costs.endpoints(SMALL) == pytest.approx(12 * 730 * 0.01 + SMALL.gb * 0.01)
    assert costs.fanout(SMALL) == pytest.approx(60 * 730 * 0.015 + SMALL.gb * 0.013)
    assert costs.prometheus(50_000) == pytest.approx(6 * 1000 * 2_628_000 / 15 / 1e7 * 0.90)
    assert costs.watching() == pytest.approx(10 * 0.30 + 25 * 0.10 + 3 + 0.40)
    gb = 6 * ASSUMED["log_bytes_a_minute"] * 43_800 / 2**30
    assert costs.logs(50_000) == pytest.approx(gb * (0.50 + 13 * 0.03))


def test_samples_beyond_the_first_tier_cost_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILE["sizes"], 7, {"tasks": 20})
    samples = 20 * 1000 * 2_628_000 / 15
    assert costs.prometheus(7) == pytest.approx(2e9 / 1e7 * 0.90 + (samples - 2e9) / 1e7 * 0.35)


def test_the_sum_is_that_of_its_parts() -> None:
    parts = (
        costs.tasks(50_000)
        + costs.stream_provisioned(SMALL)
        + costs.stream_retention(SMALL)
        + costs.writes_on_demand(SMALL)
        + costs.kept(SMALL, 90)
        + costs.endpoints(SMALL)
        + costs.prometheus(50_000)
        + costs.logs(50_000)
        + costs.watching()
    )
    assert cost_tables.in_all(SMALL, costs.writes_on_demand, 90) == pytest.approx(parts)


@pytest.mark.parametrize(
    ("amount", "shown"), [(82_125.4, "$82,125"), (9.994, "$9.99"), (0.0123, "$0.01"), (10.2, "$10")]
)
def test_amounts_are_shown_to_the_dollar_or_to_the_cent(amount: float, shown: str) -> None:
    assert cost_tables.dollars(amount) == shown


@pytest.mark.parametrize("name", PRICES)
def test_each_price_says_where_it_was_seen_or_that_it_was_not(name: str) -> None:
    price = FILE["prices"][name]
    assert price["usd"] > 0
    assert price["published"].startswith("https://aws.amazon.com/")
    assert "seen" in price or price["note"].startswith("as remembered, check")


def test_each_price_is_used() -> None:
    text = (ROOT / "docs/costs.py").read_text(encoding="utf-8")
    text = text.replace("{machine}", "arm") + text.replace("{machine}", "x86")
    assert [name for name in PRICES if f'"{name}"' not in text] == []


@pytest.mark.parametrize("size", ["1k", "10k", "50k"])
def test_the_sizes_are_those_of_the_templates(size: str) -> None:
    folder = ROOT / "deploy/ecs/parameters"
    chosen: dict[str, str] = {}
    for file in folder.glob(f"{size}/*.json"):
        chosen |= json.loads(file.read_text(encoding="utf-8"))["Parameters"]
    rate = int(size.removesuffix("k")) * 1000
    assert FILE["sizes"][rate] == {
        "tasks": int(chosen["MinTasks"]),
        "vcpu": int(chosen["TaskCpu"]) / 1024,
        "memory_gb": int(chosen["TaskMemory"]) / 1024,
    }
    assert Load(rate, 0.5).shards == int(chosen["ShardCount"])


def test_the_metrics_and_their_line_are_those_that_a_worker_publishes() -> None:
    assert ASSUMED["metrics"] == len(PUBLISHED)
    metrics = {name: Measured(1234.0, unit) for name, (unit, _) in PUBLISHED.items()}
    members = EmbeddedMetrics(NAMESPACE, {DIMENSION: "kinesis-sanitizer"}, metrics).members()
    about = {
        "event": "metrics.published",
        "severity": "info",
        "process": "supervisor",
        "time": "2026-11-30T15:41:19.1Z",
    }
    assert len(json.dumps(about | members)) == pytest.approx(ASSUMED["log_bytes_a_minute"], rel=0.05)
