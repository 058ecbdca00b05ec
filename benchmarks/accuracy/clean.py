"""Made-up texts without anything sensitive that look as if: what people complain about in redaction tools.

The same seed gives the same texts.
"""

import base64
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from benchmarks.accuracy.data import iban_valid

_FRAMES = ("{}", "see {} for details", "{}, {}", "ref={};", "Processed {} without errors.")
_HEX = "0123456789abcdef"
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ALNUM = "0123456789" + _UPPER


class Clean(NamedTuple):
    """`value`: the text, or a number where JSON would hold one."""

    kind: str
    value: str | int


Maker = Callable[[random.Random], str]


def _pick(rng: random.Random, alphabet: str, count: int) -> str:
    return "".join(rng.choices(alphabet, k=count))


def _digits(rng: random.Random, count: int) -> str:
    return str(rng.randrange(1, 10)) + _pick(rng, "0123456789", count - 1)


def _when(rng: random.Random) -> datetime:
    return datetime(2019, 1, 1, tzinfo=UTC) + timedelta(milliseconds=rng.randrange(250_000_000_000))


def _log_line(rng: random.Random) -> str:
    return (
        f"{_when(rng).isoformat(timespec='milliseconds')} {rng.choice(('INFO', 'WARN', 'DEBUG'))} "
        f"[worker-{rng.randrange(64)}] c.e.payments.Handler - order {rng.randrange(10**8)} took {rng.randrange(5000)} "
        f"ms, status={rng.choice((200, 201, 404, 500))} bytes={rng.randrange(10**6)} attempt {rng.randrange(4)}/3"
    )


def _date(rng: random.Random) -> str:
    when = _when(rng)
    shapes = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S.%f", "%d.%m.%Y %H:%M", "%m/%d/%Y", "%Y%m%d%H%M%S")
    return when.strftime(rng.choice((*shapes, "%Y-%m-%dT%H:%M:%S.%f+02:00", "%a, %d %b %Y %H:%M:%S GMT")))


def _amount(rng: random.Random) -> str:
    cents = rng.randrange(10 ** rng.randrange(3, 12))
    plain, dotted = f"{cents / 100:.2f}", f"{cents / 100:,.2f}"
    european = dotted.translate(str.maketrans(",.", ".,"))
    return rng.choice((
        plain,
        f"{dotted} USD",
        f"\u20ac{european}",
        f"{european} EUR".replace(".", "\u00a0"),
        f"{plain} + {rng.randrange(1, 900)}.{rng.randrange(100):02} = {cents / 50:.2f}",
    ))  # fmt: skip


def _order_number(rng: random.Random) -> str:
    return rng.choice((
        f"ORD-{_digits(rng, 8)}",
        f"{_pick(rng, '01', 1)}{_digits(rng, 2)}-{_digits(rng, 7)}-{_digits(rng, 7)}",
        f"SO-{rng.randrange(2019, 2027)}-{rng.randrange(10**6):06}",
        f"#{_digits(rng, 10)}",
        f"INV{rng.randrange(2019, 2027)}{rng.randrange(10**6):06}",
    ))  # fmt: skip


def _tracking(rng: random.Random) -> str:
    return rng.choice((
        f"1Z{_pick(rng, _ALNUM, 6)}{_pick(rng, '0123456789', 10)}",
        f"94001{_pick(rng, '0123456789', 17)}",
        f"{_pick(rng, _UPPER, 2)}{_digits(rng, 9)}GB",
        f"JD0{_pick(rng, '0123456789', 17)}",
        f"00340434{_pick(rng, '0123456789', 12)}",
    ))  # fmt: skip


def _version(rng: random.Random) -> str:
    major, minor, patch = rng.randrange(30), rng.randrange(30), rng.randrange(100)
    return rng.choice((
        f"{major}.{minor}.{patch}",
        f"v{major}.{minor}.{patch}-rc.{rng.randrange(9)}+build.{rng.randrange(10**5)}",
        f"Chrome/{rng.randrange(80, 140)}.0.{rng.randrange(4000, 7000)}.{rng.randrange(200)}",
        f"version {major}.{minor}.{patch}.{rng.randrange(256)}",
        f"openssl-{major}.{minor}.{patch}p{rng.randrange(9)}",
    ))  # fmt: skip


def _sku(rng: random.Random) -> str:
    ean = _pick(rng, "0123456789", 12)
    check = -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(ean)) % 10
    return rng.choice((
        f"{_pick(rng, _UPPER, 3)}-{_digits(rng, 5)}-{rng.choice(('S', 'M', 'XL'))}",
        f"{_digits(rng, 3)}-{_digits(rng, 4)}-{_pick(rng, _ALNUM, 2)}",
        f"EAN {ean}{check}",
        f"{_pick(rng, _ALNUM, 10)}",
        f"978-{rng.randrange(10)}-{_digits(rng, 2)}-{_digits(rng, 6)}-{rng.randrange(10)}",
    ))  # fmt: skip


def _iban_noise(rng: random.Random) -> str:
    country, length = rng.choice((("DE", 22), ("GB", 22), ("FR", 27), ("NL", 18), ("NO", 15), ("ES", 24)))
    body = _pick(rng, "0123456789" if country in {"DE", "NO", "ES"} else _ALNUM, length - 4)
    noise = country + _pick(rng, "0123456789", 2) + body
    return _iban_noise(rng) if iban_valid(noise) else noise


def _mac(rng: random.Random) -> str:
    return rng.choice((":", "-")).join(_pick(rng, _HEX, 2) for _ in range(6))


def _geo(rng: random.Random) -> str:
    return f"{rng.uniform(-90, 90):.6f}, {rng.uniform(-180, 180):.{rng.choice((4, 6, 14))}f}"


def _row(sizes: tuple[int, ...]) -> Maker:
    def make(rng: random.Random) -> str:
        size = rng.choice(sizes)
        return rng.choice((" ", "-")).join(_digits(rng, size) for _ in range(rng.randrange(5, 12)))

    return make


def _url(rng: random.Random) -> str:
    return (
        f"https://shop.example/items/{_digits(rng, 9)}?page={rng.randrange(99)}&session={_pick(rng, _HEX, 24)}"
        f"&q=usb%20cable+{rng.randrange(9)}m&utm_id={_digits(rng, 11)}"
    )


MAKERS: dict[str, Maker] = {
    "log lines": _log_line,
    "UUIDs": lambda rng: str(UUID(int=rng.getrandbits(128), version=4)),
    "epoch milliseconds": lambda rng: str(int(_when(rng).timestamp() * 1000)),
    "epoch microseconds, nanoseconds": lambda rng: (
        str(int(_when(rng).timestamp() * 1000)) + _digits(rng, 3) * rng.choice((1, 2))
    ),
    "order and invoice numbers": _order_number,
    "tracking numbers with a prefix": _tracking,
    "hashes (MD5, SHA-1, SHA-256)": lambda rng: _pick(rng, _HEX, rng.choice((32, 40, 64))),
    "git commits": lambda rng: _pick(rng, _HEX, rng.choice((7, 8, 12, 40))),
    "hexadecimal ids, 16 digits": lambda rng: _pick(rng, _HEX, 16),
    "random base64": lambda rng: base64.b64encode(rng.randbytes(rng.choice((16, 24, 32, 48)))).decode(),
    "versions": _version,
    "dates and times": _date,
    "amounts": _amount,
    "SKUs, EANs, ISBNs": _sku,
    "IBAN-like noise": _iban_noise,
    "MAC addresses": _mac,
    "geo coordinates": _geo,
    "URLs": _url,
    "ids of 6 to 11 digits": lambda rng: _digits(rng, rng.randrange(6, 12)),
    "ids of 12 to 15 random digits": lambda rng: _digits(rng, rng.randrange(12, 16)),
    "ids of 16 to 19 random digits": lambda rng: _digits(rng, rng.randrange(16, 20)),
    "rows of numbers of 4 digits": _row((4,)),
    "rows of numbers of 3, 5, 6 digits": _row((3, 5, 6)),
    "ZIP+4 and postal codes": lambda rng: rng.choice((f"{_digits(rng, 5)}-{_digits(rng, 4)}", f"D-{_digits(rng, 5)}")),
}
# A random number of such a length is, once in so many, a card number: known IIN, length and check digit.
IDS = frozenset({"ids of 12 to 15 random digits", "ids of 16 to 19 random digits"})
# The same holds for each few numbers of a row.
ROWS = frozenset({"rows of numbers of 4 digits", "rows of numbers of 3, 5, 6 digits"})


def clean_texts(count: int, seed: int = 7) -> list[Clean]:
    """Every kind in turn; alone, in a sentence, and, what is all digits, as a number."""
    rng = random.Random(seed)  # noqa: S311 - repeatable by design
    made = []
    for number in range(count):
        kind = list(MAKERS)[number % len(MAKERS)]
        text = MAKERS[kind](rng)
        frame = rng.choice(_FRAMES)
        if text.isdigit() and text[0] != "0" and len(text) < 19 and rng.random() < 0.3:
            made.append(Clean(kind, int(text)))
        else:
            made.append(Clean(kind, frame.format(text, MAKERS[kind](rng))))
    return made
