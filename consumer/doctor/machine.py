"""The doctor's look at this machine: Java, KCL's jars, memory, file descriptors, runtime folder, port."""

import fcntl
import http.client
import re
import resource
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from consumer.doctor.finding import Finding
from consumer.errors import StartError
from consumer.kcl.daemon import PROPERTIES_FILE
from consumer.kcl.jvm import jars as kcl_jars
from consumer.kcl.jvm.java import find_java, java_version, runs
from consumer.settings import Settings
from consumer.web.markup import tag
from consumer.worker.memory import divide, limit_mib
from consumer.worker.runtime_folder import refuse_if_others_write
from consumer.worker.worker_id import FILE

_MIB: Final = 1 << 20

_FILES: Final = 1024
"""Each shard takes about a dozen file descriptors in the JVM; every system that we know gives a process so many."""

_FREE_MIB: Final = 64
_APPLICATION: Final = re.compile(r"^applicationName\s*=\s*(\S+)", re.MULTILINE)

_TELLING_JARS: Final = (kcl_jars.CORE, f"{kcl_jars.CORE}-multilang", "netty-handler", "jackson-databind")


def check(settings: Settings) -> Iterator[Finding]:
    """Look at all that is this machine's."""
    yield java(settings)
    yield jars()
    yield memory(settings)
    yield files()
    application = settings.kcl.application
    yield folder(settings.runtime_dir, application)
    yield port(settings.http.host, settings.http.port, application)


def java(settings: Settings) -> Finding:
    """Find Java and run it, with the heap that the daemon will have."""
    try:
        found = find_java(settings)
    except StartError as error:
        return Finding("java", "failed", str(error))
    heap = divide(settings, limit_mib()).heap
    if runs(found, f"-Xmx{heap}m"):
        return Finding("java", "ok", f"{java_version(found) or 'Its version is unknown'}, at {found}.")
    if runs(found):
        text = f"{found} does not run with a heap of {heap} MiB: lower kcl.heap_mb, or give the machine more memory."
    else:
        text = f"{found} does not run: install a Java for this machine, or correct kcl.java, JAVA_HOME or the PATH."
    return Finding("java", "failed", text)


def jars() -> Finding:
    """Look whether the Kinesis Client Library is there, with the jars that the worker is made for."""
    try:
        kcl_jars.folder()
    except StartError as error:
        return Finding("kcl", "failed", str(error))
    listed = kcl_jars.listed()
    versions = {jar.artifact: jar.version for jar in listed}
    names = ", ".join(f"{artifact} {versions[artifact]}" for artifact in _TELLING_JARS)
    return Finding("kcl", "ok", f"{len(listed)} jars, each by its hash: {names}.")


def memory(settings: Settings) -> Finding:
    """Compare the memory that there is with what the worker may take."""
    found = divide(settings, limit_mib())
    text = (
        f"{found.limit} MiB; the worker may take about {found.worker}, with {found.heap} MiB of heap and "
        f"{found.processes} pipeline processes"
    )
    if found.limit >= found.worker:
        return Finding("memory", "ok", f"{text}.")
    remedy = "give it more, or lower pipeline.processes, pipeline.max_bytes_in_flight or kcl.heap_mb"
    return Finding("memory", "warning", f"{text}: {remedy}; else the system may kill it under load.")


def files() -> Finding:
    """Look at the limit of open files, which the daemon inherits."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY or limit >= _FILES:
        return Finding("open files", "ok", f"Limit {'none' if limit == resource.RLIM_INFINITY else limit}.")
    text = f"The limit is {limit}: raise it to {_FILES} or more (`ulimit -n`; in ECS the container's ulimits, nofile)."
    return Finding("open files", "warning", text)


def folder(configured: Path | None, application: str) -> Finding:
    """Look whether the runtime folder can be used; leaves no trace in it, and none of a worker that lives there.

    That a worker of this application lives there is as it must be where the doctor is called beside it.
    """
    place = (configured or Path(tempfile.gettempdir())).absolute()
    there = next(each for each in (place, *place.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        if configured and there == place:
            refuse_if_others_write(place)
        free = shutil.disk_usage(there).free // _MIB
    except OSError as error:
        text = f"{place} cannot be written ({error.strerror}): set runtime_dir to a folder that can."
        return Finding("runtime folder", "failed", text)
    except StartError as error:
        return Finding("runtime folder", "failed", str(error))
    if free < _FREE_MIB:
        text = f"{place} has {free} MiB left: free some, or set runtime_dir to another place."
        return Finding("runtime folder", "warning", text)
    if configured and _is_lived_in(place):
        return _whose(place, application)
    return Finding("runtime folder", "ok", f"{place} can be written{'' if there == place else ', once it is made'}.")


def _whose(place: Path, application: str) -> Finding:
    """Say whose folder it is that a worker lives in."""
    living = _application_in(place)
    if living is None:
        text = f"A worker lives in {place}, of which application is not known; another needs a runtime_dir of its own."
        return Finding("runtime folder", "warning", text)
    if living == application:
        text = f"A worker of {application} lives in {place}; a second one needs a runtime_dir of its own."
        return Finding("runtime folder", "ok", text)
    text = f"A worker of another application lives in {place}: set runtime_dir to a folder of its own."
    return Finding("runtime folder", "failed", text)


def _is_lived_in(place: Path) -> bool:
    try:
        with (place / FILE).open(encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def _application_in(place: Path) -> str | None:
    """Return the application of the worker that lives in a folder; None: it has not come so far as to say."""
    try:
        text = (place / PROPERTIES_FILE).read_text(encoding="latin-1")
    except OSError:
        return None
    found = _APPLICATION.search(text)
    return found[1] if found else None


def port(host: str, number: int, application: str) -> Finding:
    """Look whether the port of /metrics is free, or already served by a worker of this application."""
    if number == 0:
        return Finding("port", "ok", "Any free one is taken (http.port is 0).")
    try:
        with socket.create_server((host, number)):
            pass
    except OSError as error:
        page = _page_of_a_worker(host, number)
        # The whole fact: the name alone may be part of another, that of the stream, or one of the page's own words.
        if page and tag("dt", "application") + tag("dd", application) in page:
            text = (
                f"A worker of {application} serves {number} of {host}; a second one here needs an http.port of its own."
            )
            return Finding("port", "ok", text)
        if page:
            text = f"A worker of another application serves port {number} of {host}: set http.port to another one."
            return Finding("port", "failed", text)
        text = f"Port {number} of {host} cannot be listened on ({error.strerror}): free it, or set http.port."
        return Finding("port", "failed", text)
    return Finding("port", "ok", f"{number} of {host} is free.")


def _page_of_a_worker(host: str, number: int) -> str | None:
    """Return the page for people of a worker, which names its application; None: no worker listens there."""
    connection = http.client.HTTPConnection("127.0.0.1" if host == "0.0.0.0" else host, number, timeout=2)  # noqa: S104
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        is_a_worker = answer.getheader("Server", "").startswith("sanitizer")
        return answer.read().decode("utf-8", "replace") if is_a_worker else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
