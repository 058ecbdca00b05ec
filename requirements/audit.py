# noqa: INP001 - beside the lists that it reads; no package
"""Looks what is pinned up in OSV, the database of known vulnerabilities: ``python requirements/audit.py [FILE...]``.

Exit status 0: nothing is known, or nobody could be asked, which is then said; 1: something is known, or the audit
itself went wrong. With AUDIT=required in the environment, as a release wants it, nobody to ask is 1 too. OSV_URL names
a mirror of its query API.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

LISTS: Final = [str(Path(__file__).with_name("dev.txt"))]  # holds all that runtime.txt and local.txt do
_UNREACHABLE: Final = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError", "HTTPError")
_SECONDS: Final = 600


def report(answer: str, errors: str) -> tuple[int, list[str]]:
    """Return exit status and lines for a person, from what pip-audit wrote. Status 2: not audited."""
    try:
        dependencies: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (errors.strip() or "no output").splitlines()[-1][:300]
        if any(kind in errors for kind in _UNREACHABLE):
            return 2, [f"the advisory service cannot be reached: {last}"]
        return 1, [f"pip-audit failed: {last}"]
    # pip-audit passes over what its service does not know, and calls that success.
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    known = list(_known(dependencies))
    if known:
        return 1, known
    if skipped or not dependencies:
        return 2, [f"{len(skipped)} of {len(dependencies)} packages could not be looked up: {', '.join(skipped)[:300]}"]
    return 0, [f"{len(dependencies)} packages, no known vulnerability"]


def _known(dependencies: Sequence[dict[str, Any]]) -> Iterator[str]:
    for each in dependencies:
        for found in each.get("vulns", ()):
            mended = ", ".join(found.get("fix_versions", ())) or "no version yet"
            yield f"{each['name']} {each['version']}: {found['id']}; mended in {mended}"


def main(lists: Sequence[str], *, required: bool) -> int:
    """Audit, print, and return the exit status."""
    mirror = os.environ.get("OSV_URL")
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", "osv", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "15", "--disable-pip", "--require-hashes"]
    command += ["--osv-url", mirror] if mirror else []
    for each in lists:
        command += ["--requirement", each]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
        status, lines = report(ran.stdout, ran.stderr)
    except subprocess.TimeoutExpired:
        status, lines = 2, [f"no answer within {_SECONDS} s"]
    if status == 2:  # noqa: PLR2004
        lines = [
            f"audit: NOT AUDITED. {lines[0]}",
            "audit: run `make audit` where OSV can be reached, before a release.",
        ]
        status = int(required)
    else:
        lines = [f"audit: {line}" for line in lines]
    print("\n".join(lines), file=sys.stderr if status or "NOT" in lines[0] else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or LISTS, required=os.environ.get("AUDIT") == "required"))
