"""Looks at everything that the worker needs, thing by thing, and says what is wrong and what to do.

`consumer.worker.preflight` stops at the first thing that is wrong, since the worker must not start then; this goes on,
and whatever stops that fails here, too.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from consumer.decoding.loading import check_format
from consumer.doctor import aws, machine
from consumer.doctor.finding import Finding
from consumer.errors import SanitizerError, UsageError
from consumer.redactors.loading import engine_of, load_candidate, load_plugin
from consumer.settings import Settings, load_settings
from consumer.settings.sections import SinkSettings
from consumer.sinks.loading import check_options, check_reach
from redaction.plugin import identity

_ENGINES: Final = {
    None: "",
    "compiled": " The engine's compiled part is in use.",
    "python": " The engine does without its compiled part, which is faster (native/README.md).",
}


class Doctor:
    """One examination.

    :param config: the settings file.
    :ivar exit_status: 0: nothing failed; 1: something did; 2: settings, policy or region are wrong.
    """

    def __init__(self, config: Path | None) -> None:
        self._config = config
        self.exit_status = 0

    def examine(self) -> Iterator[Finding]:
        """Yield what there is to say, as it is found."""
        for finding in self._findings():
            if finding.state == "failed":
                self.exit_status = max(self.exit_status, finding.exit_status)
            yield finding

    def _findings(self) -> Iterator[Finding]:
        try:
            settings = load_settings(self._config)
        except UsageError as error:
            yield Finding("settings", "failed", str(error), error.exit_status)
            yield Finding("all else", "skipped", "Correct the settings first: they say where to look.")
            return
        source = f"{self._config} and the environment" if self._config else "the environment"
        yield Finding("settings", "ok", f"Valid, from {source}.")
        yield self._policy(settings)
        yield self._format(settings)
        options = self._sink_options(settings)
        yield options
        yield from machine.check(settings)
        yield from aws.check(settings)
        if options.state == "ok":
            yield from filter(None, map(partial(self._sink, settings), settings.sinks))

    def _format(self, settings: Settings) -> Finding:
        try:
            check_format(settings)
        except SanitizerError as error:
            return Finding("format", "failed", str(error), error.exit_status)
        return Finding("format", "ok", f"{', '.join(name for name, _ in settings.stream.steps)}.")

    def _sink_options(self, settings: Settings) -> Finding:
        try:
            check_options(settings)
        except SanitizerError as error:
            return Finding("sinks", "failed", str(error), error.exit_status)
        return Finding("sinks", "ok", f"{', '.join(sink.plugin for sink in settings.sinks)}; the options are right.")

    def _sink(self, settings: Settings, chosen: SinkSettings) -> Finding | None:
        """Return what there is to say of where it writes."""
        try:
            has_looked = check_reach(chosen, settings)
        except SanitizerError as error:
            return Finding("sinks", "failed", str(error), error.exit_status)
        return Finding("sinks", "ok", f"{chosen.plugin}: what it writes to is as it must be.") if has_looked else None

    def _policy(self, settings: Settings) -> Finding:
        try:
            redactor = load_plugin(settings)
            load_candidate(settings)
        except SanitizerError as error:
            return Finding("policy", "failed", str(error), error.exit_status)
        name, engine = identity(redactor), _ENGINES[engine_of(redactor)]
        return Finding(
            "policy", "ok", f"{name}, digest {redactor.digest}; it is not at odds with the settings.{engine}"
        )
