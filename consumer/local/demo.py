"""`sanitizer demo`: everything on this machine, the same worker as in production, and a verdict by looking.

cloud ◄── stream, tables       worker (sanitizer run)        feed ──► ledger ──► look ──► report
"""

import itertools
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from consumer.dynamodb.attribute_values import decode_document
from consumer.errors import StartError, UsageError
from consumer.kcl.daemon import PROPERTIES_FILE
from consumer.kinesis.producer import Producer, Put, read_lines
from consumer.local import scrape
from consumer.local.feed import paced
from consumer.local.fitting import SIMPLY_PUT, fit, record_key_field
from consumer.local.ledger import Findings, Ledger
from consumer.local.next_steps import next_steps
from consumer.local.report import Report, quantile, show
from consumer.local.stack import QUICK_START, Interrupted, Stack, forget, interrupt_by_signals, scratch
from consumer.local.transactions import CANONICAL, transactions
from consumer.producing.filling import check_documents, filled
from consumer.producing.formats import DEFAULT as DEFAULT_FORMAT
from consumer.producing.formats import Format, format_named
from consumer.redactors.key_provider import FileKeys, key_provider
from consumer.redactors.loading import load_redaction
from consumer.settings import Output, Settings, lease_tables, load_settings
from consumer.settings.key_template import MAX_SORT_KEY_BYTES, KeyTemplate
from consumer.terminal.parts import Part
from consumer.terminal.parts import show as show_parts
from consumer.terminal.printable import echo
from consumer.terminal.progress import Progress
from redaction.built_in import built_in
from redaction.guard import redact_guarded
from redaction.plugin import Redactor, Released

STREAM: Final = "demo-transactions"
DEFAULT_RECORDS: Final = 10_000
FIRST_SECONDS: Final = 15.0
STALL_SECONDS: Final = 150.0
"""Without any progress for so long, what is missing is called lost. A leader's lease of KCL lasts 120 s."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said.

    :ivar started_at: epoch seconds when the command began.
    :ivar source: the user's own lines; None: generated ones.
    :ivar config: settings whose keys, policy and output are taken.
    :ivar show: print a record of `source`, before and after.
    :ivar format: how records are written; see `consumer.producing.formats`.
    :ivar documents: so many in one record, at most; None: as the format says.
    :ivar rate: documents a second.
    """

    started_at: float
    source: Path | None
    config: Path | None
    partition_key: str | None
    sort_key: str | None
    show: bool
    format: str
    documents: int | None
    records: int | None
    rate: int
    shards: int
    policy: str | None
    report: Path | None
    seed: int
    keep_running: bool

    @property
    def written(self) -> Format | None:
        """The format, made anew; None: each document is a record as it is."""
        return None if self.format == DEFAULT_FORMAT else format_named(self.format)

    @property
    def most(self) -> int:
        """Documents in one record, at most."""
        return self.documents or format_named(self.format).most

    @property
    def asked(self) -> dict[str, str]:
        """The key templates that were named, by setting."""
        named = {"partition_key": self.partition_key, "sort_key": self.sort_key}
        return {setting: template for setting, template in named.items() if template is not None}


def run(options: Options) -> int:
    """Run the demo.

    :return: exit status: 0 if every record is accounted for, something is stored and nothing leaked, 1 if not, 130 when
        interrupted.
    :raises SanitizerError: it could not be started.
    """
    interrupt_by_signals()
    try:
        if options.report and not options.report.absolute().parent.is_dir():
            raise UsageError(f"The report {options.report} cannot be written: there is no such folder.")
        if options.show and options.source is None:
            raise UsageError("--show is for a record of your own file: name it with --input.")
        check_documents(options.format, options.documents)
        forget("SANITIZER_")  # the user's settings are for the user's worker
        values = _values(options)
        records = _own(options, values) if options.source else _generated(options)
        with (
            scratch("sanitizer-demo-") as folder,
            Stack(folder, values, options.shards) as stack,
        ):
            demo = Demo(options, stack)
            report = demo.run(records)
            if options.keep_running:
                demo.keep_running()
            elif report.is_good:
                show_parts("", *_next_steps(options, stack.settings))
            if not report.is_good:
                raise _NotGood  # noqa: TRY301 - so that the logs are kept
    except Interrupted:
        echo("\nInterrupted; everything that was started has been stopped.", err=True)
        return 130
    except _NotGood:
        return 1
    return 0


class _NotGood(Exception):
    """The demo ran to its end, and its verdict is not good."""


def _next_steps(options: Options, settings: Settings) -> list[Part]:
    named = {"--policy": options.policy, "--config": str(options.config) if options.config else None}
    given = {option: value for option, value in named.items() if value is not None}
    redaction = settings.redaction
    tried = redaction.options.get("policy") if given and redaction.plugin == "policy" else None
    if options.source:
        given |= {f"--{setting.replace('_', '-')}": template for setting, template in options.asked.items()}
    return next_steps(options.source, Path.cwd(), given, options.policy or tried)


def _values(options: Options) -> dict[str, Any]:
    """Return the settings: the demo's own, with those of `--config` that say what is stored, and how."""
    configured = load_settings(options.config)
    if not isinstance(key_provider(configured.redaction.keys), FileKeys | None):
        raise UsageError("The embedded cloud holds no secrets: have redaction.keys name a key file for the demo.")
    redaction = configured.redaction.model_dump(mode="json")
    if options.policy:
        redaction |= {"plugin": "policy", "options": {"policy": _policy(options.policy)}}
    output = configured.output.model_dump(mode="json")
    if options.asked:
        output |= SIMPLY_PUT | {"key_form": "escaped"}
    for setting, template in options.asked.items():
        try:
            KeyTemplate(template, MAX_SORT_KEY_BYTES)
        except ValueError as error:
            raise UsageError(f"--{setting.replace('_', '-')}: {error}.") from None
        output[setting] = template
    stream: dict[str, Any] = {"name": STREAM, "partition_key_field": configured.stream.partition_key_field}
    if written := options.written:
        stream["format"] = written.setting
    return {
        "stream": stream,
        "kcl": QUICK_START | {"application": "demo"},
        "output": output,
        "redaction": redaction,
        # The brake stops a worker that would drain a stream into quarantine. Here that is what is to be seen, and why.
        "quarantine": {"max_share": 1},
    }


def _policy(named: str) -> str:
    """Return the name of a built-in policy as it is, and a file so that it is found from the worker's folder too."""
    return named if named in built_in() else str(Path(named).absolute())


def _generated(options: Options) -> Iterator[Put]:
    made = transactions(options.seed, options.records or DEFAULT_RECORDS, options.most)
    return (Put(each.data, each.partition_key) for each in made)


def _own(options: Options, values: dict[str, Any]) -> Sequence[Put]:
    """Read the user's file, and make the settings fit its records."""
    source = options.source
    assert source is not None  # noqa: S101 - for the type checker
    try:
        content = source.read_bytes()
    except OSError as error:
        raise UsageError(f"The input {source} cannot be read: {error.strerror}.") from None
    lines = _lines(content)
    if _is_one_value(content, lines):
        raise UsageError(f"The input {source} is one JSON value, not one a line; `jq -c` makes lines of it.")
    if not any(map(bytes.strip, lines)):
        raise UsageError(f"The input {source} is empty: there is nothing to show.")
    lines = lines[: options.records]
    redaction = values["redaction"]
    redactor = load_redaction(redaction["plugin"], redaction["options"], redaction["keys"])
    fitted = fit(Output(**values["output"]), redactor, lines, options.asked)
    echo(fitted.told)
    values["output"] = fitted.output
    if fitted.output["write_mode"] == "put":
        values["stream"]["partition_key_field"] = None
    field = values["stream"]["partition_key_field"] or record_key_field(fitted.output) or "user_id"
    try:
        return list(read_lines(lines, field))  # checked before anything is started
    except StartError as error:
        raise UsageError(str(error)) from None


class Demo:
    """One run, on a stack of which nothing is started yet."""

    def __init__(self, options: Options, stack: Stack) -> None:
        self._options = options
        self._stack = stack
        self._progress = Progress()

    def run(self, records: Iterable[Put]) -> Report:
        """Start, feed, verify, report."""
        options, stack = self._options, self._stack
        shown = _changed(stack.redactor, records) if options.show and isinstance(records, Sequence) else CANONICAL
        puts = iter(records)
        if written := options.written:
            puts = filled(puts, written, options.documents)
        try:
            self._progress.say("starting the embedded cloud")
            stack.start_cloud()
            ledger = Ledger(stack.settings, stack.redactor)
            self._progress.end()
            echo(f"Status page: {stack.page}\nMetrics: {stack.page}metrics")
            stack.start_worker(self._progress)
            producer = Producer(STREAM)
            # One record ahead: KCL reads a shard a second or two after it has the lease, which is the start's time.
            self._feed(itertools.islice(puts, 1), producer, ledger)
            self._wait_for_first()
            began = time.time()
            total = self._feed(puts, producer, ledger)
            stack.check_worker()
            findings = self._wait_until_found(ledger)
            durable = stack.cloud.durable_times()
            report = self._report(ledger, findings, durable, began)
        finally:
            self._progress.end()
        (verdict,) = redact_guarded(stack.redactor, [shown])
        after = verdict.body if isinstance(verdict, Released) else type(verdict).__name__.encode()
        if options.source and not options.show:
            echo("\nA record of our own; --show takes one of yours:")
        show(report, shown, after, total)
        if options.report:
            options.report.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
        return report

    def keep_running(self) -> None:
        """Go on serving until interrupted."""
        echo(f"\nStill running, status page {self._stack.page}; Ctrl-C ends it. In another terminal:\n")
        produce = (
            f"produce --format {self._options.format} FILE"
            if self._options.format != DEFAULT_FORMAT
            else "produce FILE"
        )
        get = "get KEY" if self._options.source else "get 12345"  # the keys of somebody's own lines are not ours
        self._stack.show_ways_in([get, "status", "quarantine list", produce])
        try:
            while True:
                self._stack.check_worker()
                time.sleep(0.5)
        except Interrupted:
            echo("\nStopping.")

    def _feed(self, records: Iterator[Put], producer: Producer, ledger: Ledger) -> int:
        for call in paced(records, max(1, self._options.rate // self._options.most)):
            placed = producer.put(call)
            ledger.enter(
                [put.data for put in call],
                placed,
                [put.partition_key for put in call],
                [put.documents for put in call],
            )
            self._stack.check_worker()
            self._progress.say(f"fed {len(ledger)}")
        return len(ledger)

    def _wait_for_first(self) -> None:
        deadline = time.monotonic() + FIRST_SECONDS
        while not scrape.sums(self._stack.port).get("sanitizer_records_total") and time.monotonic() < deadline:
            self._stack.check_worker()
            time.sleep(0.1)

    def _wait_until_found(self, ledger: Ledger) -> Findings:
        """Look until every record is found, or nothing more happens."""
        seen = -1.0
        changed_at = looked_at = time.monotonic()
        while True:
            self._stack.check_worker()
            done = scrape.sums(self._stack.port).get("sanitizer_records_total", 0)
            now = time.monotonic()
            if done != seen:
                seen, changed_at = done, now
            # The counters start anew with the supervisor, so they say when to look, and nothing else.
            if done >= len(ledger) or now - looked_at > 5:  # noqa: PLR2004
                findings = self._look(ledger)
                looked_at = time.monotonic()
                if not findings.lost or now - changed_at > STALL_SECONDS:
                    return findings
            self._progress.say(f"fed {len(ledger)}, settled {done:.0f}")
            time.sleep(0.2)

    def _look(self, ledger: Ledger) -> Findings:
        cloud, settings = self._stack.cloud, self._stack.settings
        return ledger.find(
            cloud.table(settings.output.table), map(decode_document, cloud.table(settings.quarantine.table))
        )

    def _report(self, ledger: Ledger, findings: Findings, durable: dict[str, float], began: float) -> Report:
        latencies = sorted(
            max(0.0, durable[name] - put_at * 1000) for name, put_at in ledger.documents() if name in durable
        )
        times = durable.values()
        seconds = max(times) / 1000 - began if durable else 0.0
        leaks = ledger.leaks(self._channels())
        return Report(
            produced=len(ledger),
            stored=findings.stored,
            quarantined=findings.quarantined,
            codes={code: (len(numbers), numbers[0]) for code, numbers in findings.codes.items()}
            if self._options.source
            else {},
            dropped=findings.dropped,
            duplicates=findings.duplicates,
            lost=len(findings.lost) + len(findings.wrong),
            documents=findings.documents,
            leaks=sum(leaks.values()),
            seconds_to_first_document=min(times) / 1000 - self._options.started_at if durable else None,
            records_per_second=len(ledger) / seconds if seconds > 0 else None,
            latency_ms={
                "p50": quantile(latencies, 0.5),
                "p99": quantile(latencies, 0.99),
                "max": quantile(latencies, 1),
            },
            shards=self._options.shards,
            leaking_channels=[name for name, count in leaks.items() if count],
        )

    def _channels(self) -> dict[str, Iterator[str]]:
        """Everything that leaves the worker: where the leaks are looked for."""
        stack, settings = self._stack, self._stack.settings

        def texts(table: str) -> Iterator[str]:
            return (json.dumps(item, ensure_ascii=False) for item in stack.cloud.table(table))

        return {
            "documents": texts(settings.output.table),
            "quarantine": texts(settings.quarantine.table),
            "KCL tables": (text for table in lease_tables(settings.kcl.application) for text in texts(table)),
            "log": iter([stack.log.read_text(encoding="utf-8", errors="replace")]),
            "metrics": iter([scrape.text(stack.port)]),
            "properties": iter([(stack.folder / "run" / PROPERTIES_FILE).read_text(encoding="latin-1")]),
        }


def _lines(content: bytes) -> list[bytes]:
    """Split at line feeds only: `bytes.splitlines` also splits at lone carriage returns, which a line may hold."""
    return content.removesuffix(b"\n").split(b"\n") if content else []


def _is_one_value(content: bytes, lines: Sequence[bytes]) -> bool:
    """Tell whether a file holds a list of records, or one record on several lines."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, list) or (isinstance(value, dict) and len(lines) > 1)


def _changed(redactor: Redactor, records: Sequence[Put]) -> bytes:
    """Return the first record that the policy changes, or else the first."""
    for record in records:
        (verdict,) = redact_guarded(redactor, [record.data])
        if isinstance(verdict, Released) and verdict.applied:
            return record.data
    return records[0].data if records else b""
