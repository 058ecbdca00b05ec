"""What one large record costs: time, memory, and for how long it keeps other threads from running.

    python -m benchmarks.large_records [--mib 10] [--json]

Records as large as a stream takes, clean ones and such as are made to be slow, through the default policy (with its
`max_bytes`) and the encoder of items, as the worker does it. Times are of this thread (CPU). Memory is what this
process holds (resident) beyond what it held with the payload, at its peak, as a multiple of the payload; Linux only.
The longest stretch is the CPU time that the work took in one go while another thread of this process wanted to run.
"""

import argparse
import ctypes
import gc
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.engine_speed import SPECIAL, UNITS, Slow
from consumer.dynamodb.item import ItemEncoder
from consumer.errors import EncodeError
from consumer.record import Record
from consumer.settings import Output
from redaction.engine import PolicyRedactor
from redaction.plugin import Rejected, Released
from redaction.policy import load_policy

_KB_400: Final = 400 * 1024
_WARNED: Final = ("é", "\uff16 ", "😀", "@", "a@b.co ", "1", "4111 1111 1111 1111 ", "NDExMTExMTEx", "\\", '{"a":')


class Cost(NamedTuple):
    """What one record cost.

    :ivar ms_per_400_kb: CPU time for each 400 KB of it.
    :ivar peak: bytes at the peak, beyond the payload's own, for each byte of the payload.
    :ivar stretch_ms: the longest time in which no other thread ran.
    """

    name: str
    size: int
    ms: float
    ms_per_400_kb: float
    peak: float
    stretch_ms: float
    verdict: str


def _text(unit: str, texts: int) -> Callable[[int, int], bytes]:
    def make(size: int, salt: int) -> bytes:
        each = len(json.dumps(unit, ensure_ascii=False).encode()) - 2
        text = unit * (max(0, size - 200 - 3 * texts) // texts // each)
        document = {"user_id": str(salt), "timestamp": "2026-03-15", "notes": [text] * texts}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    return make


def _with(piece: str) -> Callable[[int, int], bytes]:
    return lambda size, salt: _text("a", 1)(size - 64, salt).replace(b'["a', b'["' + piece.encode() + b"a", 1)


def _dropped(size: int, salt: int) -> bytes:
    """A record that is small once a field is dropped."""
    document = {"user_id": str(salt), "timestamp": "2026-03-15", "cvv": "x" * (size - 200)}
    return json.dumps(document).encode()


def _empty_objects(size: int, _salt: int) -> bytes:
    return b'{"a":[' + b",".join([b"{}"] * (size // 3 - 10)) + b"]}"


def cases() -> Iterator[Slow]:
    """Kinds of records."""
    yield Slow("one clean text", _text("merchant ", 1))
    yield Slow("2,900 clean texts", _text("merchant ", 2900))
    yield Slow("a field that is dropped", _dropped)
    yield Slow("empty objects, too many", _empty_objects)
    for unit in UNITS:
        if unit in _WARNED:
            yield Slow(f"{json.dumps(unit)} repeated", _text(unit, 1))
    # One character beyond the basic plane makes Python keep all of a text in four bytes each.
    for also in ("", " 4111 1111 1111 1111"):
        yield Slow(f"an emoji{also} in ASCII", _with(f"😀{also} "))
    yield from SPECIAL


@contextmanager
def _watched() -> Iterator[Callable[[], float]]:
    """Give what tells the longest stretch until then, in seconds of CPU time of this thread."""
    clock = time.pthread_getcpuclockid(threading.get_ident())
    longest, done = 0.0, False

    def watch() -> None:
        nonlocal longest
        last = time.clock_gettime(clock)
        while not done:
            now = time.clock_gettime(clock)
            longest, last = max(longest, now - last), now

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield lambda: longest
    finally:
        done = True
        watcher.join()


def _resident(*, at_peak: bool = False) -> int:
    """Return the bytes that this process holds, or held most since this was last asked for the other."""
    if not at_peak:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # mallopt(3): what is free is given back, and so counts when it is used again
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # proc(5): the peak begins anew
    name = "VmHWM:" if at_peak else "VmRSS:"
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def cost(redactor: PolicyRedactor, case: Slow, size: int) -> Cost | None:
    """Measure; None: the record is no large one."""
    encoder = ItemEncoder(Output(), "s", "shardId-0", "p@1", "d")

    def work(body: bytes) -> str:
        [verdict] = redactor.redact([body])
        if isinstance(verdict, Rejected):
            return verdict.code
        if not isinstance(verdict, Released):
            return "dropped"
        try:
            encoder.encode(verdict.document, Record("1", 0, 0, body))
        except EncodeError as error:
            return error.code
        return "stored"

    body = case.make(size - 128, 1)
    if len(body) < size // 4:
        return None
    began = time.thread_time()
    verdict = work(body)
    seconds = time.thread_time() - began
    with _watched() as longest:
        work(body)
        stretch = longest()
    before = _resident()
    work(body)
    peak = (_resident(at_peak=True) - before) / len(body)
    ms = seconds * 1000
    return Cost(case.name, len(body), ms, ms * _KB_400 / len(body), peak, stretch * 1000, verdict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=float, default=10.0, help="size of the records")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    redactor = PolicyRedactor(load_policy("default"))
    size = int(arguments.mib * 2**20)
    costs = [one for case in cases() if (one := cost(redactor, case, size)) is not None]
    worst: dict[str, Any] = {
        name: max(getattr(one, name) for one in costs) for name in ("ms_per_400_kb", "peak", "stretch_ms")
    }
    if arguments.json:
        print(json.dumps({"mib": arguments.mib, "worst": worst, "records": [one._asdict() for one in costs]}))
        return
    print("| record | MiB | ms | ms for 400 KB | peak / payload | longest stretch, ms | verdict |")
    print("|---|---|---|---|---|---|---|")
    for one in costs:
        print(
            f"| {one.name.replace('|', '/')} | {one.size / 2**20:.1f} | {one.ms:.0f} | {one.ms_per_400_kb:.1f} "
            f"| {one.peak:.1f} | {one.stretch_ms:.0f} | {one.verdict} |"
        )
    print("\nThe worst of each: " + ", ".join(f"{name} {value:.1f}" for name, value in worst.items()))


if __name__ == "__main__":
    main()
