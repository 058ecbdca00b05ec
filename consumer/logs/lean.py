"""structlog, imported as where rich is not installed.

It would load rich, and pygments with it, for traces that are never shown here: 5 MB of each process of the worker, and
60 ms of each start.
"""

import sys
from typing import Final

_NAME: Final = "rich"

_loaded = {_NAME: sys.modules[_NAME]} if _NAME in sys.modules else {}
sys.modules[_NAME] = None  # type: ignore[assignment]  # an import of it fails
try:
    import structlog as structlog  # noqa: PLC0414 - handed on
finally:
    del sys.modules[_NAME]
    sys.modules.update(_loaded)
