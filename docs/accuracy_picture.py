# noqa: INP001 - a folder of pages, no package
"""The picture of benchmarks/accuracy/RESULTS.md, from the table that stands below it."""

import re
from pathlib import Path
from typing import Final

from benchmarks import svg
from benchmarks.accuracy.report import PAYLOADS

RESULTS: Final = Path(__file__).parents[1] / "benchmarks/accuracy/RESULTS.md"
_OURS: Final = ("default", "pci-dss", "gdpr-pseudonymise")
_ROW: Final = re.compile(r"^\| ([^|]+) \| (\d+)/(\d+)[^|]*\| [^|]*\| (\d+)/(\d+)", re.MULTILINE)


def picture() -> str:
    """Return what each policy and tool hides and keeps, as SVG."""
    section = RESULTS.read_text(encoding="utf-8").partition(f"## {PAYLOADS}\n")[2].partition("\n## ")[0]
    rows = [(name, *map(int, counts)) for name, *counts in _ROW.findall(section)]
    _, _, hidden, _, useful = rows[0]
    groups = {
        f"Hidden, of {hidden} values that must be": {name: count / of for name, count, of, _, _ in rows},
        f"Kept whole, of {useful} that must stay": {name: count / of for name, _, _, count, of in rows},
    }
    unit = "share of the values; blue: policies of ours"
    return svg.panels("Payloads of 75 kinds", groups, unit, _OURS, 1, "{:.1%}".format)
