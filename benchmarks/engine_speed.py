"""What the default policy costs: records a second and core, and the slowest record that its limits let in.

    python -m benchmarks.engine_speed [--scale 1] [--search 200] [--json FILE]

Times are of the process (CPU); the kinds of record as in `benchmarks/peers/engines.py`. The slow records are all as
large as the policy allows; each is timed several times, never twice the same, the least counts.
"""

import argparse
import base64
import gc
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peers.engines import measure_ours
from redaction.engine import PolicyRedactor
from redaction.plugin import Rejected
from redaction.policy import load_policy

TARGET_MS = 50.0


UNITS = (
    "6 6 6 ", "1.", "@", "+", ":", "%41", "NDExMTExMTEx", '{"{"', "1", "4111 1111 1111 1111 ", "4111-1111-1111-1112 ",
    "-", "1-", "1:", "1/", "1_", "4 ", "a@", "a@b.c", "a@b.co ", "@b.co", ".a@b", "tel ", "tel 1 ", "phone: ",
    "phone 1", "call me on ", "phone phone1234567 ", "0 ", "00", "+1", "+49 ", "(1", "(415) ", "DE89", "DE89 3704 ",
    "de12 ", "GB29NWBK60161331926819 ", "ey", "eyJ", "eyJhbGciOiJIUzI1NiJ9.", "::", "f:", "1::", "1.1.1.",
    "255.255.255.255.", "1.2.3.4 ", "\\", "\\\\", "\\u0041", "&#", "&#52;", "%", "=", "ssn=", "ssn ", "cvv:1 ",
    "password=a ", "pan=", 'pan":', '\\"pan\\":', "'", '"', "[[", '{"a":', "{}", "é", "ж", "\uff16", "\uff16 ",
    "\u200b", "\u200b6", "\u00a06", "x", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "AKIA", "AKIAIOSFODNN7EXAMPLE ",
    "sk_live_", "Bearer ", "Bearer a", "secret_key=", "123-45-", "123-45-6789 ", "123-45-6789", "078 05 1120 ", "n ",
    "ssn ssn ", "tax id ", "\n", "\n1", "1\t", "c3VwcG9ydA", "deadbeef", "deadbeef-dead-beef-", "https://a.b/?q=1%20",
    "a=1&", "%25", "%2525", "%34%31", "3782 822463 10005 ", "2026-03-15T10:30:00Z ", "1,234.56 ", "fax", "1-800-",
    "1ext 1", "x1", "ph.:", "whatsapp+1 ",
)  # fmt: skip


class Slow(NamedTuple):
    """A kind of record. `make` gives one of at most so many bytes; another for another salt."""

    name: str
    make: Callable[[int, int], bytes]


def _filled(text: str, size: int) -> str:
    """Repeat a text as often as fits into JSON of a size."""
    return text * (size // (len(json.dumps(text, ensure_ascii=False).encode()) - 2))


def _one_text(unit: str) -> Callable[[int, int], bytes]:
    return lambda size, salt: _dumps({"salt": salt, "note": _filled(unit, size - 64)})


def _many_texts(unit: str, count: int) -> Callable[[int, int], bytes]:
    def make(size: int, salt: int) -> bytes:
        return _dumps({"salt": salt, "notes": [_filled(unit, size // count - 4)] * count})

    return make


def _many_keys(unit: str, count: int) -> Callable[[int, int], bytes]:
    def make(size: int, salt: int) -> bytes:
        text = _filled(unit, size // count - 16)
        return _dumps({f"{text}{salt}k{number}": 1 for number in range(count)})

    return make


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _wrapped(size: int, salt: int, inner: str) -> bytes:
    """JSON in a string, as often as the size allows: escapes double each time."""
    text = inner
    while len(_dumps({"salt": salt, "p": (longer := json.dumps({"p": text}))})) < size:
        text = longer
    return _dumps({"salt": salt, "p": text})


def _numbers(digits: int) -> Callable[[int, int], bytes]:
    def make(size: int, salt: int) -> bytes:
        rng = random.Random(salt)  # noqa: S311
        count = min(4900, size // (digits + 1) - 8)
        return _dumps({"salt": salt, "n": [rng.randrange(10 ** (digits - 1), 10**digits) for _ in range(count)]})

    return make


def _random_text(alphabet: str) -> Callable[[int, int], bytes]:
    def make(size: int, salt: int) -> bytes:
        text = "".join(random.Random(salt).choices(alphabet, k=size))  # noqa: S311
        while len(body := _dumps({"salt": salt, "note": text})) > size:
            text = text[: -max(1, (len(body) - size) // 4)]
        return body

    return make


def _deep(size: int, salt: int) -> bytes:
    value: Any = _filled("4111 1111 1111 1111 ", size // 2)
    for level in range(28):
        value = {f"l{salt}{level}": value, "tel": "030 1234567"}
    return _dumps(value)


def _json_of(item: Any, times: int) -> Callable[[int, int], bytes]:
    def make(size: int, salt: int) -> bytes:
        text = json.dumps([item])
        for _ in range(times - 1):
            text = json.dumps([text])
        count = max(1, min(4900, size // (len(json.dumps(text)) + 1) - 2))
        return _dumps({"salt": salt, "p": [text] * count})

    return make


SPECIAL = (
    Slow("numbers of 7 digits", _numbers(7)),
    Slow("numbers of 16 digits", _numbers(16)),
    Slow("numbers of 19 digits", _numbers(19)),
    Slow("numbers of 1,000 digits", _numbers(1000)),
    Slow("numbers of 4,000 digits", _numbers(4000)),
    Slow("random digits", _random_text("0123456789")),
    Slow("random digits and separators", _random_text("0123456789 -./+:_,()")),
    Slow("random digits, mostly, and spaces", _random_text("01234567890123456789    ")),
    Slow("random hexadecimal, dots, colons", _random_text("0123456789abcdef.:")),
    Slow("random base64", _random_text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")),
    Slow("random base64 of digits", lambda size, salt: _dumps({
        "note": base64.b64encode(_random_text("0123456789 ")(size * 5 // 7, salt)).decode()
    })),
    Slow("random ASCII", _random_text("".join(map(chr, range(32, 127))))),
    Slow("random Unicode, digits and spaces", _random_text("0123456789\uff16\u0666\u00a0\u200bжé\u2013 -")),
    Slow("random at signs, dots, letters", _random_text("ab@.%40-_")),
    Slow("random backslashes and quotes", _random_text('\\"{}[]:,a1')),
    Slow("4,900 short texts", lambda _, salt: _dumps({"salt": salt, "n": ["6"] * 4900})),
    Slow("4,900 e-mail addresses", lambda _, salt: _dumps({"salt": salt, "n": [f"a{n}@b.co" for n in range(4900)]})),
    Slow("4,900 card numbers", lambda _, salt: _dumps({"salt": salt, "n": ["4111 1111 1111 1111"] * 4900})),
    Slow("4,900 keys that hold addresses", lambda _, salt: _dumps({f"a{salt}x{n}@b.co": n for n in range(4900)})),
    Slow("4,900 keys with a card", lambda _, salt: _dumps({f"4111111111111111 {salt}x{n}": 1 for n in range(4900)})),
    Slow("4,900 fields named as cards", lambda _, salt: _dumps({"a": [{"pan": f"{salt}{n}"} for n in range(2400)]})),
    Slow("JSON in strings, wrapped to the limit", lambda size, salt: _wrapped(size, salt, "4111 1111 1111 1111")),
    Slow("4,900 times JSON in a string", _json_of("4111 1111 1111 1111", 1)),
    Slow("JSON in JSON in strings, many", _json_of({"pan": "4111 1111 1111 1111"}, 2)),
    Slow("one JSON in a string, large", lambda size, salt: _dumps({
        "salt": salt, "p": json.dumps([{"tel": "030 1234567"}] * (size // 36))
    })),
    Slow("one JSON in a string, of 4,900 keys", lambda _, salt: _dumps({
        "salt": salt, "p": json.dumps({f"a{n}@b.co": n for n in range(4900)})
    })),
    Slow("base64 of base64 of base64", lambda size, salt: _dumps({
        "salt": salt, "p": base64.b64encode(base64.b64encode(base64.b64encode(b"4111 1111 " * (size // 25)))).decode()
    })),
    Slow("28 levels, cards below", _deep),
)  # fmt: skip


def cases(search: int) -> Iterator[Slow]:
    """All kinds of slow records; `search`: so many more of random mixtures."""
    yield from SPECIAL
    for unit in UNITS:
        name = json.dumps(unit)
        yield Slow(f"{name} repeated", _one_text(unit))
        yield Slow(f"{name} repeated, in 100 texts", _many_texts(unit, 100))
        # Each just small enough to be searched within the default of max_suspect_chars.
        yield Slow(f"{name} repeated, in 29 texts", _many_texts(unit, 29))
        yield Slow(f"{name} repeated, in 4,000 texts", _many_texts(unit, 4000))
        yield Slow(f"{name} repeated, in 4,000 keys", _many_keys(unit, 4000))
        yield Slow(f"{name} repeated, in 300 keys", _many_keys(unit, 300))
    rng = random.Random(17)  # noqa: S311 - repeatable by design
    for _ in range(search):
        unit = "".join(rng.choices(UNITS, k=rng.randrange(2, 6)))
        form, many = rng.choice((("keys", 4000), ("keys", 300), ("texts", 4000), ("texts", 100), ("texts", 29)))
        make = _many_keys(unit, many) if form == "keys" else _many_texts(unit, many)
        yield Slow(f"{json.dumps(unit)} repeated, in {many:,} {form}", make)


class Timed(NamedTuple):
    name: str
    ms: float
    verdict: str


def slowest(redactor: PolicyRedactor, search: int, times: int = 3) -> list[Timed]:
    """Time all cases; the slowest first."""
    max_bytes = load_policy("default").limits.max_bytes
    timed = []
    salts = iter(range(1_000_000))
    for case in cases(search):
        least, verdict = float("inf"), ""
        for _ in range(times):
            body = case.make(max_bytes - 128, next(salts))
            gc.collect()
            start = time.process_time()
            [result] = redactor.redact([body])
            least = min(least, (time.process_time() - start) * 1000)
            verdict = result.code if isinstance(result, Rejected) else type(result).__name__.lower()
        timed.append(Timed(case.name, least, verdict))
    return sorted(timed, key=lambda one: -one.ms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="of the documents of each kind")
    parser.add_argument("--search", type=int, default=200, help="random mixtures tried as slow records")
    parser.add_argument("--shown", type=int, default=25, help="slow records shown")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    rates = measure_ours(arguments.scale)
    print("| records | bytes | compiled: records/s per core | Python |")
    print("|---|---|---|---|")
    for found in rates:
        compiled = "-" if found["compiled"] is None else f"{found['compiled']:,.0f}"
        print(f"| {found['kind']} | {found['bytes']:.0f} | {compiled} | {found['python']:,.0f} |")
    redactor = PolicyRedactor(load_policy("default"))
    timed = slowest(redactor, arguments.search)
    above = sum(one.ms > TARGET_MS for one in timed)
    print(f"\nSlow records: {len(timed)} kinds, {above} above {TARGET_MS:.0f} ms. The slowest:\n")
    print("| record | ms | verdict |")
    print("|---|---|---|")
    for one in timed[: arguments.shown]:
        print(f"| {one.name[:90].replace('|', '/')} | {one.ms:.1f} | {one.verdict} |")
    if arguments.json:
        figures = {"records_per_second": rates, "slow": [one._asdict() for one in timed]}
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
