"""Our engine with the default policy, beside those of others: `python -m benchmarks.peers.our_engine WAY DOCUMENTS`.

WAY is `compiled` or `python`.
"""

import sys
from collections.abc import Sequence
from typing import Final

from benchmarks.peers.engine_process import serve
from redaction.engine import PolicyRedactor
from redaction.plugin import Released
from redaction.policy import load_policy

COMPILED: Final = "compiled"


def main() -> None:
    redactor = PolicyRedactor(load_policy("default"), native=sys.argv[1] == COMPILED)

    def redact(batch: Sequence[bytes]) -> list[bytes]:
        return [verdict.body if isinstance(verdict, Released) else b"" for verdict in redactor.redact(batch)]

    serve(redact)


if __name__ == "__main__":
    main()
