"""The status page's shards: how far behind each is, and how near to what a shard takes and gives."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from consumer.settings.shard_limits import BYTES_A_SECOND, HOT_SHARE, READ_BYTES_A_SECOND, RECORDS_A_SECOND
from consumer.web.history import Reading, Sample, Window
from consumer.web.markup import (
    NOTHING,
    marked,
    number,
    per_second,
    seconds,
    section,
    shard_name,
    table,
    tag,
)

LATE_SECONDS: Final = 60.0
"""A shard that lags for longer, or whose batch is in flight for longer, is marked."""


class Load(NamedTuple):
    """Shares of a shard's limits; None: not known, nothing was read."""

    written: float | None
    read: float | None


def loads(window: Window) -> dict[str, Load]:
    """Return what the shards took, by the stream's own clock, and what was read of them, by ours."""
    passed = window.last.at - window.first.at
    found = {}
    for shard in window.last.load["seconds"]:
        records, size, span = (
            _grown(window.first, window.last, kind, shard) for kind in ("records", "bytes", "seconds")
        )
        # Less than a second says nothing about a second.
        written = max(records / RECORDS_A_SECOND, size / BYTES_A_SECOND) / span if span >= 1 else None
        found[shard] = Load(written, size / READ_BYTES_A_SECOND / passed)
    return found


def _grown(first: Sample, last: Sample, kind: str, shard: str) -> float:
    return max(0.0, last.load[kind].get(shard, 0.0) - first.load[kind].get(shard, 0.0))


def shards(reading: Reading, windows: Sequence[Window]) -> Markup:
    """Return the section."""
    lags = reading.by("sanitizer_behind_latest_seconds", "shard")
    checkpoints = reading.by("sanitizer_checkpoint_age_seconds", "shard")
    open_ = reading.by("sanitizer_records_in_flight", "shard")
    ages = reading.by("sanitizer_in_flight_age_seconds", "shard")
    rates = windows[-1].rates(lambda sample: sample.received) if windows else {}
    served = sorted(lags.keys() | checkpoints.keys())
    known = loads(windows[-1]) if windows else {}
    of_limits = {key[0]: known.get(key[0], Load(None, None)) for key in served}
    rows = []
    for key in served:
        flight = Markup().join([number(open_.get(key)), *((" · ", late(ages[key])) if ages.get(key) else ())])
        load = of_limits[key[0]]
        rows.append(
            [
                shard_name(key[0]),
                late(lags.get(key)),
                per_second(rates.get(key[0])),
                Markup().join([_share(load.written), " · ", _share(load.read)]),
                flight,
                seconds(checkpoints.get(key)),
            ]
        )
    heads = ["Shard", "Lag", "Records/s", "Of its limits: in · out", "In flight", "Checkpoint age"]
    notes = [tag("p", note, kind="note") for note in _advice(of_limits)]
    return section("shards", "Shards owned by this worker", table(heads, rows), *notes)


def late(value: float | None) -> Markup:
    """Write a time span that should be short."""
    return marked(value, LATE_SECONDS, seconds(value))


def _share(value: float | None) -> Markup:
    return marked(value, HOT_SHARE, NOTHING if value is None else f"{100 * value:.0f} %")


def _advice(of_limits: dict[str, Load]) -> Iterator[str]:
    hot = [shard for shard, load in of_limits.items() if (load.written or 0.0) > HOT_SHARE]
    if hot:
        yield (
            f"Hot: {', '.join(hot)}. Above {HOT_SHARE:.0%} of the 1,000 records or 1 MB a second that a shard takes; "
            "beyond that, producers are refused. Split it; if one key makes it hot, a split does not help: give that "
            "key a suffix. `sanitizer status --load` tells which it is."
        )
    busy = [shard for shard, load in of_limits.items() if (load.read or 0.0) > HOT_SHARE]
    if busy:
        yield (
            f"Read at the limit: {', '.join(busy)}. A shard gives 2 MB a second to all that poll together: lag shrinks "
            "no faster than that. Enhanced fan-out gives each application its own 2 MB."
        )
