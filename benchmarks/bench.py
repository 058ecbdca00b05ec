"""The benchmark: each row in turn, its raw figures as JSON, and the table of targets.

    python -m benchmarks.bench            all rows but the long ones, under 20 minutes
    python -m benchmarks.bench --quick    the most telling ones in small, under 2 minutes
    python -m benchmarks.bench --long     the rows of 10 minutes each
    python -m benchmarks.bench --only path --only demo

Let the machine do nothing else meanwhile. Figures are ratios and core-seconds, which carry over between machines better
than times do. Exit status 1 if a record was lost or a row failed; a missed target is shown, and no failure. Results of
--quick are too coarse to be kept with the others: they go to build/bench-quick.
"""

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from benchmarks import machine, tables
from benchmarks.rows import FULL, QUICK, ROWS, Scale
from benchmarks.targets import Results

RESULTS: Final = Path(__file__).parent / "results"
QUICK_RESULTS: Final = Path(__file__).parents[1] / "build" / "bench-quick"


def run_row(name: str, mode: str, scale: Scale, folder: Path) -> bool:
    """Run a row and write its result; return whether all was well."""
    print(f"{name}: {ROWS[name].what} ... ", end="", flush=True)
    described = machine.describe()
    began = time.monotonic()
    try:
        figures = ROWS[name].run(scale)
    except RuntimeError as error:
        print(f"FAILED: {error}", flush=True)
        return False
    result = {"row": name, "mode": mode, "machine": described, "figures": _rounded(figures)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    note = f"skipped, {figures['skipped']}" if "skipped" in figures else "" if figures["is_good"] else "NOT GOOD"
    print(f"{time.monotonic() - began:.0f} s {note}".rstrip(), flush=True)
    for left_out, why in figures.get("left_out", {}).items():
        print(f"  {left_out} is left out: {why}", flush=True)
    return bool(figures["is_good"])


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return value


def load_results(folder: Path) -> Results:
    """Return the results in a folder, by row."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="rows:\n" + "\n".join(f"  {name:<20} {row.what}" for name, row in ROWS.items()),
    )
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--quick", dest="mode", action="store_const", const="quick", default="default")
    modes.add_argument("--long", dest="mode", action="store_const", const="long")
    parser.add_argument("--only", metavar="ROW", action="append", choices=list(ROWS), help="may be given again")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="where the results go")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: what was started is stopped
    is_quick = options.mode == "quick"
    folder = options.results or (QUICK_RESULTS if is_quick else RESULTS)
    chosen = options.only or [name for name, row in ROWS.items() if options.mode in row.modes]
    good = [run_row(name, options.mode, QUICK if is_quick else FULL, folder) for name in chosen]
    for text in tables.tables(load_results(folder)).values():
        print(f"\n{text}")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
