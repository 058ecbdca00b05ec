"""Licences as SPDX expressions: what components say of theirs, which are accepted, and what holds for all of them."""

import re
import zipfile
from collections.abc import Iterable
from importlib.metadata import PackageMetadata
from typing import Any, Final

from license_expression import AND, OR, ExpressionError, get_spdx_licensing

ACCEPTED: Final = (
    "Apache-2.0",
    "MIT",
    "BSD-3-Clause",
    "BSD-2-Clause",
    "MIT-0",
    "PSF-2.0",
    "MPL-2.0",
    "EPL-2.0",
    "GPL-2.0-only WITH Classpath-exception-2.0",
)
"""What components may be under; of a choice the first counts. MPL and EPL bind who changes the component's files."""

# What the jars do not say themselves; by group, as published with each.
BY_GROUP: Final = {
    "com.amazon.ion": "Apache-2.0",
    "com.beust": "Apache-2.0",
    "io.reactivex.rxjava3": "Apache-2.0",
    "org.apache.httpcomponents": "Apache-2.0",
    "org.codehaus.mojo": "MIT",
    "org.reactivestreams": "MIT-0",
    "software.amazon.awssdk": "Apache-2.0",
    "software.amazon.kinesis": "Apache-2.0",
}
# What Python packages say in words of their own; by name, as their texts say.
BY_PACKAGE: Final = {
    "antlr4-python3-runtime": "BSD-3-Clause",
    "google-re2": "BSD-3-Clause",
    "protobuf": "BSD-3-Clause",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "s3transfer": "Apache-2.0",
}
OSI: Final = "License :: OSI Approved :: "
# Classifiers that mean one licence; others leave the version or the number of clauses open.
BY_CLASSIFIER: Final = {"MIT License": "MIT"}
# By what stands in a name or in an address.
_KNOWN: Final = (
    (re.compile(r"apache.*2", re.IGNORECASE), "Apache-2.0"),
    (re.compile(r"epl-v20.*lgpl-2\.1"), "EPL-2.0 OR LGPL-2.1-only"),
    (re.compile(r"BSD-3-Clause"), "BSD-3-Clause"),
    (re.compile(r"/mit\b|^MIT\b"), "MIT"),
)
_LICENSING: Final = get_spdx_licensing()


def of_package(name: str, metadata: PackageMetadata) -> str:
    """Return a Python package's licence; of what it says the most exact, or as it says it; empty: it says none."""
    text = next((metadata[field].strip() for field in ("License-Expression", "License") if field in metadata), "")
    if name in BY_PACKAGE or (text and "\n" not in text):
        return BY_PACKAGE.get(name, text)
    names = (name.removeprefix(OSI) for name in metadata.get_all("Classifier", ()) if name.startswith(OSI))
    return " / ".join(sorted(BY_CLASSIFIER.get(name, name) for name in names))


def of_jar(group: str, jar: zipfile.ZipFile) -> str:
    """Return a jar's licence as its pom or its manifest has it, or as it is known of its group; empty: nobody says."""
    for name in jar.namelist():
        if re.fullmatch(r"META-INF/maven/[^/]+/[^/]+/pom\.xml", name):
            found = re.search(rb"<license>\s*<name>([^<]+)</name>", jar.read(name))
            if found:
                return _known(found[1].decode())
    manifest = jar.read("META-INF/MANIFEST.MF").decode("utf-8", "replace").replace("\r\n ", "")
    line = re.search(r"^Bundle-License: *(\S.*?)\s*$", manifest, flags=re.MULTILINE)
    return _known(line[1]) if line else BY_GROUP.get(group, "")


def is_accepted(licence: str) -> bool:
    """Return whether an expression can be met by accepted licences alone. What is no expression is not."""
    return chosen(licence) is not None


def chosen(licence: str) -> frozenset[str] | None:
    """Return the accepted licences that meet an expression together; None: there are none."""
    try:
        return _chosen(_LICENSING.parse(licence, validate=True))
    except ExpressionError:
        return None


def all_of(licences: Iterable[str]) -> str:
    """Return the expression that holds for a whole of accepted parts.

    :raises ValueError: one is not accepted.
    """
    found: set[str] = set()
    for licence in licences:
        those = chosen(licence)
        if those is None:
            msg = f"not accepted: {licence}"
            raise ValueError(msg)
        found |= those
    return " AND ".join(sorted(found))


def _chosen(node: Any) -> frozenset[str] | None:
    if isinstance(node, OR | AND):
        parts = [_chosen(each) for each in node.args]
        if isinstance(node, AND):
            met = [part for part in parts if part is not None]
            return frozenset().union(*met) if len(met) == len(parts) else None
        possible = [part for part in parts if part is not None]
        return min(possible, key=lambda part: (len(part), max(map(ACCEPTED.index, part))), default=None)
    name = str(node)
    return frozenset({name}) if name in ACCEPTED else None


def _known(name: str) -> str:
    name = " ".join(name.split())
    return next((spdx for pattern, spdx in _KNOWN if pattern.search(name)), name)
