"""An engine as a process of its own that redacts documents of a file when told to. Standard library only.

    COMMAND DOCUMENTS      a document a line

Commands on stdin, each answered by a line of JSON: `time FIRST COUNT`: the seconds of CPU for so many documents of the
file; `write FIRST COUNT FILE`: what is released of them goes there, a line each, empty where nothing is. The programs
in `rust/` are told the same.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

BATCH: Final = 500
"""Documents of a call, as the worker makes them."""

Redact = Callable[[Sequence[bytes]], list[bytes]]
"""What is released of each document of a batch; empty: nothing."""


def serve(redact: Redact) -> None:
    """Redact the documents of the file that the command line names, as stdin says, until it ends."""
    documents = Path(sys.argv[-1]).read_bytes().split(b"\n")[:-1]
    _say({"documents": len(documents)})
    for line in sys.stdin:
        command, first, count, *file = line.split()
        chosen = documents[int(first) : int(first) + int(count)]
        batches = [chosen[start : start + BATCH] for start in range(0, len(chosen), BATCH)]
        if command == "time":
            _say({"seconds": _seconds(redact, batches)})
        else:
            released = (body for batch in batches for body in redact(batch))
            Path(file[0]).write_bytes(b"".join(body + b"\n" for body in released))
            _say({})


def _seconds(redact: Redact, batches: Sequence[Sequence[bytes]]) -> float:
    began = time.process_time()
    for batch in batches:
        redact(batch)
    return time.process_time() - began


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
