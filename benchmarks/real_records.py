"""Records as the world sends them, for measuring: a web order, a charge, and a mix of all kinds of payload. Seeded.

No text comes twice that would not in real traffic: numbers and identifiers are drawn anew for each record, but for
those that have to be hidden, which keep their check digits.
"""

import json
import random
import re
from collections.abc import Collection
from functools import cache
from typing import Any, Final

from benchmarks.accuracy.payload_set import Payload, payload_set
from redaction.engine import PolicyRedactor
from redaction.plugin import Released
from redaction.policy import load_policy

_MANY: Final = 30
"""At most so many payloads make one record."""

_ONE_IN: Final = 6
"""So often several do: most records have 0.3 to 1.2 KB, and the largest 24 KB."""

_DIGIT: Final = re.compile(r"[0-9]")
_LONG: Final = 10**6
_DIGITS: Final = "0123456789"


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
    payloads = payload_set()
    records: list[bytes] = []
    for _ in range(count):
        is_clean = rng.random() >= finding_in
        size = rng.randrange(2, _MANY) if rng.randrange(_ONE_IN) == 0 else 1
        documents = [_payload(rng.choice(payloads), rng, is_clean=is_clean) for _ in range(size)]
        records.append(_written(documents[0] if size == 1 else {"batch": documents}))
    return records


def _payload(payload: Payload, rng: random.Random, *, is_clean: bool) -> Any:
    if is_clean:
        return _drawn(_redacted(payload.text), rng, ())
    return _drawn(json.loads(payload.text), rng, payload.hidden)


@cache
def _redacted(text: str) -> Any:
    [verdict] = _default().redact([text.encode()])
    return verdict.document if isinstance(verdict, Released) else {}


@cache
def _default() -> PolicyRedactor:
    return PolicyRedactor(load_policy("default"))


def _drawn(value: Any, rng: random.Random, hidden: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {name: _drawn(each, rng, hidden) for name, each in value.items()}
    if isinstance(value, list):
        return [_drawn(each, rng, hidden) for each in value]
    if isinstance(value, str) and not any(_meet(value, piece) for piece in hidden):
        return _DIGIT.sub(lambda _: rng.choice(_DIGITS), value) if len(value) > 2 * len("2026") else value
    if isinstance(value, int) and value > _LONG:
        return rng.randrange(value // 10, value)
    return value


def _meet(value: str, piece: str) -> bool:
    plain = json.dumps(value, ensure_ascii=False)[1:-1]
    return plain in piece or piece in plain


def _written(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _web_order(rng: random.Random) -> dict[str, Any]:
    return {
        "order_id": rng.randrange(10**11, 10**12),
        "user_id": f"u{rng.randrange(10**6)}",
        "email": f"b{rng.randrange(10**6)}@example.org",
        "ip": f"203.0.113.{rng.randrange(1, 255)}",
        "card": {
            "brand": "visa",
            "last4": "4242",
            "number": "4242424242424242",
            "exp_month": rng.randrange(1, 13),
            "exp_year": rng.randrange(2027, 2032),
        },
        "items": [
            {
                "sku": f"SKU-{rng.randrange(10**5)}",
                "name": rng.choice(("Blue T-Shirt (L)", "Kettle, 1.7 l", "Notebook A5, dotted")),
                "qty": rng.randrange(1, 4),
                "price": rng.randrange(100, 10_000) / 100,
            }
            for _ in range(3)
        ],
        "shipping": {
            "name": "N. N.",
            "street": f"{rng.randrange(1, 200)} Main St",
            "city": "Springfield",
            "zip": "62701",
            "country": "US",
            "phone": f"+1 217 555 {rng.randrange(10**4):04}",
        },
        "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{rng.randrange(90, 140)}.0.0.0 Safari/537.36",
        "created_at": f"2026-03-15T10:{rng.randrange(60):02}:{rng.randrange(60):02}Z",
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
    address = {"city": "Berlin", "country": "DE", "line1": f"Hauptstr. {rng.randrange(1, 200)}", "line2": None}
    address |= {"postal_code": f"{rng.randrange(10_115, 14_200)}", "state": None}
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
            "name": "N. N.",
            "phone": f"+4930{rng.randrange(10**7):07}",
            "tax_id": None,
        },
        "calculated_statement_descriptor": "CORNER BOOKS",
        "captured": True,
        "created": created,
        "currency": "eur",
        "customer": _id(rng, "cus_", 14),
        "description": f"Order {rng.randrange(10**5)} of {rng.randrange(1, 9)} books",
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
                "last4": f"{rng.randrange(10**4):04}",
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
        "shipping": {"address": address, "carrier": "DHL", "name": "N. N.", "phone": None, "tracking_number": None},
        "source": {
            "id": _id(rng, "card_"),
            "object": "card",
            "brand": "Visa",
            **checks,
            "country": "DE",
            "customer": None,
            "dynamic_last4": None,
            "exp_month": 12,
            "exp_year": 2030,
            "fingerprint": _id(rng, "", 16),
            "funding": "credit",
            "last4": "4242",
            "metadata": {},
            "name": None,
            "tokenization_method": None,
        },
        "statement_descriptor": "CORNER BOOKS",
        "status": "succeeded",
    }
