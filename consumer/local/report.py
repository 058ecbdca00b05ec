"""The demo's report, for people and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from consumer.local.ledger import Documents
from consumer.quarantine.codes import ADVICE
from consumer.terminal.parts import Column, Styled, Table
from consumer.terminal.parts import show as show_parts
from consumer.terminal.printable import echo


@dataclass(frozen=True, slots=True)
class Report:
    """What the demo found. Times in the units of the names; None where nothing was stored.

    :ivar documents: those of the records; the counts before it are of records.
    :ivar codes: of what is in quarantine, by code: how many documents, and the number of the first, counted from 1.
    """

    produced: int
    stored: int
    quarantined: int
    dropped: int
    duplicates: int
    lost: int
    documents: Documents
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
        of = self.documents
        found_of = of.stored + of.quarantined + of.dropped + of.duplicates
        all_found = self.lost == 0 and self.produced == found and of.lost == 0 and of.produced == found_of
        return all_found and self.leaks == 0 and of.stored > 0

    @property
    def verdict(self) -> str:
        """It in one sentence."""
        if self.is_good:
            return "every record is accounted for, and nothing leaked"
        return "NOT GOOD: see above" if self.documents.stored else "NOT GOOD: nothing was stored"

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
    # What came need not be UTF-8.
    echo(f"\nbefore  {before.decode(errors='backslashreplace')}\nafter   {after.decode()}\n")
    of = report.documents
    rows = [
        ("produced", fed, of.produced),
        ("stored", report.stored, of.stored),
        ("quarantined", report.quarantined, of.quarantined),
        ("dropped", report.dropped, of.dropped),
        ("duplicates", report.duplicates, of.duplicates),
        ("lost", report.lost, of.lost),
    ]
    holds_several = of.produced != report.produced
    heads = ("records", "documents") if holds_several else ("",)
    columns = [Column(12), *(Column(9, "right", head) for head in heads), Column()]
    shown = [(name, *map(str, counts[: len(heads)]), "") for name, *counts in rows]
    where = f"in {', '.join(report.leaking_channels)}" if report.leaks else ""
    shown.append(("leaks", str(report.leaks), *[""] * (len(heads) - 1), where))
    show_parts(Table(columns, shown, gap=1))
    one = "document" if holds_several else "record"
    for code, (count, first) in sorted(report.codes.items(), key=lambda item: -item[1][0]):
        advice = ADVICE.get(code)
        echo(f"\nquarantined as {code}: {count}, the first is {one} {first}")
        if advice:
            echo(f"  {advice.means}\n  what to do: {advice.to_do}")
    if report.seconds_to_first_document is not None and report.records_per_second is not None:
        echo(f"\nfirst document after {report.seconds_to_first_document:.1f} s")
        throughput = f"{report.records_per_second:.0f} records/s"
        if holds_several:
            throughput += f", {report.records_per_second * of.produced / report.produced:.0f} documents/s,"
        echo(f"throughput {throughput} over {report.shards} shards")
        times = ", ".join(f"{name} {value:.0f} ms" for name, value in report.latency_ms.items() if value is not None)
        echo(f"latency, put to durable: {times}")
    show_parts("", Styled(f"Verdict: {report.verdict}.", "bold green" if report.is_good else "bold red"))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
