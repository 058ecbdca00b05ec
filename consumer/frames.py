"""Where something happened: the places of frames, without any source line or value."""

import re
import traceback
from types import TracebackType
from typing import Final

_MAX_FRAMES: Final = 400
_FRAME: Final = re.compile(r'  File "(?P<file>[^"<>]*\.py)", line (?P<line>\d+) in (?P<name>\S+)')


def frames_of(trace: TracebackType | None) -> list[str]:
    """Return the places of a traceback, innermost last, without any source line or value."""
    return [f"{_module_of(frame.filename)}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-8:]]


def frames_of_stacks(text: str) -> list[str]:
    """Return the same of what `faulthandler` has written; a text is empty between threads, and for code of no file."""
    frames = [
        f"{_module_of(match['file'])}:{match['line']} {match['name']}" if (match := _FRAME.match(line)) else ""
        for line in text.splitlines()
        if line.strip()
    ]
    return frames[:_MAX_FRAMES]


def _module_of(filename: str) -> str:
    return "/".join(filename.replace("\\", "/").split("/")[-2:])
