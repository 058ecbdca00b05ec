"""JSON lines, to a file or to stdout: to look at what comes out, with jq for example."""

import errno
import fcntl
import os
import select
import stat
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from consumer.backoff import backoff, jittered
from consumer.errors import StartError, UsageError
from consumer.record import Item, Record
from consumer.sink import Fate, SinkContext, Writing
from consumer.sinks.json_documents import JsonWriter
from consumer.thread_turns import waiting

__all__ = ["STDOUT", "JsonLinesSink"]

STDOUT: Final = "-"

_OPTIONS: Final = frozenset({"path"})
_BACKOFF_FIRST_SECONDS: Final = 0.05
_BACKOFF_LIMIT_SECONDS: Final = 10.0
_LOCK_SECONDS: Final = 0.005
_SEEN: Final = 65536
_REASONS: Final = {
    errno.ENOSPC: "throttled",
    errno.EDQUOT: "throttled",
    errno.EPIPE: "unreachable",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EROFS: "permission",
}


class _Busy(Exception):
    """Another process writes, or the reader of the pipe is slow."""


class _LineEncoder:
    has_unique_keys = True

    def __init__(self, writer: JsonWriter, shard: str) -> None:
        self._writer = writer
        self._shard = shard

    def encode(self, document: Mapping[str, object], record: Record) -> Item:
        """See `Encoder.encode`."""
        body = self._writer.write(document, record)
        return Item((self._shard, f"{record.sequence}/{record.place}"), body + b"\n")


class JsonLinesSink:
    """Appends a line for each document; several processes and threads may append to one file.

    :raises UsageError: options other than `path`, or none.
    :raises StartError: the file cannot be written.
    """

    def __init__(self, options: Mapping[str, Any], context: SinkContext) -> None:
        path = _path(options)
        self._context = context
        try:
            if path == STDOUT:
                self._file = os.dup(sys.__stdout__.fileno() if sys.__stdout__ else 1)
            else:
                self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            is_file = stat.S_ISREG(os.fstat(self._file).st_mode)
        except OSError as error:
            raise StartError(f"the file {path} cannot be written ({error.strerror}).") from None
        self._is_file = is_file and path != STDOUT
        self._lock = threading.Lock()

    @staticmethod
    def check_options(options: Mapping[str, Any], stream: str) -> None:  # noqa: ARG004 - all sinks are asked so
        """See `consumer.sinks.loading`; the file is not tried, since another process may be the one that can write.

        :raises UsageError: as the constructor.
        """
        _path(options)

    def encoder(self, shard: str) -> _LineEncoder:
        """See `DocumentSink.encoder`."""
        return _LineEncoder(JsonWriter(self._context, shard), shard)

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        """See `Sink.start`."""
        return _Lines(self, items, stop)

    def close(self) -> None:
        """See `DocumentSink.close`."""
        with self._lock:
            os.close(self._file)

    def append(self, lines: Sequence[bytes]) -> int:
        """Append lines, or the first of them; return how many are durable now.

        :raises _Busy: none, for the moment.
        :raises OSError: none.
        """
        if not self._lock.acquire(timeout=_LOCK_SECONDS):
            raise _Busy
        try:
            return self._append_to_file(lines) if self._is_file else self._append_to_pipe(lines)
        finally:
            self._lock.release()

    def _append_to_file(self, lines: Sequence[bytes]) -> int:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _Busy from None
        try:
            before = self._whole_lines()
            data = memoryview(b"".join(lines))
            try:
                while data:  # a disk that gets full takes a part
                    data = data[os.write(self._file, data) :]
                os.fsync(self._file)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._file, before)
                raise
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        return len(lines)

    def _whole_lines(self) -> int:
        """Cut off the beginning of a line that a process left when it was killed; return the file's length."""
        end = length = os.fstat(self._file).st_size
        while end:
            begin = max(0, end - _SEEN)
            found = os.pread(self._file, end - begin, begin).rfind(b"\n")
            end = begin + found + 1
            if found >= 0:
                break
        if end != length:
            os.ftruncate(self._file, end)
        return end

    def _append_to_pipe(self, lines: Sequence[bytes]) -> int:
        """Write one piece, of whole lines if they are short: so much is never mixed with another process's."""
        count = size = 0
        for line in lines:
            if count and size + len(line) > select.PIPE_BUF:
                break
            count, size = count + 1, size + len(line)
        if not select.select([], [self._file], [], _LOCK_SECONDS)[1]:
            raise _Busy
        data = memoryview(b"".join(lines[:count]))
        while data:
            data = data[os.write(self._file, data[: select.PIPE_BUF]) :]
        return count

    def failed(self, error: OSError, attempt: int) -> None:
        """Account for a failure that is tried again."""
        reason = _REASONS.get(error.errno or 0, "service")
        self._context.metrics.retried(reason)
        if reason == "permission" or attempt % 5 == 0:
            code = errno.errorcode.get(error.errno or 0, "OSError")
            self._context.log.error("jsonl.write_retried", reason=reason, code=code, attempt=attempt)

    def written(self, count: int, seconds: float) -> None:
        """Account for a success."""
        self._context.metrics.wrote(count, seconds)


class _Lines(Writing):
    def __init__(self, sink: JsonLinesSink, items: Sequence[Item], stop: threading.Event) -> None:
        super().__init__(len(items))
        self._sink = sink
        self._items = items
        self._stop = stop
        self._done = 0
        self._attempt = 0

    def wait(self, timeout: float) -> bool:
        """See `Writing.wait`."""
        until = time.monotonic() + timeout
        with waiting():
            while self._done < len(self._items) and not self._stop.is_set():
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._stop.wait(min(left, self._try()))
        return True

    def _try(self) -> float:
        """Append; return for how many seconds to pause."""
        began = time.perf_counter()
        try:
            count = self._sink.append([item.body for item in self._items[self._done :]])
        except _Busy:
            return _LOCK_SECONDS
        except OSError as error:
            self._attempt += 1
            self._sink.failed(error, self._attempt)
            return jittered(backoff(self._attempt, _BACKOFF_FIRST_SECONDS, _BACKOFF_LIMIT_SECONDS))
        now = time.time()
        for i in range(self._done, self._done + count):
            self.fates[i], self.durable_at[i] = Fate.DURABLE, now
        self._done += count
        self._attempt = 0
        self._sink.written(count, time.perf_counter() - began)
        return 0.0


def _path(options: Mapping[str, Any]) -> str:
    path = options.get("path")
    if set(options) != _OPTIONS or not isinstance(path, str) or not path:
        raise UsageError("it takes one option, path: a file, or '-' for stdout.")
    return path if path == STDOUT else str(Path(path).absolute())
