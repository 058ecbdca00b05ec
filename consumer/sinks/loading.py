"""Finds sinks by their names: entry points in the group `kinesis_sanitizer.sinks`.

A sink is registered as a factory ``(options, context) -> DocumentSink``. A factory may have an attribute
``check(options, settings)``, which is called once before the worker starts, and raises UsageError or StartError where
the sink could not work.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, TypeAlias

from consumer.errors import SanitizerError, UsageError
from consumer.settings import Settings
from consumer.settings.sections import SinkSettings
from consumer.sink import DocumentSink, SinkContext
from consumer.sinks.several import FanOut

GROUP: Final = "kinesis_sanitizer.sinks"

SinkFactory: TypeAlias = Callable[[Mapping[str, Any], SinkContext], DocumentSink]

# Known without an installed distribution too: from a bare checkout, and in a function's package.
_BUILT_IN: Final = (
    EntryPoint("dynamodb", "consumer.sinks.dynamodb:DynamoDBSink", GROUP),
    EntryPoint("jsonl", "consumer.sinks.jsonl:JsonLinesSink", GROUP),
    EntryPoint("kinesis", "consumer.sinks.kinesis:KinesisSink", GROUP),
)


def open_sinks(context: SinkContext) -> DocumentSink:
    """Return where the settings say that documents go.

    :raises UsageError: a sink cannot be loaded, or its options are wrong.
    :raises StartError: what it needs is missing.
    """
    opened: list[DocumentSink] = []
    try:
        for chosen in context.settings.sinks:
            opened.append(_opened(chosen, context))  # noqa: PERF401 - what was opened is closed
        return opened[0] if len(opened) == 1 else FanOut(opened)
    except BaseException:
        for each in opened:
            each.close()
        raise


def check_sinks(settings: Settings) -> None:
    """Find out what can be known of the sinks before the worker starts.

    :raises UsageError, StartError: see `open_sinks`.
    """
    for chosen in settings.sinks:
        check = getattr(_factory(chosen.plugin), "check", None)
        if check is not None:
            _named(chosen, partial(check, chosen.options, settings))


def _opened(chosen: SinkSettings, context: SinkContext) -> DocumentSink:
    factory = _factory(chosen.plugin)
    sink: DocumentSink = _named(chosen, partial(factory, chosen.options, context))
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
    # A dict by value: the project's own registration of a sink and the fallback are the same thing.
    registered = {(entry.name, entry.value): entry for entry in (*entry_points(group=GROUP), *_BUILT_IN)}
    found = [entry for (known, _), entry in registered.items() if known == name]
    if not found:
        known = ", ".join(sorted({known for known, _ in registered}))
        raise UsageError(f"No sink named {name!r} is installed; known: {known}.")
    if len(found) > 1:
        targets = " and ".join(sorted(entry.value for entry in found))
        raise UsageError(f"The sink {name!r} is registered more than once: {targets}; uninstall or rename one.")
    try:
        factory: SinkFactory = found[0].load()
    except Exception as error:
        raise UsageError(f"The sink {name!r} ({found[0].value}) cannot be imported: {type(error).__name__}.") from error
    return factory
