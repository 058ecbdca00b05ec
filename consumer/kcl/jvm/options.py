"""What a Java is told by its version, beyond what all are told: one that does not know an option does not start."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

CACHE_FILE: Final = "daemon.aot"
"""Beside the folder of KCL's jars: classes as they were loaded and methods as they were used in a trial
(`deploy/image/aot_cache.py`). Java leaves a cache out that another Java, class path or jar was used for."""

_DENIES_UNSAFE: Final = range(24, 26)
"""Versions whose Unsafe netty only uses where it is allowed. Without, it frees memory by a handshake with all threads.
Later ones may no longer know the option."""

_HAS_PROFILES: Final = 25
"""The first version whose cache holds methods' profiles (JEP 515)."""


def major(version: str | None) -> int | None:
    """Return what a Java's version begins with: 17 of 17.0.15; None: it is not known."""
    with contextlib.suppress(ValueError, IndexError):
        return int(re.split("[.+-]", version or "")[0])
    return None


def java_options(version: str | None, jars: Path) -> Iterator[str]:
    """Yield the options for a Java.

    :param version: as `consumer.kcl.jvm.java.java_version` returns it.
    :param jars: the folder of KCL's jars.
    """
    number = major(version)
    if number is None:
        return
    if number in _DENIES_UNSAFE:
        yield "--sun-misc-unsafe-memory-access=allow"
    cache = jars.resolve().with_name(CACHE_FILE)
    if number >= _HAS_PROFILES and cache.is_file():
        yield f"-XX:AOTCache={cache}"
