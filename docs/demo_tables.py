# noqa: INP001 - a folder of pages, no package
"""What `make demo` prints, as the README shows it: in the demo's own words, from the report of a run.

That run is made anew by `make demo ARGS="--report docs/demo.json"`, and written into the README by `make docs`.
"""

import io
import json
import textwrap
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Final

from consumer.local.ledger import Documents
from consumer.local.report import Report, show
from consumer.local.transactions import CANONICAL
from docs.policy_tables import outcome, redactor

_WIDTH: Final = 103
REPORT: Final = Path(__file__).with_name("demo.json")


def report() -> Report:
    """Return the report of the kept run."""
    values = json.loads(REPORT.read_text(encoding="utf-8"))
    return Report(**values | {"documents": Documents(**values["documents"]), "leaking_channels": []})


def _printed() -> str:
    (verdict,) = redactor("name: all\nversion: '1'\nextends: default").redact([CANONICAL])
    kept = report()
    with redirect_stdout(io.StringIO()) as out:
        show(kept, CANONICAL, outcome(verdict).encode(), kept.produced)
    lines = (line if len(line) <= _WIDTH else f"{line[:_WIDTH]}..." for line in out.getvalue().strip("\n").splitlines())
    return textwrap.indent("\n".join(lines), "    ")


TABLES: Final[Mapping[str, Callable[[], str]]] = {"demo": _printed}
