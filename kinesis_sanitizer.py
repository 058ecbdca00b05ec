"""The `sanitizer` command's entry: sees first that nothing else has the names of this program's packages.

`consumer` and `redaction` are short names, and what is on PYTHONPATH comes before what is installed.
"""

import sys
from pathlib import Path
from typing import Never


def main() -> Never:
    """Run the command, or say in one sentence what is in its way."""
    here = Path(__file__).resolve().parent
    for name in ("consumer", "redaction"):
        # What importlib.util would find, without the 2 ms that importing it takes.
        spec = next(filter(None, (finder.find_spec(name, None) for finder in sys.meta_path)), None)
        if spec is None:
            continue  # the import below says so
        # A folder without __init__.py has places, and no origin.
        origin = Path(spec.origin or next(iter(spec.submodule_search_locations or ()), "")).resolve()
        found = origin.parent if origin.name == "__init__.py" else origin
        if found != here / name:
            sys.stderr.write(
                f"sanitizer: {str(found)!r} stands before this program's own package {name!r}: "
                f"take {str(found.parent)!r} out of PYTHONPATH, or give what lies there another name.\n"
            )
            sys.exit(2)
    from consumer.cli import main as run  # noqa: PLC0415 - only now is it known to be ours

    run()
