"""Records as the world sends them, for measuring: a web order, a charge, a mix of all kinds of payload, and of sizes.

Seeded. No text comes twice that would not in real traffic: names, descriptions, numbers and identifiers are drawn anew
for each record (`benchmarks/redrawn.py`). What has to be hidden in orders and charges stands in `PLANTED`.
"""

import json
import random
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

from benchmarks.accuracy.payload_set import Payload, payload_set
from benchmarks.accuracy.transactions import card_number
from benchmarks.redrawn import Template, filled, template
from redaction.engine import PolicyRedactor
from redaction.plugin import Released
from redaction.policy import load_policy

PLANTED: Final = {
    "web order": ("email", "ip", "card.number", "shipping.phone"),
    "charge": ("billing_details.email", "billing_details.phone", "receipt_email"),
}
"""Paths of what has to be hidden, by kind."""

_MANY: Final = 30
"""At most so many payloads make one record of the mix."""

_ONE_IN: Final = 6
"""So often several do: most records have 0.3 to 1.2 KB, and the largest 24 KB."""

_SMALL: Final = 60
"""Bytes that a part of a payload has at least."""

_TRIES: Final = 20
"""So often a part is drawn to see whether nothing is found in it."""

_DRAWN: Final = frozenset(
    ("a card number", "an e-mail address", "an address of a person's device", "an IBAN", "a date of birth")
)
"""Why something has to be hidden, where `redrawn` makes another that has to."""

_ENDING: Final = frozenset(
    (
        "a telephone number", "a social security number", "a credential", "a session's cookie", "a session's id",
        "an account number", "a one-time password",
    )
)  # fmt: skip
"""The same, where the last four letters and digits are nobody's check digits."""


def web_orders(count: int) -> list[bytes]:
    """Give orders of a shop, with the card, the address and the browser of whoever bought; 0.7 KB."""
    rng = random.Random(11)  # noqa: S311 - repeatable by design
    return [_written(_web_order(rng)) for _ in range(count)]


def charges(count: int) -> list[bytes]:
    """Give charges as a payment provider tells of them: many fields, many of them empty; 3 KB."""
    rng = random.Random(12)  # noqa: S311
    return [_written(_charge(rng)) for _ in range(count)]


def mixed(count: int, finding_in: float) -> list[bytes]:
    """Give records of all kinds of payload.

    :param finding_in: the share of them in which something has to be hidden.
    """
    rng = random.Random(13)  # noqa: S311
    clean, sensitive = _parts(is_clean=True, most=None), _parts(is_clean=False, most=None)
    records: list[bytes] = []
    for _ in range(count):
        size = rng.randrange(2, _MANY) if rng.randrange(_ONE_IN) == 0 else 1
        parts = sensitive if rng.random() < finding_in else clean
        records.append(_together([filled(rng.choice(parts).pieces, rng) for _ in range(size)]))
    return records


def sized(count: int, size: int, finding_in: float) -> list[bytes]:
    """Give records of about `size` bytes: a payload or a part of one, or as many as it takes.

    :param finding_in: the share of them in which something has to be hidden.
    """
    rng = random.Random(size)  # noqa: S311
    clean, sensitive = (_parts(is_clean=is_clean, most=size) for is_clean in (True, False))
    records: list[bytes] = []
    for _ in range(count):
        parts = sensitive if rng.random() < finding_in else clean
        chosen, room = [], size
        while fitting := bisect_right(parts, room, key=lambda part: part.size):
            # Of the larger ones that fit, so that a record is a few whole payloads and no heap of crumbs.
            part = parts[rng.randrange(max(0, fitting - max(10, fitting // 3)), fitting)]
            chosen.append(filled(part.pieces, rng))
            room -= part.size + 1
        records.append(_together(chosen))
    return records


def _together(documents: list[str]) -> bytes:
    return (documents[0] if len(documents) == 1 else f'{{"batch":[{",".join(documents)}]}}').encode()


class _Part(NamedTuple):
    """A payload, or an object of one: as it is, or after it was redacted."""

    size: int
    pieces: Template


@cache
def _parts(*, is_clean: bool, most: int | None) -> list[_Part]:
    """Return whole payloads, or what of them has at most so many bytes, the smallest first.

    Those with something to hide, or what is left of all of them when that is hidden.
    """
    made = [part for payload in payload_set() for part in _parts_of(payload, most, is_clean=is_clean)]
    return sorted(made, key=lambda part: part.size)


def _parts_of(payload: Payload, most: int | None, *, is_clean: bool) -> Iterator[_Part]:
    document = _redacted(payload.text) if is_clean else json.loads(payload.text)
    kept = {} if is_clean else {piece: why in _ENDING for piece, why in payload.hidden.items() if why not in _DRAWN}
    fits_whole = most is None or len(payload.text.encode()) <= most
    for each in [document] if fits_whole else _objects(document):
        text = json.dumps(each, ensure_ascii=False, separators=(",", ":"))
        size = len(text.encode())
        if most is not None and not _SMALL <= size <= most:
            continue
        part = _Part(size, template(each, kept))
        if _is_left_alone(part) if is_clean else any(piece in text for piece in payload.hidden):
            yield part


def _is_left_alone(part: _Part) -> bool:
    rng = random.Random(part.size)  # noqa: S311
    verdicts = _default().redact([filled(part.pieces, rng).encode() for _ in range(_TRIES)])
    return all(isinstance(verdict, Released) and not verdict.applied for verdict in verdicts)


def _objects(value: Any) -> Iterator[Any]:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        if isinstance(child, dict):
            yield child
        yield from _objects(child)


@cache
def _redacted(text: str) -> Any:
    [verdict] = _default().redact([text.encode()])
    return verdict.document if isinstance(verdict, Released) else {}


@cache
def _default() -> PolicyRedactor:
    return PolicyRedactor(load_policy("default"))


def _written(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


_FIRST: Final = re.findall(
    r"\w+",
    "Ada Amara Anna Ben Carla Chen Daniel David Elena Emma Farid Fatima Grace Hana Hugo Ines Ivan Jonas Julia Kofi "
    "Laura Leila Li Lucas Maria Marta Mei Mohamed Nadia Nina Noah Olga Omar Paul Petra Priya Rosa Sam Sofia Tom Yuki",
)
_LAST: Final = re.findall(
    r"\w+",
    "Adeyemi Alvarez Bauer Becker Brown Chang Costa Dubois Evans Fischer Garcia Haddad Hansen Ito Jansen Johnson Kaya "
    "Khan Kim Kowalski Lopez Martin Meyer Moreau Nguyen Novak Okafor Olsen Patel Petrov Ricci Rossi Sato Schmidt Silva",
)
_STREETS: Final = re.findall(
    r"\w+", "Birch Cedar Church Elm Garden High Hill Lake Main Maple Mill Oak Park River Station"
)
_CITIES: Final = (
    ("Springfield", "627"), ("Portland", "972"), ("Columbus", "432"), ("Denver", "802"), ("Madison", "537"),
    ("Austin", "787"), ("Salem", "973"), ("Dayton", "454"), ("Albany", "122"), ("Boise", "837"),
)  # fmt: skip
_LOOKS: Final = re.findall(
    r"\w+", "Blue Red Green Black White Striped Dotted Woollen Cotton Steel Oak Linen Small Tall"
)
_GOODS: Final = (
    "T-Shirt (L)", "T-Shirt (M)", "Kettle, 1.7 l", "Notebook A5", "Backpack 20 l", "Desk Lamp", "Water Bottle, 750 ml",
    "Scarf", "Running Socks, 3 pairs", "Coffee Mug", "Phone Case", "USB-C Cable, 2 m", "Bath Towel 70x140", "Cushion",
)  # fmt: skip


def _name(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"


def _web_order(rng: random.Random) -> dict[str, Any]:
    city, zip_code = rng.choice(_CITIES)
    number = card_number(rng, rng.choice(("424242", "401288", "555555", "222300")))
    return {
        "order_id": rng.randrange(10**11, 10**12),
        "user_id": f"u{rng.randrange(10**6)}",
        "email": f"b{rng.randrange(10**6)}@example.org",
        "ip": f"203.0.{rng.randrange(256)}.{rng.randrange(1, 255)}",
        "card": {
            "brand": "visa" if number[0] == "4" else "mastercard",
            "last4": number[-4:],
            "number": number,
            "exp_month": rng.randrange(1, 13),
            "exp_year": rng.randrange(2027, 2032),
        },
        "items": [
            {
                "sku": f"SKU-{rng.randrange(10**5)}",
                "name": f"{rng.choice(_LOOKS)} {rng.choice(_GOODS)}",
                "qty": rng.randrange(1, 4),
                "price": rng.randrange(100, 10_000) / 100,
            }
            for _ in range(3)
        ],
        "shipping": {
            "name": _name(rng),
            "street": f"{rng.randrange(1, 2000)} {rng.choice(_STREETS)} St",
            "city": city,
            "zip": f"{zip_code}{rng.randrange(100):02}",
            "country": "US",
            "phone": f"+1 217 555 {rng.randrange(10**4):04}",
        },
        "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{rng.randrange(90, 140)}.0.{rng.randrange(7000)}.{rng.randrange(200)} Safari/537.36",
        "created_at": f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
        f"T{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}Z",
    }


_IDS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_EMPTY: Final = re.findall(
    r"\w+",
    "application application_fee application_fee_amount destination dispute failure_code failure_message invoice "
    "level3 on_behalf_of order receipt_number review source_transfer statement_descriptor_suffix transfer "
    "transfer_group",
)


def _id(rng: random.Random, prefix: str, length: int = 24) -> str:
    return prefix + "".join(rng.choices(_IDS, k=length))


def _charge(rng: random.Random) -> dict[str, Any]:
    amount, created, charge = rng.randrange(100, 10**5), rng.randrange(1_700_000_000, 1_800_000_000), _id(rng, "ch_")
    street, name = f"{rng.choice(_LAST)}str. {rng.randrange(1, 200)}", _name(rng)
    address = {"city": "Berlin", "country": "DE", "line1": street, "line2": None}
    address |= {"postal_code": f"{rng.randrange(10_115, 14_200)}", "state": None}
    last4 = f"{rng.randrange(10**4):04}"
    checks = {"address_line1_check": "pass", "address_postal_code_check": "pass", "cvc_check": "pass"}
    return {
        "id": charge,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        **dict.fromkeys(_EMPTY),
        "balance_transaction": _id(rng, "txn_"),
        "billing_details": {
            "address": address,
            "email": f"j{rng.randrange(10**6)}@example.com",
            "name": name,
            "phone": f"+4930{rng.randrange(10**7):07}",
            "tax_id": None,
        },
        "calculated_statement_descriptor": "CORNER BOOKS",
        "captured": True,
        "created": created,
        "currency": "eur",
        "customer": _id(rng, "cus_", 14),
        "description": f"Order {rng.randrange(10**6)}: {rng.choice(_LOOKS)} {rng.choice(_GOODS)}",
        "disputed": False,
        "fraud_details": {},
        "livemode": True,
        "metadata": {"order_id": str(rng.randrange(10**6)), "cart": _id(rng, "", 32), "channel": "web"},
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": rng.randrange(99),
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "payment_intent": _id(rng, "pi_"),
        "payment_method": _id(rng, "pm_"),
        "payment_method_details": {
            "card": {
                "amount_authorized": amount,
                "authorization_code": f"{rng.randrange(10**6):06}",
                "brand": "visa",
                "checks": checks,
                "country": "DE",
                "exp_month": rng.randrange(1, 13),
                "exp_year": rng.randrange(2027, 2032),
                "extended_authorization": {"status": "disabled"},
                "fingerprint": _id(rng, "", 16),
                "funding": "credit",
                "incremental_authorization": {"status": "unavailable"},
                "installments": None,
                "last4": last4,
                "mandate": None,
                "multicapture": {"status": "unavailable"},
                "network": "visa",
                "network_token": {"used": False},
                "network_transaction_id": str(rng.randrange(10**14, 10**15)),
                "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
                "regulated_status": "unregulated",
                "three_d_secure": None,
                "wallet": None,
            },
            "type": "card",
        },
        "radar_options": {},
        "receipt_email": f"j{rng.randrange(10**6)}@example.com",
        "receipt_url": f"https://pay.example.com/receipts/payment/{_id(rng, '', 108)}",
        "refunded": False,
        "refunds": {"object": "list", "data": [], "has_more": False, "url": f"/v1/charges/{charge}/refunds"},
        "shipping": {"address": address, "carrier": "DHL", "name": name, "phone": None, "tracking_number": None},
        "source": {
            "id": _id(rng, "card_"),
            "object": "card",
            "brand": "Visa",
            **checks,
            "country": "DE",
            "customer": None,
            "dynamic_last4": None,
            "exp_month": rng.randrange(1, 13),
            "exp_year": rng.randrange(2027, 2032),
            "fingerprint": _id(rng, "", 16),
            "funding": "credit",
            "last4": last4,
            "metadata": {},
            "name": None,
            "tokenization_method": None,
        },
        "statement_descriptor": "CORNER BOOKS",
        "status": "succeeded",
    }
