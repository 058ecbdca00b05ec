"""Makes the AOT cache of the daemon's JVM: what it loads, and how it uses it, learnt from a worker under load.

    python -m deploy.image.aot_cache [--to FILE]

Java 25 or later. It has to be the same Java, the same jars at the same paths, as in the container; the load is that of
the benchmarks, whose Kinesis speaks CBOR as AWS's does, so that it needs what `requirements/local.txt` lists.
"""

import argparse
import os
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.load.results import Load
from benchmarks.load.worker import Bench
from consumer.kcl.jvm import jars
from consumer.kcl.jvm.java import find_java
from consumer.kcl.jvm.options import CACHE_FILE
from consumer.settings import load_settings

LOAD: Final = Load(shards=8, rate=250, seconds=15, warm_up=10)
JAVA_VARIABLE: Final = "SANITIZER_KCL__JAVA"

_WRITING_SECONDS: Final = 300.0

# Java writes its cache at its end, by a child. The supervisor waits a second for a daemon that has drained, kills it,
# and reads no more: so Java is no child of its, and what Java's child says goes nowhere.
_WRAPPER: Final = """#!/bin/sh
mkfifo {folder}/lines
tee -p /dev/null < {folder}/lines &
trap 'kill -TERM "$java"' TERM
{java} -XX:AOTCacheOutput={cache} "$@" > {folder}/lines 2>&1 &
java=$!
echo "$java" > {folder}/pid
wait "$java"
wait "$java"
"""


def make(cache: Path) -> None:
    """Write the cache.

    :raises RuntimeError: Java has written none, or the worker has lost a record.
    """
    java = find_java(load_settings(None))
    release = java.resolve().parents[1] / "release"
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        wrapper = home / "bin" / "java"
        wrapper.parent.mkdir()
        shutil.copy(release, home)  # its version, by which the daemon's options are chosen
        quoted = {key: shlex.quote(str(path)) for key, path in (("java", java), ("cache", cache), ("folder", home))}
        wrapper.write_text(_WRAPPER.format(**quoted), encoding="utf-8")
        wrapper.chmod(0o755)
        os.environ[JAVA_VARIABLE] = str(wrapper)
        with Bench(LOAD) as bench:
            result = bench.run()
            _wait(int((home / "pid").read_text(encoding="ascii")))  # the class path begins in the worker's folder
    if result.lost or not cache.is_file():
        msg = f"lost: {result.lost}; written: {cache.is_file()}"
        raise RuntimeError(msg)
    cache.chmod(0o644)  # the worker that wrote it lets nobody else read


def _wait(pid: int) -> None:
    """Wait for the end of a process that is nobody's child here."""
    until = time.monotonic() + _WRITING_SECONDS
    while time.monotonic() < until:
        try:
            if (Path("/proc") / str(pid) / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.2)


def main() -> None:
    """Make the cache, where the daemon looks for it or elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, metavar="FILE", help="default: where the daemon looks for it")
    to = (parser.parse_args().to or jars.folder().resolve().with_name(CACHE_FILE)).absolute()
    make(to)
    print(f"{to}: {to.stat().st_size >> 20} MiB", file=sys.stderr)


if __name__ == "__main__":
    main()
