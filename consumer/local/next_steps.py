"""What to try after a demo."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from consumer.local.stack import program, shown
from consumer.terminal.parts import Column, Part, Table

_ROOT: Final = Path(__file__).parents[2]
SAMPLE: Final = _ROOT / "examples" / "transactions.jsonl"
TUTORIAL: Final = _ROOT / "docs" / "tutorial.md"
"""Both in a checkout only."""


def next_steps(own: Path | None, folder: Path, given: Mapping[str, str], tried: str | None) -> list[Part]:
    """Return it in parts.

    :param own: the file that the demo took; None: it made its transactions up.
    :param folder: the current one, which paths are shown relative to.
    :param given: the demo's `--policy` and `--config`, and the keys of its own lines, where they were given, which the
        next one takes, too.
    :param tried: its policy, or the file of it; None: that of any demo.
    """
    name = shlex.quote(program(folder))
    sample = shlex.quote(str(own) if own else shown(SAMPLE, folder) if SAMPLE.exists() else "FILE")
    same = "".join(f" {option} {shlex.quote(value)}" for option, value in given.items())
    of = f" --policy {shlex.quote(tried)}" if tried else ""
    kept = f" --input {sample}" if own else ""
    steps = [
        (f"{name} demo --keep-running{kept}{same}", "goes on: status page, look-ups, kill -9"),
        (f"{name} policy try {sample}{of}", "what the policy makes of each field"),
    ]
    if not own:
        steps.append((f"{name} demo --input {sample} --show{same}", "the same with lines of yours"))
    rows = [(f"  {command}", means) for command, means in steps]
    more = [f"\nHalf an hour through all of it: {shown(TUTORIAL, folder)}"] if TUTORIAL.exists() else []
    return ["Try next:\n", Table((Column(), Column()), rows, is_whole=True), *more]
