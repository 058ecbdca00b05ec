"""The command that serves the embedded cloud.

``python -m consumer.local.cloud``, or ``sanitizer local cloud``, prints one line ``{"port": N}`` once it listens. It
serves HTTP/1.1 and, since KCL's Kinesis client insists on it, HTTP/2 in clear with prior knowledge. It ends on SIGTERM,
and when its stdin is closed: whoever starts it holds the other end of a pipe, so that it goes away even when that
process is killed. SIGINT is ignored: a terminal sends it to the whole group, and the starter decides. With ``--alone``
nobody holds it: it goes on until SIGTERM or SIGINT.

Everything is in memory and gone with the process; that is why ending needs no ceremony.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import threading

import click

from consumer.errors import StartError
from consumer.extras import extra_named
from consumer.terminal.options import examples

PROCESS_NAME = "sanitizer-cloud"


@click.command(epilog=examples("sanitizer local cloud --port 4566 --alone"))
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; whoever reaches it may do anything."
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; 0, the default: a free one.")
@click.option("--alone", is_flag=True, help="Go on when stdin is closed.")
@click.option("--region", default="us-east-1", show_default=True, help="Region of the stream ARNs.")
@click.option("--shard-limits", is_flag=True, help="Refuse what exceeds a shard's write limits.")
def cloud(host: str, port: int, alone: bool, region: str, shard_limits: bool) -> None:  # noqa: FBT001 - the options
    """Serve Kinesis and DynamoDB in memory, for local use."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end if alone else signal.SIG_IGN)
    with extra_named():
        from consumer.local.cloud import app  # noqa: PLC0415 - of an extra

    from setproctitle import setproctitle  # noqa: PLC0415 - the same extra's

    setproctitle(f"{PROCESS_NAME} --host {host} --port {port}{' --alone' if alone else ''}")
    try:
        listener = socket.create_server((host, port), backlog=app.BACKLOG)
    except OSError as error:
        number = error.errno or 0  # of no host of that name, or not an address of this machine, it is negative
        reason = os.strerror(number) if number > 0 else str(error.strerror).partition(" (while")[0]
        msg = f"Port {port} of {host} cannot be listened on ({reason}): free it, or name another with --port."
        raise StartError(msg) from None
    if not alone:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    served = app.CloudApp(region, shard_limits=shard_limits)
    sys.stdout.write(json.dumps({"port": listener.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    os.dup2(2, 1)  # nobody reads stdout from here on, and libraries may print
    asyncio.run(app.serve_on(listener, served))


def _end(*_: object) -> None:
    os._exit(0)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    _end()
