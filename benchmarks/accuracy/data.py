"""The labelled sets: texts with spans, and single values, sorted into the kinds that the default policy claims."""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

KINDS = {
    "CREDIT_CARD": "card",
    "US_SSN": "ssn",
    "US_ITIN": "itin",
    "IBAN": "iban",
    "EMAIL": "email",
    "PHONE_NUMBER": "phone",
    "PH_MOBILE_NUMBER": "phone",
    "TR_PHONE_NUMBER": "phone",
    "IP_ADDRESS": "ip",
    "JWT": "jwt",
}
# What the policy hides after words that name it; no detector's, so not scored.
NAMED_KINDS = frozenset({"US_DRIVER_LICENSE"})
SPAN_SETS = (
    "presidio_research_synth_v2",
    "presidio_research_generated_large",
    "nannigalaxy_pii_nano",
    "presidio_recognizer_tests",
)
VALUE_SETS = ("test_pans", "validatorjs_values", "py_validators_values", "libphonenumber_examples")
# Of presidio's own tests, each row is labelled for one recogniser: only in these does no label mean none of our kinds.
OUR_RECOGNISERS = frozenset({"credit_card", "us_ssn", "us_itin", "iban", "email", "phone", "ip"})
FAMOUS = frozenset({"078051120", "219099999", "457555462", "123456789"})

_THREE_TWO_FOUR = re.compile(r"[0-9]{3}([ .-])[0-9]{2}\1[0-9]{4}")


class Label(NamedTuple):
    """A labelled value. `group`: what is scored apart from the rest of its kind; empty: the rest."""

    kind: str
    group: str
    value: str
    start: int
    end: int


class Text(NamedTuple):
    """`negative`: nothing of our kinds is in it, says its source."""

    text: str
    labels: tuple[Label, ...]
    negative: bool


class Value(NamedTuple):
    """`source`: the format, where the set has several."""

    kind: str
    group: str
    value: str
    valid: bool
    source: str


def texts(folder: Path, name: str) -> list[Text]:
    found = []
    for row in _rows(folder, name):
        text = row["text"]
        labels = tuple(
            Label(
                kind, group_of(kind, text[span["start"] : span["end"]]), text[span["start"] : span["end"]], *_ends(span)
            )
            for span in row["spans"]
            if (kind := KINDS.get(span["type"]))
        )
        ours = row.get("recognizer") is None or row["recognizer"] in OUR_RECOGNISERS
        is_named = any(span["type"] in NAMED_KINDS for span in row["spans"])
        found.append(Text(text, labels, not labels and ours and not is_named))
    return found


def values(folder: Path, name: str) -> list[Value]:
    """Give the values of our kinds, each once. A phone that is invalid is so for one country only: left out."""
    found: dict[tuple[str, str, bool], Value] = {}
    for row in _rows(folder, name):
        kind = KINDS.get(row["type"])
        if kind and row["value"].strip() and (row["valid"] or kind != "phone"):
            group = group_of(kind, row["value"])
            source = row.get("format") or ("international" if row["value"].startswith(("+", "00")) else "national")
            one = Value(kind, group, row["value"], row["valid"], source if kind == "phone" else "")
            found.setdefault((kind, one.value, one.valid), one)
    # What one validator takes and another doesn't (other options of the same test) is valid.
    return [one for (kind, value, valid), one in found.items() if valid or (kind, value, True) not in found]


def group_of(kind: str, value: str) -> str:
    digits = "".join(char for char in value if char.isdecimal())
    groups: dict[str, Callable[[str, str], str]] = {
        "card": _card_group,
        "ssn": _nine_digits_group,
        "itin": _nine_digits_group,
        "iban": lambda value, _: "" if iban_valid(value) else "fails its check digits",
        "email": lambda value, _: "" if "." in value.rpartition("@")[2] else "no top-level domain",
        "ip": lambda value, _: "" if _identifies(value) else "identifies nobody",
    }
    return groups[kind](value, digits) if kind in groups else ""


def _card_group(value: str, digits: str) -> str:
    if not 12 <= len(digits) <= 19 or re.search("[A-Za-z*]", value):
        return "partly masked, or no number"
    return "" if luhn_valid(digits) else "fails Luhn"


def _nine_digits_group(value: str, digits: str) -> str:
    if len(digits) != 9:
        return "partly masked"
    if digits in FAMOUS:
        return "famous samples"
    return "" if _THREE_TWO_FOUR.fullmatch(value) else "other than 3-2-4"


def luhn_valid(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(doubled)) % 10 == 0


def iban_valid(value: str) -> bool:
    """ISO 7064 MOD 97-10; the country's length is left to whoever made the set."""
    plain = re.sub(r"[^0-9A-Z]", "", value.upper())
    return len(plain) >= 15 and int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def _identifies(value: str) -> bool:
    """Loopback, unspecified, whole networks and `n.0.0.0` are nobody's address."""
    try:
        address = ipaddress.ip_interface(value.partition("%")[0])
    except ValueError:
        return True
    whole = "/" in value and address.ip == address.network.network_address
    plain = (address.ip.version == 6 and address.ip.ipv4_mapped) or address.ip
    return not (whole or plain.is_loopback or plain.is_unspecified or str(plain).endswith(".0.0.0"))


def _ends(span: dict[str, Any]) -> tuple[int, int]:
    return span["start"], span["end"]


def _rows(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    with (folder / f"{name}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
