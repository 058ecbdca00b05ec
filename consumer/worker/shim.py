"""What the daemon starts for each shard: hands its pipes to a pipeline process and costs next to nothing.

It runs without the package and without site-packages (``python -I -S -E shim.py FOLDER COUNT``), so that it starts in
milliseconds. The daemon's first line names the shard; the shard decides the process, so that a shard stays with its
process over restarts of the daemon. Then it becomes a shell that waits for the other end to let go.
"""

import os
import signal
import socket
import sys
import zlib

CONNECT_SECONDS = 10


def slot_of(shard: str, count: int) -> int:
    """Return the pipeline process that serves `shard`: neighbouring shards go to different ones."""
    digits = shard.rpartition("-")[2]
    return (int(digits) if digits.isdecimal() else zlib.crc32(shard.encode())) % count


def shard_of(line: bytes) -> str:
    """Return the shard that the daemon's first line names, or an empty string."""
    return line.partition(b'"shardId":"')[2].partition(b'"')[0].decode("ascii", "replace")


def socket_path(folder: str, slot: int) -> str:
    """Return where pipeline process `slot` listens."""
    return os.path.join(folder, f"pipeline-{slot}.sock")  # noqa: PTH118 - pathlib would double the start-up time


def _first_line() -> bytes:
    # Byte by byte: what follows the line belongs to the pipeline process.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            raise SystemExit(1)
        line += byte
    return line


def main(folder: str, count: int) -> None:
    """Hand over stdin and stdout, with the daemon's number and its first line; then wait.

    :param folder: the worker's runtime folder.
    :param count: number of pipeline processes.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the daemon acts on a signal, else its shutdown request is lost
    line = _first_line()
    shard = shard_of(line)
    if not shard:
        raise SystemExit(1)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(socket_path(folder, slot_of(shard, count)))
        connection.settimeout(None)
        socket.send_fds(connection, [os.environb.get(b"SANITIZER_DAEMON", b"0") + b"\n" + line], [0, 1])
        os.dup2(connection.fileno(), 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.set_inheritable(0, True)  # noqa: FBT003
        # The shell holds no memory to speak of; it ends when the pipeline process closes the connection.
        os.execv("/bin/sh", ["sanitizer-shim", "-c", "read _; exit 0", shard])  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
