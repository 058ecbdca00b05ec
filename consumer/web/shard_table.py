"""The status page's shards: how far behind each is, and how near to what a shard takes and gives."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from markupsafe import Markup

from consumer.settings.shard_limits import BYTES_A_SECOND, HOT_SHARE, READ_BYTES_A_SECOND, RECORDS_A_SECOND
from consumer.web.history import BYTES, KINESIS_RECORDS, LAG, RECEIVED, STREAM_SECONDS, View, Window
from consumer.web.markup import above, section, shard_name, table, tag
from consumer.web.numbers import NOTHING, number, per_second, seconds

LATE_SECONDS: Final = 60.0
"""A shard that lags for longer, or whose batch is in flight for longer, is marked."""

_HEADS: Final = ("Shard", "Lag", "Records/s", "Written", "Read", "In flight", "For", "Checkpoint")
_CAPTION: Final = (
    "Written, Read: shares of what a shard takes (1,000 records or 1 MB a second) and gives (2 MB a second). "
    "In flight, For: records that were delivered and have not ended yet, and how long the batch takes. "
    "Checkpoint: how old."
)


class Load(NamedTuple):
    """Shares of a shard's limits; None: not known, nothing was read."""

    written: float | None
    read: float | None


def loads(window: Window) -> dict[str, Load]:
    """Return what the shards took, by the stream's own clock, and what was read of them, by ours."""
    spans, records, sizes = (window.grown(name) for name in (STREAM_SECONDS, KINESIS_RECORDS, BYTES))
    found = {}
    for (shard,), span in spans.items():
        size = sizes.get((shard,), 0.0)
        # Less than a second says nothing about a second.
        taken = max(records.get((shard,), 0.0) / RECORDS_A_SECOND, size / BYTES_A_SECOND) / span if span >= 1 else None
        found[shard] = Load(taken, size / READ_BYTES_A_SECOND / window.seconds)
    return found


def shards(view: View) -> Markup:
    """Return the section."""
    reading = view.reading
    lags = reading.by(LAG, "shard")
    checkpoints = reading.by("sanitizer_checkpoint_age_seconds", "shard")
    open_ = reading.by("sanitizer_records_in_flight", "shard")
    ages = reading.by("sanitizer_in_flight_age_seconds", "shard")
    rates = view.now.rates(RECEIVED) if view.now else {}
    known = loads(view.now) if view.now else {}
    served = sorted(lags.keys() | checkpoints.keys())
    of_limits = {key[0]: known.get(key[0], Load(None, None)) for key in served}
    rows = [
        [
            shard_name(key[0]),
            late(lags.get(key)),
            per_second(rates.get(key)),
            _share(of_limits[key[0]].written),
            _share(of_limits[key[0]].read),
            number(open_.get(key)),
            late(ages.get(key) or None),
            seconds(checkpoints.get(key)),
        ]
        for key in served
    ]
    notes = [tag("p", note, kind="advice") for note in _advice(of_limits)]
    return section("shards", "Shards of this worker", *notes, table(_CAPTION, _HEADS, rows, is_wide=True))


def late(value: float | None) -> Markup:
    """Write a time span that should be short."""
    return above(value, LATE_SECONDS, seconds(value))


def _share(value: float | None) -> Markup:
    return above(value, HOT_SHARE, NOTHING if value is None else f"{100 * value:.0f} %")


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
