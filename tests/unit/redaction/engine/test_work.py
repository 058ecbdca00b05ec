import json
import random
from typing import Any

import pytest

from redaction.engine import PolicyRedactor
from redaction.engine.work import budget_for
from redaction.plugin import Released
from redaction.policy import load_policy

KB = 1024


@pytest.mark.parametrize(
    ("size", "share"), [(0, 2), (100 * KB, 1.5), (200 * KB, 1), (400 * KB, 1), (800 * KB, 2), (10_000 * KB, 25)]
)
def test_what_a_record_may_cost_follows_its_size(size: int, share: float) -> None:
    assert budget_for(1000, size) == 1000 * share


def iban(number: int) -> str:
    account = f"37040044{number * 104729 % 10**10:010d}"
    return f"DE{98 - int(account + '131400') % 97:02d}{account}"


CHANCE = random.Random(18)  # noqa: S311 - reproducible, not secret
LISTS: dict[str, list[Any]] = {
    "e-mail addresses": [f"user.{n}@mail{n % 40}.example.com" for n in range(2500)],
    "telephone numbers": [f"+1 202 555 {n:04d}" for n in range(2500)],
    "IP addresses": [f"10.{n % 7}.{n // 250}.{n % 250}" for n in range(2500)],
    "integers of 13 digits": [CHANCE.randrange(10**12, 10**13) for _ in range(2500)],
    "card numbers": ["4111 1111 1111 1111"] * 2500,
    "IBANs": [iban(n) for n in range(2500)],
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_of_thousands_is_ordinary_data(kind: str) -> None:
    [verdict] = PolicyRedactor(load_policy("default")).redact([json.dumps({"items": LISTS[kind]}).encode()])
    assert isinstance(verdict, Released), verdict
