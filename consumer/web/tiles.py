"""The figures of the status page that are looked at first, and the lines of the last hour."""

from collections.abc import Collection
from typing import Final

from markupsafe import Markup, escape

from consumer.web.chart import COUNTS, TIMES, chart, clock
from consumer.web.history import LAG, LATENCY, RECEIVED, View
from consumer.web.markup import marked, section, tile
from consumer.web.noticed import ends, quarantines_much
from consumer.web.numbers import counted, number, per_second, percent, seconds
from consumer.web.shard_table import LATE_SECONDS, late

_UNREAD: Final = "no_shard_read"
_UNOWNED: Final = "shards_without_owner"


def tiles(view: View, codes: Collection[str]) -> Markup:
    """Return the figures.

    :param codes: of the reasons why the worker is not simply well.
    """
    return Markup().join(
        [_rate(view), _latency(view), _lag(view, codes), _flight(view), _leases(view, codes), _quarantine(view)]
    )


def _rate(view: View) -> Markup:
    now = sum(view.now.rates(RECEIVED).values()) if view.now else None
    return tile("rate", "Records a second", per_second(now), "received, mean of 30 s")


def _latency(view: View) -> Markup:
    p99, p50 = (view.now.quantile(share, LATENCY) if view.now else None for share in (0.99, 0.5))
    note = f"arrival in the stream to stored; median {seconds(p50)}"
    return tile("latency", "Latency, p99", seconds(p99), note)


def _lag(view: View, codes: Collection[str]) -> Markup:
    lags = {labels["shard"]: value for labels, value in view.reading.rows(LAG)}
    worst = max(lags, key=lags.__getitem__, default=None)
    title = "Lag, worst shard"
    if worst is not None:
        return tile("lag", title, late(lags[worst]), worst if lags[worst] else "")
    last = view.last_lag
    if last is None or last.lag is None:
        return tile("lag", title, seconds(None), "no shard is this worker's")
    note = f"last known {seconds(last.lag)}, at {clock(last.at)} UTC"
    if _UNREAD in codes:  # it goes on, though none is measured
        grown = last.lag + view.reading.at - last.at
        return tile("lag", title, marked(f"{seconds(grown)}, growing"), f"{note}; nobody has read on since")
    return tile("lag", title, seconds(None), f"no shard is this worker's; {note}")


def _flight(view: View) -> Markup:
    oldest = max((age for _, age in view.reading.rows("sanitizer_in_flight_age_seconds")), default=0.0)
    note = Markup("oldest batch {}").format(late(oldest)) if oldest else escape("delivered, not ended yet")
    return tile("in-flight", "Records in flight", number(view.reading.value("sanitizer_records_in_flight")), note)


def _leases(view: View, codes: Collection[str]) -> Markup:
    reading = view.reading
    of_stream = reading.value("sanitizer_stream_open_shards")
    workers = reading.value("sanitizer_application_workers")
    lying = {state: count for (state,), count in reading.by("sanitizer_application_leases", "state").items()}
    ownerless = lying.get("unowned", 0.0) + lying.get("expired", 0.0)
    owned = reading.value("sanitizer_shards_owned")
    held = len(reading.rows(LAG))  # also without a session, while nothing answers
    shown = number(owned) if of_stream is None else f"{number(owned)} of {number(of_stream)}"
    # A session that has just ended, and a lease that was just let go, are a hand-over as long as there is no reason.
    is_short = _UNREAD in codes or _UNOWNED in codes or (bool(codes) and owned is not None and held > owned)
    lies = f"{number(ownerless)} without owner" if ownerless else ""
    notes = [
        escape("of the stream's open shards" if of_stream is not None else ""),
        escape(counted(workers, "worker") if workers is not None else ""),
        marked(lies) if lies and is_short else escape(lies),
    ]
    figure = marked(shown) if is_short else escape(shown)
    return tile("leases", "Shards read here", figure, Markup(", ").join(note for note in notes if note))


def _quarantine(view: View) -> Markup:
    if not view.recent:
        return tile("quarantined", "Quarantined, 5 min", number(None), "")
    window = view.recent[1]
    ended, count = ends(window)
    shown = marked(number(count)) if quarantines_much(window) else escape(number(count))
    return tile("quarantined", "Quarantined, 5 min", shown, f"{percent(count, ended)} of {counted(ended, 'record')}")


def lines(view: View) -> Markup:
    """Return the last hour."""
    rates = [(point.at, point.rate) for point in view.points]
    latencies = [(point.at, point.latency) for point in view.points]
    lags = [(point.at, point.lag) for point in view.points]
    late_from = (LATE_SECONDS, "late: 1 min")
    drawn = (
        ("rates", "Records a second", "received, mean of 30 s", rates, COUNTS, None),
        ("latencies", "Latency, p99", "arrival in the stream to stored, of 30 s", latencies, TIMES, None),
        ("lags", "Lag", "of the shard that lags most", lags, TIMES, late_from),
    )
    return Markup().join(
        section(identity, title, chart(title, note, points, scale, limit))
        for identity, title, note, points, scale, limit in drawn
    )
