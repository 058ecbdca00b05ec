"""`sanitizer demo`."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from consumer.commands.format_options import documents_option, format_option
from consumer.local import demo as local
from consumer.terminal.options import Text, examples


@click.command(
    epilog=examples(
        "sanitizer demo --keep-running",
        "sanitizer demo --input mine.jsonl --policy pci-dss --show",
        "sanitizer demo --records 100000 --rate 5000 --shards 10",
    )
)
@click.option("--input", "source", type=click.Path(path_type=Path), help="Transactions, a line each; else generated.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings whose keys, output and policy are taken.")
@click.option("--partition-key", help="Template of the items' partition key; else one that fits the input.")
@click.option("--sort-key", help="Template of their sort key; else one that fits the input.")
@click.option("--show", is_flag=True, help="Print a record of the input before and after, values included.")
@format_option
@documents_option
@click.option("--records", type=click.IntRange(1, 1_000_000), help="How many  [default: 10000, or all of --input].")
@click.option("--rate", type=click.IntRange(1, 50_000), default=800, show_default=True, help="Of them a second.")
@click.option("--shards", type=click.IntRange(1, 50), default=4, show_default=True, help="Shards of the stream.")
@click.option("--policy", type=Text(), help="Policy file, or the name of a built-in one; else the default policy.")
@click.option("--report", type=click.Path(path_type=Path), help="Write the report here, as JSON.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the generated transactions.")
@click.option("--keep-running", is_flag=True, help="Go on serving after the report, until Ctrl-C.")
def demo(**options: Any) -> None:
    """Run everything on this machine: cloud, stream, tables, real worker; feed, verify, report."""
    sys.exit(local.run(local.Options(started_at=_started_at(), **options)))


def _started_at() -> float:
    """Return when this process was started (epoch seconds): its imports are part of what a user waits for."""
    try:
        # proc(5): field 22 is the start, in clock ticks after the boot; the name before it may hold spaces.
        ticks = int(Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):  # no Linux
        age = time.process_time()  # imports wait for little
    return time.time() - age
