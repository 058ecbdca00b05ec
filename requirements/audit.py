# noqa: INP001 - beside the lists that it reads; no package
"""Looks what is pinned up in OSV, the database of known vulnerabilities: ``python requirements/audit.py [FILE...]``.

That is the Python packages, by pip-audit, KCL's jars, and the crates of the compiled part. Exit status 0: nothing is
known, or nobody could be asked, which is then said; 1: something is known, or the audit itself went wrong. With
AUDIT=required in the environment, as a release wants it, nobody to ask is 1 too. OSV_URL names a mirror of OSV's API.
"""

import json
import os
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from pip_audit._service.osv import OsvService

from consumer.kcl.jvm.jars import listed

LISTS: Final = [str(Path(__file__).with_name("dev.txt"))]  # holds all that runtime.txt and local.txt do
CRATES: Final = Path(__file__).parents[1] / "native" / "Cargo.lock"
_UNREACHABLE: Final = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError", "HTTPError")
_SECONDS: Final = 600
_ANSWER_SECONDS: Final = 60


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


def packages(lists: Sequence[str]) -> tuple[int, list[str]]:
    """Ask about the Python packages of requirements files; return as `report` does."""
    mirror = os.environ.get("OSV_URL")
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", "osv", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "15", "--disable-pip", "--require-hashes"]
    command += ["--osv-url", mirror] if mirror else []
    for each in lists:
        command += ["--requirement", each]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return 2, [f"no answer within {_SECONDS} s"]
    return report(ran.stdout, ran.stderr)


def jars() -> tuple[int, list[str]]:
    """Ask about KCL's jars; return as `report` does."""
    return _ask("jars", "Maven", [(f"{jar.group}:{jar.artifact}", jar.version) for jar in listed()])


def crates() -> tuple[int, list[str]]:
    """Ask about the crates of Cargo.lock, those that only build among them; return as `report` does."""
    locked = tomllib.loads(CRATES.read_text(encoding="utf-8"))["package"]
    # Our own has no source.
    return _ask("crates", "crates.io", [(crate["name"], crate["version"]) for crate in locked if "source" in crate])


def _ask(what: str, ecosystem: str, pinned: Sequence[tuple[str, str]]) -> tuple[int, list[str]]:
    """Ask about names and versions, with one query of OSV's API (v1/querybatch); return as `report` does."""
    queries = [{"package": {"ecosystem": ecosystem, "name": name}, "version": version} for name, version in pinned]
    url = f"{os.environ.get('OSV_URL') or OsvService.DEFAULT_OSV_URL}batch"
    request = urllib.request.Request(  # noqa: S310 - the scheme is the operator's
        url, json.dumps({"queries": queries}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
            results = json.load(answer)["results"]
        known = [
            f"{name} {version}: {found['id']}"
            for (name, version), result in zip(pinned, results, strict=True)
            for found in result.get("vulns", ())
        ]
    except OSError as error:
        return 2, [f"the advisory service cannot be reached: {error}"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return 1, [f"the advisory service's answer is not understood: {type(error).__name__}"]
    return (1, known) if known else (0, [f"{len(queries)} {what}, no known vulnerability"])


def main(lists: Sequence[str], *, required: bool) -> int:
    """Audit, print, and return the exit status."""
    statuses = []
    audits = (("Python packages", packages(lists)), ("KCL's jars", jars()), ("The compiled part's crates", crates()))
    for what, (found, lines) in audits:
        is_audited = found != 2  # noqa: PLR2004
        statuses.append(found if is_audited else int(required))
        unanswered = f"{what} NOT AUDITED. {lines[0]}", "run `make audit` where OSV can be reached, before a release."
        stream = sys.stderr if found else sys.stdout
        print(*(f"audit: {line}" for line in (lines if is_audited else unanswered)), sep="\n", file=stream)
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or LISTS, required=os.environ.get("AUDIT") == "required"))
