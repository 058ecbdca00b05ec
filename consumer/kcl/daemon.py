"""The KCL MultiLangDaemon: its properties, its java command line, its files in the runtime folder."""

import os
import shlex
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from consumer.kcl.jvm import jars, no_skipping, whole_records
from consumer.kcl.jvm.class_file import JAR_FILE, write_jar
from consumer.kcl.jvm.java import java_version
from consumer.kcl.jvm.options import java_options

MAIN_CLASS: Final = "software.amazon.kinesis.multilang.MultiLangDaemon"
PROPERTIES_FILE: Final = "kcl.properties"
LOGBACK_FILE: Final = "logback.xml"
SHIM_FILE: Final = "sanitizer-shim"
CBOR_VARIABLE: Final = "CBOR_ENABLED"
"""AWS's SDK reads it where no option of the JVM says otherwise: it is true for a local Kinesis that speaks CBOR."""


def command(java: Path, heap_mib: int, made: Mapping[str, str]) -> list[str]:
    """Return the command line, to be run in the runtime folder.

    :raises StartError: the jars are not the listed ones.
    """
    folder = jars.folder()
    options = [
        f"-Xmx{heap_mib}m",
        "-XX:+UseSerialGC",
        # Neither a heap dump nor a core file nor a crash report: each would hold card data.
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-HeapDumpOnOutOfMemoryError",
        "-XX:+SuppressFatalErrorMessage",
        "-XX:+DisableAttachMechanism",  # nor one that somebody asks it for
        "-Dfile.encoding=UTF-8",
        *java_options(java_version(java), folder),
    ]
    if made.get("kinesisEndpoint", "").startswith("http://") and CBOR_VARIABLE not in os.environ:
        options.append("-Daws.cborEnabled=false")  # emulators read JSON, not CBOR
    return [
        str(java),
        *options,
        "-cp",
        # Not `*`, which stands for the jars in the order of the folder: an AOT cache is for one order.
        os.pathsep.join([JAR_FILE, *(str(folder / jar.file) for jar in jars.listed())]),
        MAIN_CLASS,
        "--properties-file",
        PROPERTIES_FILE,
        "--log-configuration",
        LOGBACK_FILE,
    ]


def write_files(folder: Path, made: Mapping[str, str], shim: Path, processes: int) -> None:
    """Write the daemon's files into the runtime folder.

    :param shim: the script that it starts for each shard, with the folder and `processes`, from among which it chooses.
    """
    write_properties(folder, made)
    write_jar(folder, {each.NAME: each.class_file() for each in (whole_records, no_skipping)})
    (folder / LOGBACK_FILE).write_bytes((files("consumer.kcl.jvm") / LOGBACK_FILE).read_bytes())
    (folder / SHIM_FILE).write_text(
        f"exec {shlex.quote(sys.executable)} -I -S -E {shlex.quote(str(shim))} . {processes}\n",
        encoding="utf-8",
    )


def write_properties(folder: Path, made: Mapping[str, str]) -> None:
    """Write what the next daemon is told."""
    lines = "".join(f"{name}={value}\n" for name, value in sorted(made.items()))
    (folder / PROPERTIES_FILE).write_text(lines, encoding="latin-1", errors="backslashreplace")
