"""What an installation takes on disk: each set of packages, measured in the environment that this runs in.

    python -m benchmarks.installs

Writes benchmarks/installs.json, which docs/recipes.md shows. Counted is what the packages bring, without the bytecode
that Python adds; packages that are pinned for other systems alone are left out.
"""

import json
import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from benchmarks import machine

_ROOT: Final = Path(__file__).parents[1]
RESULT: Final = _ROOT / "benchmarks/installs.json"
CLIENT: Final = "client"
"""The row of what `consumer.documents` loads, and nothing else."""

_CLIENTS_OWN: Final = ("botocore", "jmespath", "orjson", "python-dateutil", "six", "urllib3")
_PINNED: Final = re.compile(r"^([a-z0-9-]+)==", re.MULTILINE)


def main() -> int:
    names = {CLIENT: [*_CLIENTS_OWN]}
    for row in ("base", "runtime", "local"):
        names[row] = _PINNED.findall((_ROOT / f"requirements/{row}.txt").read_text(encoding="utf-8"))
    own = sum(_size(file) for package in ("consumer", "redaction") for file in (_ROOT / package).rglob("*"))
    figures: dict[str, Any] = {}
    for row, packages in names.items():
        sizes = {name: size for name in packages if (size := _installed(name))}
        figures[row] = {"packages": len(sizes), "bytes": own + sum(sizes.values())}
    found = {"machine": machine.describe(), "own_bytes": own, "figures": figures}
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def _installed(name: str) -> int:
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        return 0
    return sum(_size(Path(str(file.locate()))) for file in files)


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() and file.suffix != ".pyc" else 0


if __name__ == "__main__":
    sys.exit(main())
