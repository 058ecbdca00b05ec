"""The log for a person at a terminal: time, severity, event, fields, and each frame of an exception on a line."""

import json
from collections.abc import MutableMapping
from typing import Any, Final

from consumer.logs.lean import structlog

_BRIGHT, _CYAN, _DIM, _RED, _GREEN, _YELLOW, _RESET = (
    f"\x1b[{code}m" for code in ("1", "36", "2", "31", "32", "33", "0")
)
_SEVERITIES: Final = {"error": _RED, "warning": _YELLOW, "info": _GREEN, "debug": _DIM}
_EVENT_WIDTH: Final = 24


def renderer(*, coloured: bool) -> structlog.typing.Processor:
    """Return the last processor, for events that have passed the allow-list of fields."""

    def style(code: str) -> str:
        return code if coloured else ""

    reset = style(_RESET)
    dev = structlog.dev
    levels = dev.LogLevelColumnFormatter({k: style(v) for k, v in _SEVERITIES.items()}, reset)
    render = dev.ConsoleRenderer(
        columns=[
            dev.Column("time", dev.KeyValueColumnFormatter(None, style(_DIM), reset, str)),
            dev.Column("severity", levels),
            dev.Column("event", dev.KeyValueColumnFormatter(None, style(_BRIGHT), reset, _shown, _EVENT_WIDTH)),
            dev.Column("", dev.KeyValueColumnFormatter(style(_CYAN), "", reset, _shown)),
        ],
        sort_keys=False,
    )

    def lines(logger: Any, name: str, event: MutableMapping[str, Any]) -> str:
        frames = event.pop("frames", ())
        said = {key: value for key, value in event.items() if value is not None}
        return render(logger, name, said) + "".join(f"\n    {_printable(frame)}" for frame in frames)

    return lines


def _shown(value: object) -> str:
    """Return a value so that it is seen to be one value."""
    if isinstance(value, list):
        return ",".join(map(_shown, value))
    text = str(value)
    return json.dumps(text) if not text or set(' ="') & set(text) else _printable(text)


def _printable(text: str) -> str:
    """Return a text so that it stays on its line, and gives a terminal no orders."""
    return text if text.isprintable() else json.dumps(text)
