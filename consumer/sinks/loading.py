"""Finds sinks by their names: entry points in the group `kinesis_sanitizer.sinks`.

A sink is registered as a factory ``(options, context) -> DocumentSink``. A factory may have two attributes, which are
called before the worker starts, by `sanitizer doctor` and the first by `sanitizer config check` too, with the name of
the stream that is read: ``check_options(options, stream)`` looks at nothing else, and raises UsageError;
``check(options, stream)`` looks at what the sink writes to, and raises StartError where it could not.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import EntryPoint
from typing import Any, Final, TypeAlias

from consumer.errors import SanitizerError, UsageError
from consumer.logs import Logger
from consumer.plugins import find_factory
from consumer.settings import TABLE_SINK, Settings
from consumer.settings.sections import SinkSettings
from consumer.sink import DocumentSink, SinkContext, SinkMetrics
from consumer.sinks.several import SHARED_ITEMS, FanOut
from redaction.plugin import Redactor, identity

GROUP: Final = "kinesis_sanitizer.sinks"

SinkFactory: TypeAlias = Callable[[Mapping[str, Any], SinkContext], DocumentSink]

_BUILT_IN: Final = (
    EntryPoint("dynamodb", "consumer.sinks.dynamodb:DynamoDBSink", GROUP),
    EntryPoint("jsonl", "consumer.sinks.jsonl:JsonLinesSink", GROUP),
    EntryPoint("kinesis", "consumer.sinks.kinesis:KinesisSink", GROUP),
)


def sink_context(settings: Settings, redactor: Redactor, metrics: SinkMetrics, log: Logger) -> SinkContext:
    """Return what the sinks are told of the service."""
    output = settings.output
    return SinkContext(
        stream=settings.stream.name,
        policy=identity(redactor),
        digest=redactor.digest,
        reserved_attribute=output.reserved_attribute,
        timeout_seconds=output.timeout_seconds,
        concurrency=output.concurrency,
        metrics=metrics,
        log=log,
    )


def open_sinks(settings: Settings, context: SinkContext) -> DocumentSink:
    """Return where the settings say that documents go.

    :raises UsageError: a sink cannot be loaded, or its options are wrong.
    :raises StartError: what it needs is missing.
    """
    opened: list[DocumentSink] = []
    try:
        for chosen in settings.sinks:
            opened.append(_opened(chosen, settings, context))  # noqa: PERF401 - what was opened is closed
        return opened[0] if len(opened) == 1 else FanOut(opened)
    except BaseException:
        for each in opened:
            each.close()
        raise


def check_options(settings: Settings) -> None:
    """Find out what can be known of the sinks without looking at anything else.

    :raises UsageError: see `open_sinks`.
    """
    for chosen in settings.sinks:
        _ask(chosen, "check_options", settings)
    unique = any(template.is_unique_per_record for template in settings.output.key_templates().values())
    if len(settings.sinks) > 1 and settings.has_table and not unique:
        raise UsageError(f"sinks: {SHARED_ITEMS}")


def check_sinks(settings: Settings) -> None:
    """Find out what can be known of the sinks before the worker starts.

    :raises UsageError, StartError: see `open_sinks`.
    """
    check_options(settings)
    for chosen in settings.sinks:
        check_reach(chosen, settings)


def check_reach(chosen: SinkSettings, settings: Settings) -> bool:
    """Find out whether a sink whose options are right can write.

    :return: whether the sink has looked.
    :raises UsageError, StartError: see `open_sinks`.
    """
    return _ask(chosen, "check", settings)


def _ask(chosen: SinkSettings, question: str, settings: Settings) -> bool:
    check = getattr(_factory(chosen.plugin), question, None)
    if check is None:
        return False
    _named(chosen, partial(check, chosen.options, settings.stream.name))
    return True


def _opened(chosen: SinkSettings, settings: Settings, context: SinkContext) -> DocumentSink:
    factory: Callable[..., DocumentSink] = _factory(chosen.plugin)
    own = {"settings": settings} if chosen.plugin == TABLE_SINK else {}
    sink: DocumentSink = _named(chosen, partial(factory, chosen.options, context, **own))
    missing = [name for name in ("encoder", "start", "close") if not callable(getattr(sink, name, None))]
    if missing:
        raise UsageError(f"The sink {chosen.plugin!r} lacks {', '.join(missing)}; see consumer.sink.DocumentSink.")
    return sink


def _named(chosen: SinkSettings, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except SanitizerError as error:
        raise type(error)(f"sinks: {chosen.plugin}: {error}") from None
    except Exception as error:  # a plug-in may raise anything; its text may hold a secret of its options
        raise UsageError(f"The sink {chosen.plugin!r} cannot be made: {type(error).__name__}.") from error


def _factory(name: str) -> SinkFactory:
    factory: SinkFactory = find_factory("sink", GROUP, name, _BUILT_IN)
    return factory
