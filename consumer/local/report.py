"""The demo's report, for people and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import click

from consumer.quarantine.codes import ADVICE


@dataclass(frozen=True, slots=True)
class Report:
    """What the demo found. Times in the units of the names; None where nothing was stored.

    :ivar codes: of what is in quarantine, by code: how many, and the number of the first, counted from 1.
    """

    produced: int
    stored: int
    quarantined: int
    dropped: int
    duplicates: int
    lost: int
    leaks: int
    seconds_to_first_document: float | None
    records_per_second: float | None
    latency_ms: dict[str, float | None]
    shards: int
    leaking_channels: list[str]
    codes: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether every record is accounted for, something was stored, and nothing leaked."""
        found = self.stored + self.quarantined + self.dropped + self.duplicates
        return self.lost == 0 and self.leaks == 0 and self.produced == found and self.stored > 0

    @property
    def verdict(self) -> str:
        """It in one sentence."""
        if self.is_good:
            return "every record is accounted for, and nothing leaked"
        return "NOT GOOD: see above" if self.stored else "NOT GOOD: nothing was stored"

    def to_json(self) -> dict[str, Any]:
        """Return the report as `--report` writes it."""
        values = asdict(self)
        del values["leaking_channels"]
        values["codes"] = {code: count for code, (count, _) in self.codes.items()}
        for name in ("seconds_to_first_document", "records_per_second"):
            values[name] = _rounded(values[name])
        values["latency_ms"] = {name: _rounded(value) for name, value in self.latency_ms.items()}
        return values


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value below which `share` of `ordered` lies (nearest rank), or None if it is empty."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def show(report: Report, before: bytes, after: bytes, fed: int) -> None:
    """Print the report."""
    click.echo(f"\nbefore  {before.decode()}\nafter   {after.decode()}\n")
    rows = [
        ("produced", f"{fed}"),
        ("stored", f"{report.stored}"),
        ("quarantined", f"{report.quarantined}"),
        ("dropped", f"{report.dropped}"),
        ("duplicates", f"{report.duplicates}"),
        ("lost", f"{report.lost}"),
        ("leaks", f"{report.leaks}" + (f" in {', '.join(report.leaking_channels)}" if report.leaks else "")),
    ]
    for name, text in rows:
        click.echo(f"{name:<12} {text:>9}")
    for code, (count, first) in sorted(report.codes.items(), key=lambda item: -item[1][0]):
        advice = ADVICE.get(code)
        click.echo(f"\nquarantined as {code}: {count}, the first is record {first}")
        if advice:
            click.echo(f"  {advice.means}\n  what to do: {advice.to_do}")
    if report.seconds_to_first_document is not None and report.records_per_second is not None:
        click.echo(f"\nfirst document after {report.seconds_to_first_document:.1f} s")
        click.echo(f"throughput {report.records_per_second:.0f} records/s over {report.shards} shards")
        times = ", ".join(f"{name} {value:.0f} ms" for name, value in report.latency_ms.items() if value is not None)
        click.echo(f"latency, put to durable: {times}")
    click.echo(click.style(f"\nVerdict: {report.verdict}.", bold=True, fg="green" if report.is_good else "red"))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
