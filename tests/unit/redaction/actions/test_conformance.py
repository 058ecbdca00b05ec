"""Every built-in action against the kit that authors of plug-ins use."""

from decimal import Decimal

import pytest

from redaction.actions.base import Action
from redaction.actions.encrypt import Encrypt
from redaction.actions.generalise import Generalise
from redaction.actions.mask import Mask
from redaction.actions.replace import Replace
from redaction.actions.spec import BUILT_IN
from redaction.actions.tokenise import Hash, Tokenise
from redaction.keys import Key, Keyring
from redaction.testing import ACTION_CHECKS, ActionCheck, Values

RING = Keyring("customer", [Key("b", b"\x02" * 32), Key("a", b"\x01" * 32)])
SENSITIVE = (
    "4111 1111 1111 1111",
    4111111111111111,
    "paid with 4242 4242 4242 4242 by jane@example.com",
    "DE89370400440532013000",
    "SSN 219-09-9999, call +1 202 555 0143 from 203.0.113.7",
    "Jane Doe",
    Decimal("12345.67"),
)
DATES = Values(hidden=["1980-02-29", "29.02.1980", 19800229, "Jane Doe", 123456], shown=["1980", 1980, True])
AMOUNTS = Values(hidden=[Decimal("123.45"), "678.90", 4567, "Jane Doe"], shown=[100, Decimal("-0.5"), "50", 0, True])
ADDRESSES = Values(
    hidden=["203.0.113.7", "2001:db8:1:2::3", "Jane Doe", 3405803783], shown=["203.0.113.0/24", "2001:db8:1::/48"]
)

SUBJECTS: list[tuple[str, Action, Values]] = [
    ("mask", Mask(), Values(SENSITIVE, [True, 1])),
    ("mask last4", Mask("last4"), Values(SENSITIVE, ["************1111"])),
    ("mask bin_last4", Mask("bin_last4"), Values(SENSITIVE, ["411111******1111"])),
    ("replace", Replace("[gone]"), Values(SENSITIVE, ["[gone]"])),
    ("generalise year", Generalise("year"), DATES),
    ("generalise month", Generalise("month"), DATES),
    ("generalise network", Generalise("network"), ADDRESSES),
    ("generalise bucket", Generalise("bucket", Decimal(50)), AMOUNTS),
    ("generalise bucket 0.25", Generalise("bucket", Decimal("0.25")), Values(hidden=[Decimal("123.45"), "Jane Doe"])),
    ("tokenise", Tokenise(RING, "rule"), Values(SENSITIVE, [True, 0.5])),
    ("tokenise fixed", Tokenise(RING, "rule", "person_1"), Values(SENSITIVE)),
    ("hash", Hash(RING, "rule"), Values(SENSITIVE, [True, 0.5])),
    ("encrypt", Encrypt(RING, "rule"), Values(SENSITIVE, [True, 0.5])),
]


def test_all_value_actions_are_tried() -> None:
    assert {action.name for _, action, _ in SUBJECTS} == set(BUILT_IN) - {"drop", "release", "quarantine"}


@pytest.mark.parametrize("check", ACTION_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("action", "values"), [each[1:] for each in SUBJECTS], ids=[each[0] for each in SUBJECTS])
def test_a_built_in_action_conforms(action: Action, values: Values, check: ActionCheck) -> None:
    check(action, values)
