import json
import re
import time
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import Any

from consumer.local.transactions import (
    _TEST_IBANS,
    _TEST_SSNS,
    CANONICAL,
    TEST_CARDS,
    Transaction,
    transactions,
)


def test_the_canonical_record_comes_first() -> None:
    first = next(transactions(seed=3, count=1))
    assert first.data == CANONICAL
    assert json.loads(first.data)["credit_card"] == "4532-1234-5678-9012"
    assert first.partition_key == "12345"


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert list(transactions(1, 500)) == list(transactions(1, 500))
    assert list(transactions(1, 500))[1:] != list(transactions(2, 500))[1:]


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    assert list(islice(transactions(5, 1000), 100)) == list(transactions(5, 100))


def test_a_run_is_one_users() -> None:
    made = list(transactions(1, 103, run=20))
    users = [{each.partition_key for each in made[first : first + 20]} for first in range(0, 103, 20)]
    assert all(len(each) == 1 for each in users)
    assert len(set.union(*users)) == 6
    assert made[0].data == CANONICAL


def test_gives_as_many_as_asked_for() -> None:
    assert [sum(1 for _ in transactions(1, count)) for count in (0, 1, 2, 137)] == [0, 1, 2, 137]


def test_about_one_in_a_hundred_is_broken_and_all_others_can_be_stored() -> None:
    broken = 0
    for transaction in transactions(11, 20_000):
        assert transaction.partition_key
        try:
            document = json.loads(transaction.data)
        except ValueError:
            document = None
        if not isinstance(document, dict) or document.get("user_id") in {None, "", "1"}:
            broken += 1
            continue
        assert document["user_id"] == transaction.partition_key
        assert re.fullmatch(r"2024-03-\d\dT[\d:.]+Z", document["timestamp"])
    assert 60 < broken < 300


def test_cards_pass_luhn() -> None:
    found = 0
    for transaction in islice(transactions(2, 2000), 1, None):
        match = re.search(rb'"number":"([\d .-]+)"', transaction.data)
        if not match:
            continue
        digits = [int(digit) for digit in match[1].decode() if digit.isdigit()]
        doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
        assert (sum(doubled) + sum(digits[::-2])) % 10 == 0
        found += 1
    assert found > 500


def test_is_no_bottleneck_of_a_load_test() -> None:
    start = time.process_time()
    count = sum(1 for _ in transactions(1, 5000))
    assert count / (time.process_time() - start) > 5000  # 25,000 a second when the machine is free


def test_published_numbers_are_the_only_ones_of_a_sample() -> None:
    """In the fields for them, and in the notes that hold them among words."""
    canonical = json.loads(CANONICAL)
    cards = {number for _, number in TEST_CARDS} | {re.sub(r"\D", "", canonical["credit_card"])}
    ssns = {re.sub(r"\D", "", number) for number in (*_TEST_SSNS, canonical["ssn"])}
    found: dict[str, set[str]] = {"cards": set(), "ssns": set(), "ibans": set()}
    for document in _whole(transactions(5, 2000, published=True)):
        card = document.get("credit_card") or document["payment"]["card"]["number"]
        found["cards"].add(_digits(card))
        if "ssn" in document:
            found["ssns"].add(_digits(document["ssn"]))
        note = document.get("note", "")
        found["ibans"].update(re.findall(IBAN, note))
        for number in re.findall(r"\d{9,}", _joined(re.sub(IBAN, "", note))):
            if number != ORDER:
                found["ssns" if len(number) == 9 else "cards"].add(number)
    assert found == {"cards": cards, "ssns": ssns, "ibans": set(_TEST_IBANS)}


IBAN = r"\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}"
ORDER = "20240315103000123"  # in a note that holds nothing sensitive


def _whole(made: Iterator[Transaction]) -> Iterator[dict[str, Any]]:
    for transaction in made:
        try:
            document = json.loads(transaction.data)
        except ValueError:
            continue  # broken on purpose
        if isinstance(document, dict):
            yield document


def _joined(text: str) -> str:
    """Return it with numbers in one run: without what stands between digits, and wide digits as narrow ones."""
    return re.sub(r"(?<=\d)[\s.-]+(?=\d)", "", unicodedata.normalize("NFKC", text))


def _digits(text: str) -> str:
    return re.sub(r"\D", "", _joined(text))
