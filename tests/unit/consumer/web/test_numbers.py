"""Numbers as people read them."""

import pytest

from consumer.web.numbers import counted, number, per_second, percent, seconds, size


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "\u2013"),
        (0.0, "0 ms"),
        (0.1234, "123 ms"),
        (2.34, "2.3 s"),
        (45, "45 s"),
        (119, "119 s"),
        (600, "10 min"),
        (3 * 3600, "3 h"),
        (5 * 86400, "5 d"),
    ],
)
def test_a_time_span_is_readable(value: float | None, shown: str) -> None:
    assert seconds(value) == shown


def test_numbers_are_readable() -> None:
    assert [number(value) for value in (None, 0, 9_999_999, 12_345_678, 12_345_678_901)] == [
        *("\u2013", "0", "9,999,999", "12.3 M", "12.3 bn")
    ]
    assert [per_second(value) for value in (None, 0.0, 0.26, 12345.6)] == ["\u2013", "0", "0.3", "12,346"]
    assert [percent(*pair) for pair in ((0, 0), (1, 3), (1, 10**9), (0, 5))] == [
        *("\u2013", "33.33 %", "< 0.01 %", "0.00 %")
    ]
    assert [size(value) for value in (2**19, 50 * 2**20, 3 * 2**30)] == ["0.5 MiB", "50 MiB", "3.0 GiB"]


def test_one_is_no_plural() -> None:
    assert [counted(count, "worker") for count in (0, 1, 1234)] == ["0 workers", "1 worker", "1,234 workers"]
