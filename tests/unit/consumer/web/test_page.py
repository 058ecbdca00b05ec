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
from consumer.web.markup import tag
from consumer.web.numbers import NOTHING
from consumer.web.page import Page, Shown
from consumer.web.state import START_SECONDS
from tests.kits.log import RecordingLog
from tests.kits.page import ABOUT, OK, Figures, page, watched

EMPTY = {"meta", "path", "link"}
CELLS = {"td", "th", "p", "dt", "dd", "caption", "li"}


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
        *("300", "400"),  # records a second, of all, and where their axis ends
        *("95 ms", "28 ms"),  # p99 and median of the latency
        *("3 min", "1.5 s", "25 %", "500 MiB"),  # lag, checkpoint, processor, memory
        *("16,500", "110", "11", "invalid_json", "card, mask"),  # records, redactions and quarantine of 55 seconds
        *("default 7", "0a1b2c", "1.2.3", "w-1", "transactions"),
    ):
        assert expected in text, expected


def test_counts_are_of_the_last_1_5_and_15_minutes() -> None:
    [row] = re.findall(r'<tr><th scope="row">records received</th>(.*?)</tr>', page(watched(Figures(1), 400)))
    assert re.findall(r"<td>(.*?)</td>", row) == ["6,000", "30,000", "90,000"]
    assert "Watched for" not in page(watched(Figures(1), 400))
    assert "Watched for 55 s: longer columns hold that" in page(watched(Figures(1), 12))


@pytest.mark.parametrize("samples", [0, 1, 2])
def test_a_worker_that_has_just_started_has_a_page(samples: int) -> None:
    text = Parsed(page(watched(Figures(0), samples))).text()
    assert ("no sample yet" in text) == (samples == 0)


FAILING = Report(Status.FAILING, (Reason("daemon_failing", "the daemon failed 6 times in a row"),))
DEGRADED = Report(Status.DEGRADED, (Reason("nothing_read", "the stream has given no answer; the log says why"),))


@pytest.mark.parametrize(
    ("live", "ready", "word", "sign"),
    [
        (OK, OK, "healthy", "\u2713"),
        (DEGRADED, DEGRADED, "degraded", "\u25b2"),
        (OK, Report(Status.FAILING, (Reason("restarting", "it is started anew"),)), "degraded", "\u25b2"),
        (FAILING, FAILING, "down", "\u2715"),
    ],
)
def test_the_state_is_told_by_a_word_a_sign_a_colour_the_title_and_its_icon(
    live: Report, ready: Report, word: str, sign: str
) -> None:
    text = page(watched(Figures(1), 2), live, ready)
    assert f"<title>{sign} {word} · transactions · kinesis-sanitizer</title>" in text
    assert f'<section aria-labelledby="state" class="banner {word}">' in text
    assert f"<strong>{word.capitalize()}</strong>" in text
    icons = {
        re.findall(r'<link rel="icon" href="([^"]*)">', page(watched(Figures(1), 2), each))[0] for each in (OK, live)
    }
    assert len(icons) == 1 + (live is not OK)
    assert all(icon.startswith("data:image/svg+xml,%3Csvg") for icon in icons)
    for reason in (*live.reasons, *ready.reasons):
        assert reason.code in text
        assert reason.detail in Parsed(text).text()


def test_a_start_is_no_outage_until_it_takes_too_long() -> None:
    starting = Report(Status.FAILING, (Reason("starting", "KCL has not reached the stream yet"),))
    figures = Figures(0)
    started = 1_700_000_000.0
    for passed, word in ((START_SECONDS - 1, "starting"), (START_SECONDS, "down")):
        history = History(figures.collect, RecordingLog(), lambda: started + passed)  # noqa: B023 - called at once
        assert f'class="banner {word}"' in page(watched(figures, 1, history), starting, starting)


def test_a_stop_is_no_outage() -> None:
    stopping = Reason("stopping", "the worker was asked to stop")
    live, ready = Report(Status.OK, (stopping,)), Report(Status.FAILING, (stopping,))
    assert 'class="banner stopping"' in page(watched(Figures(1), 2), live, ready)


@pytest.mark.parametrize("url", [None, "https://docs.example.com/runbook/"])
def test_each_reason_names_its_section_of_the_runbook(url: str | None) -> None:
    answer = Page(watched(Figures(1), 2), Shown(ABOUT, runbook_url=url), lambda: DEGRADED, lambda: DEGRADED).answer()
    text = answer.body.decode()
    if url is None:
        assert "<code>docs/runbook.md#sanitizerdaemonerrors</code>" in text
    else:
        assert f'<a href="{url}#sanitizerdaemonerrors">' in text
        assert f'<a href="{url}">Runbook</a>' in text


def test_a_shard_that_lags_is_marked() -> None:
    assert "90 s" not in page(watched(Figures(1), 2))
    assert page(watched(Figures(2), 2)).count('<span class="warn">90 s</span>') == 2  # in the tile and in the row


def figure(text: str, tile: str) -> str:
    [found] = re.findall(rf'<section id="{tile}".*?<p class="figure">(.*?)</p>', text)
    assert isinstance(found, str)
    return found


def test_shards_that_are_held_and_not_served_are_marked() -> None:
    """Their lag goes on while nothing answers; a worker that holds none is well."""
    figures = Figures(2)
    figures.more = ["sanitizer_stream_open_shards 2"]
    served = figures.text()
    assert figure(page(watched(figures, 2)), "leases") == "2 of 2"
    figures.text = lambda: served.replace("sanitizer_shards_owned 2", "sanitizer_shards_owned 0")  # type: ignore[method-assign]
    assert figure(page(watched(figures, 2), DEGRADED), "leases") == '<span class="bad">0 of 2</span>'
    assert figure(page(watched(figures, 2)), "leases") == "0 of 2"  # sessions that have just ended: a hand-over
    idle = Figures(0)
    idle.more = ["sanitizer_stream_open_shards 2"]
    assert figure(page(watched(idle, 2)), "leases") == "0 of 2"


def test_a_lease_without_owner_is_marked_once_it_is_a_reason() -> None:
    figures = Figures(2)
    figures.more = ["sanitizer_stream_open_shards 3", 'sanitizer_application_leases{state="unowned"} 1']
    history = watched(figures, 2)
    assert "1 without owner" in Parsed(page(history)).text()
    assert 'class="bad"' not in page(history)
    lying = page(history, Report(Status.DEGRADED, (Reason("shards_without_owner", "no living worker has it"),)))
    assert figure(lying, "leases") == '<span class="bad">2 of 3</span>'
    assert '<span class="bad">1 without owner</span>' in lying


def test_the_lag_does_not_vanish_when_the_leases_are_gone_and_nobody_reads() -> None:
    figures = Figures(2)
    history = watched(figures, 3, History(figures.collect, RecordingLog(), lambda: 1e9 + figures.seconds))
    figures.shards = []
    watched(figures, 4, history)
    unread = Report(Status.DEGRADED, (Reason("no_shard_read", "no shard is read"),))
    assert figure(page(history, unread), "lag") == '<span class="bad">110 s, growing</span>'
    assert "last known 90 s, at 01:46:50 UTC; nobody has read on since" in page(history, unread)
    assert figure(page(history), "lag") == NOTHING  # others read on
    other = Report(Status.DEGRADED, (Reason("shards_without_owner", "no living worker has another shard"),))
    assert figure(page(history, other), "lag") == NOTHING


def test_what_is_nothing_is_quiet_and_what_should_not_be_is_loud() -> None:
    figures = Figures(1)
    logger = 'sanitizer_daemon_log_lines_total{logger="a.B",level="ERROR"}'
    figures.more = [f"{logger} 0", 'sanitizer_sessions_total{event="lease_lost"} 0']
    history = watched(figures, 3)
    [row] = re.findall(r">errors of KCL</th><td>(.*?)</td>", page(history))
    assert row == '<span class="quiet">0</span>'
    figures.more = [f"{logger} 57", 'sanitizer_sessions_total{event="lease_lost"} 4']
    text = page(watched(figures, 1, history))
    for what, count in (("errors of KCL", 57), ("errors logged", 57), ("sessions lease lost", 4)):
        assert f'>{what}</th><td><span class="warn">{count}</span></td>' in text


def test_processes_are_shown_by_their_names_and_pids() -> None:
    pids = {"supervisor": 7, "daemon": 58, "pipeline-0": 21}
    text = Page(watched(Figures(1), 3), Shown(ABOUT, lambda: pids), lambda: OK, lambda: OK).answer().body.decode()
    [shown] = re.findall(r'<section id="processes".*?</section>', text)
    rows = re.findall(r'<th scope="row">([^<]*)</th><td>(\d+)</td><td>([^<]*)</td><td>([^<]*)</td>', shown)
    assert rows == [
        ("sanitizer-supervisor", "7", NOTHING, NOTHING),
        ("java, KCL&#39;s daemon", "58", "25 %", "500 MiB"),
        ("sanitizer-pipeline 0", "21", NOTHING, NOTHING),
    ]


def test_a_candidate_is_shown_where_there_is_one() -> None:
    figures = Figures(1)
    assert "andidate" not in page(watched(figures, 2))
    figures.more = [
        'sanitizer_candidate_policy_info{name="strict",version="8",digest="f00"} 1',
        'sanitizer_candidate_records_total{result="different"} 3',
    ]
    text = Parsed(page(watched(figures, 2))).text()
    assert "strict 8" in text
    assert "different\n" in text


def test_of_many_rules_the_rest_is_one_row() -> None:
    figures = Figures(1)
    rules = [f"rule-{number:02}" for number in range(20)]
    figures.more = [f'sanitizer_redactions_total{{rule="{rule}",action="mask"}} 0' for rule in rules]
    history = watched(figures, 1)
    figures.more = [f'sanitizer_redactions_total{{rule="{rule}",action="mask"}} 100' for rule in rules]
    text = page(watched(figures, 1, history))
    assert "rule-11, mask" in text
    assert "rule-12, mask" not in text
    assert '<th scope="row">9 more</th><td>810</td>' in text  # eight of them, and card's 10


def test_it_loads_nothing_and_runs_nothing() -> None:
    answer = Page(watched(Figures(2), 9), Shown(ABOUT), lambda: OK, lambda: OK).answer()
    assert answer.content_type == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"  # the tab's icon
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy["style-src"])
    assert "script-src" not in policy
    text = answer.body.decode()
    assert "//" not in text  # no address
    parsed = Parsed(text)
    assert not {"script", "img", "iframe", "object", "form", "style=", "input"} & set(parsed.names())
    links = [found["href"] for name, found in parsed.elements if name == "a"]
    assert links == ["/metrics", "/healthz", "/readyz", "/paused"]
    attributes = {name for _, found in parsed.elements for name in found}
    assert attributes <= {
        *("class", "id", "lang", "charset", "name", "content", "scope", "role", "href", "rel"),
        *("viewbox", "preserveaspectratio", "d", "data-head", "aria-label", "aria-labelledby", "aria-hidden"),
    }


def test_it_refreshes_itself_until_somebody_wants_to_read_in_peace() -> None:
    shown = Page(watched(Figures(2), 9), Shown(ABOUT), lambda: OK, lambda: OK)
    assert shown.answer().headers["Refresh"] == "5"
    assert "Refresh" not in shown.paused().headers
    assert '<a href="/paused">Stop refreshing</a>' in shown.answer().body.decode()
    assert '<a href="/">Refresh again</a>' in shown.paused().body.decode()


HOSTILE = "<script>alert(1)</script>\"'&lt;$style ${title}"


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1))
@example(HOSTILE)
@example("</style></title></section>")
def test_a_label_is_text_whatever_it_holds(label: str) -> None:
    """Rules, codes and paths come from policies and plug-ins, field paths even from records' names."""
    figures = Figures(1)
    plain = Parsed(page(watched(figures, 2))).names()
    quoted = label.replace("\\", "\\\\").replace('"', '\\"')
    history = watched(figures, 1)
    figures.more = [f'sanitizer_redactions_total{{rule="{quoted}",action="{quoted}"}} 9']
    parsed = Parsed(page(watched(figures, 1, history)))
    assert f"{label}, {label}" in parsed.texts
    added = ["tr", "th", "td", "td", "td"]
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
    shown = Shown(about, lambda: {f"pipeline-0{text}": 7}, "https://docs.example.com/runbook")
    return Parsed(Page(history, shown, lambda: told, lambda: told).answer().body.decode())


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
    for name in (
        "transactions",
        "card",
        "mask",
        "invalid_json",
        "code",
        "detail",
        "shardId-000000000001",
        "pipeline 0",
    ):
        assert name + text in parsed.text(), name


@given(st.text(), st.text(min_size=1))
@example(HOSTILE, HOSTILE)
def test_text_is_escaped_once_as_content_and_as_attribute(content: str, value: str) -> None:
    made = tag("p", content, tag("b", content), kind=value)
    found = re.fullmatch(r"""<p class="([^<>"']*)">([^<>"']*)<b>([^<>"']*)</b></p>""", made)
    assert found
    assert [unescape(each) for each in found.groups()] == [value, content, content]


def test_the_last_figures_stay_when_no_more_come() -> None:
    history = watched(Figures(1), 3)
    for passed, is_told in ((0, False), (60, True)):
        shown = Page(history, Shown(ABOUT), lambda: OK, lambda: OK, lambda: history.view.reading.at + passed)  # noqa: B023
        assert (" UTC, no more since</span>" in shown.answer().body.decode()) == is_told


def test_looking_costs_no_reading_of_the_metrics() -> None:
    figures = Figures(1)
    looks: list[int] = []

    def collect() -> Any:
        looks.append(1)
        return figures.collect()

    history = watched(figures, 2, History(collect, RecordingLog()))
    page(history)
    assert len(looks) == 2
