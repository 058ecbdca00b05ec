"""`sanitizer audit`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from consumer.commands.options import json_option, say
from consumer.record import place_of
from consumer.redactors.audit import Auditor, Place, Report, count_about, scan
from consumer.redactors.loading import load_plugin
from consumer.settings import load_settings
from consumer.terminal.options import config_option, examples
from consumer.terminal.parts import Column, Part, Table
from consumer.terminal.progress import bar


@click.command(epilog=examples("sanitizer audit --limit 1000", "sanitizer audit --rate 2000 --show 0 --json"))
@config_option
@click.option("--rate", type=click.IntRange(1), default=500, show_default=True, help="Items a second, at most.")
@click.option("--limit", type=click.IntRange(1), help="Look at so many items, at most.")
@click.option("--show", type=click.IntRange(0), default=20, show_default=True, help="Name so many affected items.")
@json_option
def audit(config: Path | None, rate: int, limit: int | None, show: int, *, as_json: bool) -> None:
    """Search the stored documents for what the policy would redact now; exit status 1 if it finds anything.

    Shows rules, names of fields and the items' keys, never a value; a key that may hold one is withheld.
    """
    settings = load_settings(config)
    settings.require_table("An audit")
    auditor = Auditor(settings, load_plugin(settings), show)
    table = settings.output.table
    about = count_about(table)
    with bar(f"Auditing {table}", min(about, limit or about) or None) as step:  # a count that may be hours old
        for item in scan(table, rate, limit):
            auditor.look_at(item)
            step(1)
    say(_value(auditor.report), _parts(auditor.report), as_json=as_json)
    sys.exit(1 if auditor.report.affected else 0)


def _value(report: Report) -> dict[str, object]:
    return {
        "items": report.items,
        "affected": report.affected,
        "found": [{"path": path, "rule": rule, "items": count} for (path, rule), count in _sorted(report)],
        "places": [place._asdict() for place in report.places],
    }


def _parts(report: Report) -> Iterator[Part]:
    yield f"{report.items} items looked at, {report.affected} hold something that the policy redacts."
    if report.found:
        columns = Column(head="field"), Column(8, "right", "items"), Column(head="rule")
        yield from ("", Table(columns, [(path, str(count), rule) for (path, rule), count in _sorted(report)]))
    if report.places:
        which = "Affected" if report.affected == len(report.places) else f"The first {len(report.places)} affected"
        yield from ("", f"{which} items, by partition and sort key:")
        yield from map(_line, report.places)


def _line(place: Place) -> str:
    if place.partition is not None:
        return f"  {place.partition}  {place.sort}"
    within = "?" if place.sub is None else place_of(place.sub, place.part)
    return f"  (withheld)  {place.shard or '?'} {place.sequence or '?'}/{within}"


def _sorted(report: Report) -> list[tuple[tuple[str, str], int]]:
    return sorted(report.found.items(), key=lambda pair: (-pair[1], pair[0]))
