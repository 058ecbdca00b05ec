"""Made-up marketplace transactions: the same seed gives the same bytes.

For the demo, the tests and the benchmarks. All card numbers, SSNs, IBANs and people are made up. About one
record in a hundred is broken on purpose.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

CANONICAL = (
    b'{"user_id": "12345", "credit_card": "4532-1234-5678-9012", "ssn": "123-45-6789", "amount": 149.99, '
    b'"merchant": "Amazon", "timestamp": "2024-03-15T10:30:00Z"}'
)
"""The example that the default policy is measured by; always the first record."""

CANONICAL_USER = "12345"

BROKEN_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a producer puts on the stream."""

    data: bytes
    partition_key: str


def transactions(seed: int, count: int, run: int = 1, *, published: bool = False) -> Iterator[Transaction]:
    """Yield `count` transactions, the canonical example first.

    :param run: so many, one after the other, are one user's.
    :param published: only numbers that are published for tests, which are nobody's for certain.
    """
    if count <= 0:
        return
    user = CANONICAL_USER
    yield Transaction(CANONICAL, user)
    rng = (_Published if published else _Drawn)(seed)
    time = datetime(2024, 3, 15, 10, 30, tzinfo=UTC)
    for number in range(1, count):
        time += timedelta(milliseconds=rng.randrange(1, 40))
        if number % run == 0:
            user = f"{rng.randrange(100_000, 1_000_000)}"
        document = _document(rng, user, time)
        broken = rng.random() < BROKEN_SHARE
        yield Transaction(rng.choice(_BREAKERS)(document) if broken else orjson.dumps(document), user)


# Brand: first digits and lengths, from the issuers' published ranges.
_BRANDS: tuple[tuple[str, tuple[str, ...], tuple[int, ...]], ...] = (
    ("visa", ("4",), (16, 16, 16, 13, 19)),
    ("mastercard", ("51", "52", "53", "54", "55", "2221", "2345", "2699", "2720"), (16,)),
    ("amex", ("34", "37"), (15,)),
    ("discover", ("6011", "644", "649", "65"), (16, 16, 19)),
    ("diners", ("300", "305", "36", "38", "39"), (14, 14, 16)),
    ("jcb", ("3528", "3589"), (16,)),
    ("unionpay", ("62", "810", "817"), (16, 19)),
    ("mir", ("2200", "2204"), (16,)),
    ("maestro", ("5018", "5602", "6759"), (16, 18, 12)),
)
# What payment providers tell to test with; what the Social Security Administration took back; what registries show.
TEST_CARDS: tuple[tuple[str, str], ...] = (
    ("visa", "4111111111111111"),
    ("visa", "4012888888881881"),
    ("visa", "4222222222222"),
    ("mastercard", "5555555555554444"),
    ("mastercard", "5105105105105100"),
    ("mastercard", "2223003122003222"),
    ("amex", "378282246310005"),
    ("amex", "371449635398431"),
    ("discover", "6011111111111117"),
    ("diners", "30569309025904"),
    ("jcb", "3530111333300000"),
)
_TEST_SSNS = ("078-05-1120", "219-09-9999")
_TEST_IBANS = ("DE89370400440532013000", "GB82WEST12345698765432")
_LUHN_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_FULLWIDTH = str.maketrans("0123456789", "０１２３４５６７８９")  # noqa: RUF001 - the look-alikes are the point
_NBSP = "\u00a0"
_SEPARATORS = ("", "", "-", " ", "-", " ", _NBSP, ".")

_NAMES = (
    "Ada Lovelace", "José Ñúñez", "Zoë Müller", "Łukasz Żak", "李 小龙", "さくら 山田", "Дарья Иванова",
    "Siobhán O'Brien", "Renée d'Arc", "محمد علي", f"Ngọc{_NBSP}Trần", "Ólafur Þórsson", 'Priya "P" Nair',
    "Ｊｏｈｎ Ｄｏｅ",  # noqa: RUF001
)  # fmt: skip
_CITIES = (
    ("Berlin", "DE"),
    ("São Paulo", "BR"),
    ("Osaka", "JP"),
    ("Boston", "US"),
    ("Łódź", "PL"),
    ("Tromsø", "NO"),
)
_MERCHANTS = (
    "Amazon",
    "Blue Bottle",
    "Käse & Co",
    "Tante Emma",
    "小米商店",
    "Book\\Worm",
    'ACME "Tools"',
    "Kiosk 24",
)
_GOODS = (
    "Tea pot",
    "USB-C cable",
    "Wool socks",
    "Crème brûlée torch",
    "Paperback",
    "🎁 Gift card",
    "Bike bell",
)
_CURRENCIES = ("USD", "EUR", "GBP", "BRL", "JPY")
_PLAIN_NOTES = (
    "",
    "Leave at the door.",
    "Gift, please wrap",
    "2nd floor\nring twice",
    "order 20240315103000123",
    "ok 👍",
)
_SENSITIVE_NOTES: tuple[Callable[["_Drawn"], str], ...] = (
    lambda rng: f"Customer called, new card {rng.card()[1]}, please charge that one",
    lambda rng: f"SSN on file: {rng.ssn()}; verified by phone",
    lambda rng: f"refund to {rng.card()[1]} not {rng.card()[1]}!",
    lambda rng: f"ID {rng.ssn()} / card={rng.card()[1]} (exp 04/29)",
    lambda rng: f"карта {rng.card()[1]}, почта {_email(rng)}",
    lambda rng: f"pay by transfer from {rng.iban()}",
)


def _luhn_number(rng: random.Random, prefix: str, length: int) -> str:
    rest = length - len(prefix) - 1
    body = prefix + str(rng.randrange(10**rest)).zfill(rest)
    total = 0
    for index, digit in enumerate(map(int, reversed(body))):
        total += digit if index % 2 else _LUHN_DOUBLED[digit]
    return body + str(-total % 10)


def _spelled(rng: random.Random, number: str) -> str:
    """Write a card number as people do: in one run, in groups, now and then with odd spaces or digits."""
    how = rng.random()
    if how < 0.02:  # noqa: PLR2004
        return number.translate(_FULLWIDTH)
    if how < 0.05:  # noqa: PLR2004
        return "".join(digit + rng.choice(("", "", "", " ", "-")) for digit in number[:-1]) + number[-1]
    separator = rng.choice(_SEPARATORS)
    if not separator:
        return number
    cuts = (4, 10) if len(number) in {14, 15} else tuple(range(4, len(number), 4))
    return separator.join(number[start:end] for start, end in zip((0, *cuts), (*cuts, None), strict=True))


class _Drawn(random.Random):
    """What a transaction is made of; numbers that follow their rules, by chance."""

    def card(self) -> tuple[str, str]:
        """Return brand and number of a card."""
        brand, prefixes, lengths = self.choice(_BRANDS)
        return brand, _spelled(self, _luhn_number(self, self.choice(prefixes), self.choice(lengths)))

    def ssn(self) -> str:
        """Return a social security number."""
        area = self.randrange(1, 899)
        area += area >= 666  # noqa: PLR2004 - never given out
        separator = self.choice(("-", "-", "-", " "))
        return f"{area:03d}{separator}{self.randrange(1, 100):02d}{separator}{self.randrange(1, 10_000):04d}"

    def iban(self) -> str:
        """Return a German IBAN."""
        account = self.randrange(10**18)
        check = 98 - (account * 1_000_000 + 131400) % 97  # ISO 13616: the country's letters as 13 and 14, then 00
        return f"DE{check:02d}{account:018d}"


class _Published(_Drawn):
    """The same with numbers that are published for tests."""

    def card(self) -> tuple[str, str]:
        brand, number = self.choice(TEST_CARDS)
        return brand, _spelled(self, number)

    def ssn(self) -> str:
        return self.choice(_TEST_SSNS)

    def iban(self) -> str:
        return self.choice(_TEST_IBANS)


def _email(rng: random.Random) -> str:
    person = rng.choice(("ada", "zoe.m", "j+shop", "li_x"))
    return f"{person}{rng.randrange(1000)}@example.{rng.choice(('com', 'org'))}"


def _phone(rng: random.Random) -> str:
    return f"+1 202 555 {rng.randrange(100, 200):04d}"


def _amount(rng: random.Random) -> orjson.Fragment:
    """Return a decimal as text, so that no binary float stands between: 12.50, 7, 3.333333333333333333."""
    how = rng.random()
    if how < 0.9:  # noqa: PLR2004
        return orjson.Fragment(f"{rng.randrange(1, 5000)}.{rng.randrange(100):02d}")
    if how < 0.95:  # noqa: PLR2004
        return orjson.Fragment(str(rng.randrange(1, 100_000)))
    return orjson.Fragment(f"{rng.randrange(1000)}.{rng.randrange(10**24):024d}")


def _document(rng: "_Drawn", user: str, time: datetime) -> dict[str, Any]:
    """Return a transaction: flat like the canonical one, or nested like a shop's order."""
    stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    brand, card = rng.card()
    document: dict[str, Any] = {
        "user_id": user,
        "transaction_id": f"{rng.getrandbits(128):032x}",
        "timestamp": stamp,
        "amount": _amount(rng),
        "currency": rng.choice(_CURRENCIES),
        "merchant": rng.choice(_MERCHANTS),
    }
    if rng.random() < 0.4:  # noqa: PLR2004
        document["credit_card"] = card
        document["ssn"] = rng.ssn()
    else:
        name = rng.choice(_NAMES)
        city, country = rng.choice(_CITIES)
        document["type"] = "purchase"
        document["payment"] = {
            "method": "card",
            "card": {
                "brand": brand,
                "number": card,
                "expiry": f"{rng.randrange(1, 13):02d}/29",
                "holder": name,
            },
        }
        document["billing"] = {
            "name": name,
            "email": _email(rng),
            "phone": _phone(rng),
            "address": {"street": f"{rng.randrange(1, 200)} High St", "city": city, "country": country},
        }
        document["items"] = [
            {
                "sku": f"SKU-{rng.randrange(10**6):06d}",
                "name": rng.choice(_GOODS),
                "quantity": 1,
                "price": _amount(rng),
            }
            for _ in range(rng.randrange(1, 4))
        ]
        document["created_ms"] = int(time.timestamp() * 1000)
        document["ip"] = f"203.0.113.{rng.randrange(256)}"
    note = rng.random()
    if note < 0.1:  # noqa: PLR2004
        document["note"] = rng.choice(_SENSITIVE_NOTES)(rng)
    elif note < 0.5:  # noqa: PLR2004
        document["note"] = rng.choice(_PLAIN_NOTES)
    if rng.random() < 0.05:  # noqa: PLR2004
        document |= {
            "type": "refund",
            "refund_of": f"{rng.getrandbits(128):032x}",
            "gift": False,
            "coupon": None,
        }
    return document


def _with_raw(document: dict[str, Any], field: bytes) -> bytes:
    return orjson.dumps(document)[:-1] + b"," + field + b"}"


_BREAKERS: tuple[Callable[[dict[str, Any]], bytes], ...] = (
    lambda document: orjson.dumps(document)[:-20],  # truncated
    lambda document: b"card " + str(document["user_id"]).encode() + b" declined, see the log",  # no JSON at all
    lambda document: orjson.dumps([document]),  # an array
    lambda document: _with_raw(document, b'"memo":"caf\xe9 \xff"'),  # invalid UTF-8
    lambda document: orjson.dumps({key: value for key, value in document.items() if key != "user_id"}),
    lambda document: orjson.dumps(document | {"user_id": ""}),
    lambda document: b"",  # noqa: ARG005 - Kinesis takes a record without data
    lambda document: _with_raw(document, b'"score":NaN'),
    lambda document: _with_raw(document, b'"user_id":"1","note":"twice"'),  # duplicate keys
    lambda document: _with_raw(document, b'"reference":' + b"1234567890" * 5),  # 50 digits; DynamoDB holds 38
    lambda document: _with_raw(document, b'"tree":' + b'{"in":' * 40 + b"1" + b"}" * 40),  # DynamoDB: 32 levels
)
