import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.detectors.context import CARD_WORDS, IDENTIFIERS, is_of_trade, line_start, named, words_of

NUMBER = b"4111111111111111"


def words_before(before: bytes, after: bytes = b"") -> set[str]:
    return set(named(before + NUMBER + after, len(before), len(before) + len(NUMBER)))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (b"order_id", {"order", "id"}),
        (b"orderId", {"order", "id"}),
        (b"OrderItemID", {"order", "item", "id"}),
        (b"order-id", {"order", "id"}),
        (b"orderid", {"order", "id"}),
        (b"gtin13", {"gtin"}),
        (b"x[user][id]", {"x", "user", "id"}),
        (b"accountnumber", {"account", "number"}),
        (b"primaryAccountNumber", {"primary", "account", "number", "pan"}),
        (b"candidate", {"candidate"}),
        (b"", set()),
    ],
)
def test_words_of_names(name: bytes, words: set[str]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'order_id":"', b""),
        (b'order_id":', b"\nnext"),
        (b'one text\norder_id":"', b""),
        (b'"order_id=', b"&n=1"),
        (b'"{\\"order_id\\": \\"', b'\\"}'),
        (b'"x[order_id]=', b" ok"),
        (b'"x%5Border_id%5D=', b";"),
    ],
)
def test_the_name_before_a_value(before: bytes, after: bytes) -> None:
    assert words_before(before, after) >= {"order", "id"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'order_id":"card ', b""),
        (b'order_id":"', b" 12/27"),
        (b'order_id":"x\n', b""),
        (b'"order id: ', b""),
        (b'"see the order ', b""),
        (b'"', b""),
        (b"[", b""),
    ],
)
def test_no_name_speaks_for_a_part_or_across_a_sentence(before: bytes, after: bytes) -> None:
    assert words_before(before, after) == set()


def test_of_trade_and_of_persons() -> None:
    assert is_of_trade(b'order_no":"630-596-1111', 11, 23)
    assert is_of_trade(b'"order number 630-596-1111', 14, 26)
    assert not is_of_trade(b'order_phone":"630-596-1111', 14, 26)
    assert not is_of_trade(b'"to order 630-596-1111', 10, 22)


def test_no_word_says_both() -> None:
    assert not CARD_WORDS & IDENTIFIERS


@given(st.binary(max_size=200).map(lambda text: bytes(byte & 0x7F for byte in text)), st.integers(0, 200))
def test_anything_may_stand_before(view: bytes, place: int) -> None:
    first = min(place, len(view))
    assert first - 80 <= line_start(view, first, 80) <= first or not first
    named(view, first, len(view))
