"""What to try after a demo."""

from pathlib import Path
from typing import Final

from consumer.local.stack import program, shown

_ROOT: Final = Path(__file__).parents[2]
SAMPLE: Final = _ROOT / "examples" / "transactions.jsonl"
TUTORIAL: Final = _ROOT / "docs" / "tutorial.md"
"""Both in a checkout only."""


def next_steps(own: Path | None, folder: Path) -> str:
    """Return it as text.

    :param own: the file that the demo took; None: it made its transactions up.
    :param folder: the current one, which paths are shown relative to.
    """
    name = program(folder)
    sample = str(own) if own else shown(SAMPLE, folder) if SAMPLE.exists() else "FILE"
    steps = [
        (f"{name} demo --keep-running", "goes on: status page, look-ups, kill -9"),
        (f"{name} policy try {sample}", "what the policy makes of each field"),
    ]
    if not own:
        steps.append((f"{name} demo --input {sample} --show", "the same with lines of yours"))
    width = max(len(command) for command, _ in steps)
    text = "\n".join(f"  {command:<{width}}  {means}" for command, means in steps)
    more = f"\n\nHalf an hour through all of it: {shown(TUTORIAL, folder)}" if TUTORIAL.exists() else ""
    return f"Try next:\n\n{text}{more}"
