"""What the fault laboratory has measured: kept in files, of which docs/fault_tables.py makes the tables of the pages.

`make measure` makes them anew, but for the upgrades from older versions (docs/releasing.md). Elsewhere nothing is kept:
FAULT_RESULTS names the folder.
"""

import json
import os
from pathlib import Path
from typing import Any

from benchmarks.machine import describe

VARIABLE = "FAULT_RESULTS"


class Results:
    """Figures by scenario, in one file; each with the machine as it was then.

    :param folder: None keeps nothing; default: what FAULT_RESULTS says.
    """

    def __init__(self, name: str, folder: Path | None = None) -> None:
        said = folder or os.environ.get(VARIABLE)
        self._file = Path(said) / f"{name}.json" if said else None

    def enter(self, scenario: str, figures: dict[str, Any]) -> None:
        """Keep them, in the place of those of an earlier run."""
        if self._file is None:
            return
        machine = {name: value for name, value in describe().items() if name in _TOLD}
        kept = json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}
        kept[scenario] = figures | {"machine": machine}
        self._file.parent.mkdir(exist_ok=True)
        self._file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")

    def felt(self, scenario: str, by_shard: dict[str, float], **more: Any) -> None:
        """Keep how long a fault was felt: by shard, in seconds."""
        self.enter(scenario, {"seconds": [round(each, 2) for each in sorted(by_shard.values())]} | more)


_TOLD = {"cores", "model", "python", "date"}
