import pytest

from consumer.commands.samples import samples


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b"", []),
        (b'{"a": 1}\r\n\n{"b": 2}', [b'{"a": 1}', b'{"b": 2}']),
        (b'\n[ {"a": 1.10},\n {"a": "]"} , 3 ]\n', [b'{"a": 1.10}', b'{"a": "]"}', b"3"]),
        (b"[]", []),
        (b'{\n "a": {"b": 1}\n}\n', [b'{\n "a": {"b": 1}\n}']),
        # What is neither is lines, each of which is judged for itself.
        (b'[1]\n{"a": 1}', [b"[1]", b'{"a": 1}']),
        (b'[{"a": 1},\n{"a": ', [b'[{"a": 1},', b'{"a": ']),
        (b'{"a": 1}\n{"a": ', [b'{"a": 1}', b'{"a": ']),
        (b'[\xff]\n{"a": 1}', [b"[\xff]", b'{"a": 1}']),
        (b"[" * 100_000, [b"[" * 100_000]),
    ],
)
def test_records_are_lines_or_the_items_of_an_array_byte_for_byte(content: bytes, records: list[bytes]) -> None:
    assert samples(content) == records
