"""stdin, stdout and stderr as a command finds them: closed, or of an encoding that lacks a character."""

import io
import os
import sys
from pathlib import Path


def make_writable() -> None:
    """Have nothing fail for want of a character, which is escaped, nor of a stream, which is empty."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed, as by `>&-`
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - until the end
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr's are
