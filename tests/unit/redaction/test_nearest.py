"""What was probably meant."""

import pytest

from redaction.nearest import nearest

KNOWN = ["card", "credential", "email", "iban", "ip", "national_id", "phone", "ssn"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("creditcard", "card"),
        ("credit_card", "card"),
        ("Card", "card"),
        ("e-mail", "email"),
        ("credentail", "credential"),
        ("phone_number", "phone"),
        ("national", "national_id"),
        ("zzz", None),
        ("description", None),
        ("", None),
    ],
)
def test_what_was_meant(name: str, meant: str | None) -> None:
    assert nearest(name, KNOWN) == meant


def test_the_longest_part_is_the_nearest() -> None:
    assert nearest("the_card_number", ["number", "card_number"]) == "card_number"
