"""The status page: what it shows, and that nothing in it is more than text."""

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import Metric

from consumer.web.health import Reason, Report, Status
from consumer.web.history import History
from consumer.web.markup import WIDTH, per_second, percent, seconds, size, sparkline, tag
from consumer.web.page import Page
from tests.kits.log import RecordingLog
from tests.kits.page import ABOUT, OK, Figures, page, watched

EMPTY = {"meta", "path"}
CELLS = {"td", "th", "p", "dt", "dd"}


class Parsed(HTMLParser):
    """The elements with their attributes, the text, and that every element is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in CELLS:
            self.texts.append("\n")
        if tag not in EMPTY:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def names(self) -> list[str]:
        return [name for name, _ in self.elements]

    def text(self) -> str:
        return "".join(self.texts)


def test_it_shows_shards_figures_policy_and_versions() -> None:
    text = Parsed(page(watched(Figures(3), 12))).text()
    for expected in (
        *(f"shardId-{number:012}" for number in range(3)),
        *("300", "highest 300"),  # records a second, of all and at most
        *("95 ms", "28 ms"),  # p99 and median of the latency
        *("3 min", "1.5 s", "99.00 %", "25 %", "500 MiB"),  # lag, checkpoint, share, processor, memory
        *("card", "mask", "1,234", "invalid_json", "default 7", "0a1b2c", "1.2.3", "w-1", "transactions"),
    ):
        assert expected in text, expected


@pytest.mark.parametrize("samples", [0, 1, 2])
def test_a_worker_that_has_just_started_has_a_page(samples: int) -> None:
    text = Parsed(page(watched(Figures(0), samples))).text()
    assert ("no sample yet" in text) == (samples == 0)


def test_reasons_are_told() -> None:
    failing = Report(Status.FAILING, (Reason("daemon_failing", "the daemon failed 6 times in a row"),))
    parsed = Parsed(page(watched(Figures(1), 2), failing, OK))
    assert "daemon_failing" in parsed.text()
    assert "unhealthy" in parsed.text()
    assert "the daemon failed 6 times in a row" in parsed.text()
    well = Parsed(page(watched(Figures(1), 2)))
    assert "healthy" in well.text()
    assert "ul" not in well.names()


def test_a_shard_that_lags_is_marked() -> None:
    assert Parsed(page(watched(Figures(1), 2))).text().count("90 s") == 0
    marked = re.findall(r'<span class="warn">([^<]*)</span>', page(watched(Figures(2), 2)))
    assert marked == ["90 s", "90 s"]  # in the tile and in the row


def test_shards_that_are_held_and_not_served_are_marked() -> None:
    """Their lag goes on while nothing answers; a worker that holds none is well."""
    figures = Figures(2)
    figures.more = ["sanitizer_stream_open_shards 2"]
    served = figures.text()
    figures.text = lambda: served.replace("sanitizer_shards_owned 2", "sanitizer_shards_owned 0")  # type: ignore[method-assign]
    marked = re.findall(r'<p class="figure"><span class="warn">([^<]*)</span>', page(watched(figures, 2)))
    assert marked == ["90 s", "0"]
    idle = Figures(0)
    idle.more = ["sanitizer_stream_open_shards 2"]
    assert 'class="figure"><span' not in page(watched(idle, 2))


def test_it_loads_nothing_and_runs_nothing() -> None:
    answer = Page(watched(Figures(2), 9), ABOUT, lambda: OK, lambda: OK).answer()
    assert answer.content_type == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy["style-src"])
    assert "script-src" not in policy
    text = answer.body.decode()
    assert "//" not in text  # no address
    parsed = Parsed(text)
    assert not {"script", "link", "img", "a", "iframe", "object", "form"} & set(parsed.names())
    attributes = {name for _, found in parsed.elements for name in found}
    assert attributes <= {
        *("class", "id", "lang", "charset", "name", "content", "http-equiv", "scope", "role"),
        *("viewbox", "preserveaspectratio", "d", "vector-effect"),
    }


HOSTILE = "<script>alert(1)</script>\"'&lt;$style ${title}"


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1))
@example(HOSTILE)
@example("</style></title></section>")
def test_a_label_is_text_whatever_it_holds(label: str) -> None:
    """Rules, codes and paths come from policies and plug-ins, field paths even from records' names."""
    figures = Figures(1)
    plain = Parsed(page(watched(figures, 2))).names()
    quoted = label.replace("\\", "\\\\").replace('"', '\\"')
    figures.more = [f'sanitizer_redactions_total{{rule="{quoted}",action="{quoted}"}} 9']
    parsed = Parsed(page(watched(figures, 2)))
    assert label in parsed.texts
    added = ["tr", "th", "td", "td"]
    assert sorted(parsed.names()) == sorted(plain + added)


def everywhere(text: str) -> Parsed:
    """Return a page on which each name, but for those that the page looks for, ends in the text."""
    figures = Figures(2)
    figures.more = [
        'sanitizer_field_drift{path="customer.card"} 1',
        'sanitizer_candidate_policy_info{name="default",version="8",digest="f00"} 1',
        'sanitizer_candidate_records_total{result="same"} 3',
        'sanitizer_write_retries_total{reason="throttled"} 2',
        'sanitizer_daemon_restarts_total{reason="daemon_exit"} 1',
        'sanitizer_sessions_total{event="began"} 2',
    ]

    def collect() -> Iterator[Metric]:
        for family in figures.collect():
            changed = Metric(family.name, family.documentation, family.type)
            for sample in family.samples:
                labels = {name: value if name == "le" else value + text for name, value in sample.labels.items()}
                changed.add_sample(sample.name, labels, sample.value)
            yield changed

    told = Report(Status.FAILING, (Reason(f"code{text}", f"detail{text}"),))
    about = {name: f"{value}{text}" for name, value in ABOUT.items()}
    history = watched(figures, 3, History(collect, RecordingLog()))
    return Parsed(Page(history, about, lambda: told, lambda: told).answer().body.decode())


HARMLESS = everywhere("!")


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1))
@example(HOSTILE)
@example("</p></td></span></style></title></section><script>")
@example("' onload='alert(1)\" style=\"x")
def test_names_are_text_wherever_they_stand(text: str) -> None:
    text = f"!{text}"  # so that no shard's name looks like one still
    parsed = everywhere(text)
    assert parsed.names() == HARMLESS.names()
    assert [set(attributes) for _, attributes in parsed.elements] == [set(found) for _, found in HARMLESS.elements]
    for name in ("transactions", "card", "mask", "invalid_json", "code", "detail", "shardId-000000000001", "stored"):
        assert name + text in parsed.text(), name


@given(st.text(), st.text(min_size=1))
@example(HOSTILE, HOSTILE)
def test_text_is_escaped_once_as_content_and_as_attribute(content: str, value: str) -> None:
    made = tag("p", content, tag("b", content), kind=value)
    found = re.fullmatch(r"""<p class="([^<>"']*)">([^<>"']*)<b>([^<>"']*)</b></p>""", made)
    assert found
    assert [unescape(each) for each in found.groups()] == [value, content, content]


def test_the_last_figures_stay_when_no_more_come(monkeypatch: pytest.MonkeyPatch) -> None:
    history = watched(Figures(1), 3)
    assert "UTC</span>" not in page(history)
    at = history.reading.at
    monkeypatch.setattr("consumer.web.page.time.time", lambda: at + 60)
    assert '<span class="warn">' in page(history)
    assert "UTC</span>" in page(history)


def test_looking_costs_no_reading_of_the_metrics() -> None:
    figures = Figures(1)
    looks: list[int] = []

    def collect() -> Any:
        looks.append(1)
        return figures.collect()

    history = watched(figures, 2, History(collect, RecordingLog()))
    page(history)
    assert len(looks) == 2


@given(st.lists(st.none() | st.floats(0, 1e9), max_size=200))
def test_a_line_stays_in_its_box(values: list[float | None]) -> None:
    drawn = sparkline(values, "x")
    points = [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", drawn)]
    assert len(points) == sum(value is not None for value in values)
    assert all(0 <= x <= WIDTH and 0 <= y <= 40 for x, y in points)
    assert points == sorted(points, key=lambda point: point[0])


def test_a_gap_in_the_values_is_a_gap_in_the_line() -> None:
    assert re.findall("[ML]", sparkline([1.0, 2.0, None, 3.0], "x").partition("<path")[2]) == ["M", "L", "M"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "\u2013"),
        (0.0, "0 ms"),
        (0.1234, "123 ms"),
        (2.34, "2.3 s"),
        (45, "45 s"),
        (119, "119 s"),
        (600, "10 min"),
        (3 * 3600, "3 h"),
        (5 * 86400, "5 d"),
    ],
)
def test_a_time_span_is_readable(value: float | None, shown: str) -> None:
    assert seconds(value) == shown


def test_numbers_are_readable() -> None:
    assert [per_second(value) for value in (None, 0.0, 0.26, 12345.6)] == ["\u2013", "0", "0.3", "12,346"]
    assert [percent(*pair) for pair in ((0, 0), (1, 3), (1, 10**9), (0, 5))] == [
        *("\u2013", "33.33 %", "< 0.01 %", "0.00 %")
    ]
    assert [size(value) for value in (2**19, 50 * 2**20, 3 * 2**30)] == ["0.5 MiB", "50 MiB", "3.0 GiB"]
