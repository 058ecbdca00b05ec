"""What `auto` makes of a record: compression and framing, and what stays one document."""

import gzip
import json
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from backports import zstd
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.decoder import Decoded, Undecodable
from consumer.decoding.auto import Auto
from consumer.decoding.framing import is_object
from tests.kits.decoding import context, data_of
from tests.kits.examples import examples

AUTO = Auto({}, context())


def objects_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.text(max_size=5) | st.sampled_from(["}{", "},{", "}\n{", '"', "\\"]), inner, max_size=4)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | objects_of(inner), max_leaves=8)
compressions = st.sampled_from([gzip.compress, zlib.compress, zstd.compress, lambda data: data])


objects = objects_of(values)
written = st.builds(
    lambda document, indent, separators, is_ascii: json.dumps(
        document, indent=indent, separators=separators, ensure_ascii=is_ascii
    ).encode(errors="surrogatepass"),
    objects,
    st.sampled_from([None, 1]),
    st.sampled_from([(",", ":"), (", ", ": ")]),
    st.booleans(),
)
compact = objects.map(lambda document: json.dumps(document).encode())
endings = st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\n \t\n"])


def documents(data: bytes) -> list[bytes]:
    return data_of(AUTO.decode(data))


@given(written, st.sampled_from([b"", b" ", b"\n", b"\r\n"]), st.sampled_from([b"", b"\n", b" \n\n"]))
def test_one_object_stays_as_it_is(document: bytes, before: bytes, after: bytes) -> None:
    data = before + document + after
    assert documents(data) == [data]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n",
        b"{",
        b"}",
        b"[",
        b"[]",
        b" [ ] ",
        b"null",
        b"5",
        b'"{}"',
        b"not JSON",
        b'\xef\xbb\xbf{"a":1}',
        b'\xef\xbb\xbf{"a":1}\n{"b":2}',
        '{"a":1}'.encode("utf-16"),
        '{"a":1}\n{"b":2}'.encode("utf-16-le"),
        b'[{"a":1},2]',
        b'[{"a":1},[{"b":2}]]',
        b'[{"a":1},{"b":2}',
        b'[{"a":1},{"b":2}],',
        b'[{"a":1},{"b":2},]',
        b'[{"a":1}{"b":2}]',
        b'[{"a":1},{"b":2}]\n[{"a":1},{"b":2}]',
        b'{"a":1},\n{"b":2}',
        b'{"a":1}{"b":2',
        b'{"a":1}{"b":2}}',
        b'{"a":1} x {"b":2}',
        b'{"a":1}{"b":\xff}',
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b'{"a":"\xff"}',
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b"[" * 5000,
        b'{\n"items":[\n{"x":1},\n{"x":2}\n',
    ],
)
def test_what_cannot_be_made_sense_of_is_one_document_as_it_is(data: bytes) -> None:
    assert documents(data) == [data]
    for compress in (gzip.compress, zlib.compress, zstd.compress):
        assert documents(compress(data)) == [data]


@given(st.lists(compact, min_size=2, max_size=5), endings, endings | st.just(b""), compressions)
def test_lines_are_documents(
    each: list[bytes],
    ending: bytes,
    end: bytes,
    compress: Callable[[bytes], bytes],
) -> None:
    assert documents(compress(ending.join(each) + end)) == each


@given(st.lists(written, min_size=1, max_size=5), st.sampled_from([b"", b" ", b"\n"]), compressions)
def test_the_objects_of_an_array_are_documents(
    each: list[bytes], space: bytes, compress: Callable[[bytes], bytes]
) -> None:
    assert documents(compress(space + b"[" + (space + b"," + space).join(each) + b"]" + space)) == each


@given(st.lists(written, min_size=2, max_size=5), st.sampled_from([b"", b" ", b"\n"]))
def test_objects_one_after_the_other_are_documents(each: list[bytes], space: bytes) -> None:
    assert documents(space.join(each)) == each


@given(written, written, st.sampled_from([b"", b" ", b"\n", b"\n\n"]))
@example(b'{"a":1}', b'{"b":1}', b"\n")
def test_what_passes_is_one_document(first: bytes, second: bytes, space: bytes) -> None:
    assert not AUTO.passes(first + space + second)
    assert not AUTO.passes(b"[" + first + b"]")


@given(st.lists(written, min_size=2, max_size=4), st.data(), st.sampled_from([b"", b" ", b","]))
def test_of_what_is_cut_short_no_half_is_a_document(each: list[bytes], data: st.DataObject, separator: bytes) -> None:
    whole = (b"[" if separator == b"," else b"") + separator.join(each) + (b"]" if separator == b"," else b"")
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    made = documents(cut)
    assert made == [cut] or made == each[: len(made)]


LINES = [b'{"n":1}', b'{"n":2}', b'{"n":3}', b'{"n":4}']


@pytest.mark.parametrize(
    "bad",
    [
        b"broken",
        b"{",
        b'{"n"',
        b'{"n":',
        b'{"n":"x',
        b'{"n":"x\\',
        b'{"n":{"m":[1,{"o":2',
        b'{"n":1}}',
        b'{"n":1},',
        b'{"n":1}{"n":2}',
        b'{"n":NaN}',
        b'{"n":"\xff"}',
        b'{"n":[1,2}',
        b"null",
        b"[1]",
        b'"{"',
        b'"',
        b"\xef\xbb\xbf{}",
        b"a } b { c",
        b"{'n': 1}",
    ],
)
def test_a_bad_line_does_not_take_its_neighbours_along(bad: bytes) -> None:
    assert documents(b"\n".join([*LINES[:2], bad, *LINES[2:]])) == [*LINES[:2], bad, *LINES[2:]]
    assert documents(b"\n".join([*LINES, bad])) == [*LINES, bad]


@given(st.lists(compact, min_size=2, max_size=4), st.data())
def test_a_line_cut_short_is_bad_alone(each: list[bytes], data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(each) - 1))
    cut = each[place][: data.draw(st.integers(1, len(each[place]) - 1))]
    if cut.rstrip(b" ").endswith((b"[", b"},")):
        return  # an element of several lines could follow
    lines = [*each[:place], cut.rstrip(b" "), *each[place + 1 :]]
    assert documents(b"\n".join(lines)) == lines


@pytest.mark.parametrize(
    "broken",
    [
        [b'{"items":[', b'{"x":1},', b'{"x":2}', b"]}"],
        [b'{"items":[', b'{"x":1}', b'{"x":2}', b"]}"],
        [b'{"items":[', b'{"x":1},', b'{"x":2}', b"]"],
        [b"{", b'"items":', b'{"x":1}', b"}"],
        [b"{", b'"items":', b'{"x":1},', b"}"],
        [b'{"note":"begins', b'{"x":1}', b'ends"}'],
        [b'{"note":"begins', b"goes on", b'{"x":1}', b'ends","m":1}'],
        [b'{"note":"begins', b'{"x":1}', b'ends",', b'"m":2}'],
        [b"{[", b'{"x":1}', b"}", b'{"x":2}', b"]"],
    ],
)
def test_a_broken_document_of_several_lines_is_one(broken: list[bytes]) -> None:
    one = b"\n".join(broken)
    assert documents(b"\n".join([LINES[0], one, LINES[1]])) == [LINES[0], one, LINES[1]]


@pytest.mark.parametrize(
    "rest",
    [
        [b'{"items":[', b'{"x":1},', b'{"x":2}'],
        [b'{"items":[', b' {"x":1}'],
        [b'{"items":[', b'\t{"x":1}', b'{"x":2}'],
        [b'{"items":[', b'{"x":1}'],
        [b'{"items":[{"x":1},', b'{"x":2}', b'{"x":3}'],
        [b"{", b'"items": [', b"{", b'"x": 1', b"}"],
        [b'{"a":{', b'"b":1', b'},"c":', b"{", b'"d":1', b"}"],
    ],
)
def test_a_document_of_several_lines_that_is_cut_short_is_one(rest: list[bytes]) -> None:
    one = b"\n".join(rest)
    assert documents(b"\n".join([LINES[0], one])) == [LINES[0], one]


@pytest.mark.parametrize("tail", [b"]", b"}", b"]}", b"}, x"])
def test_lines_that_close_what_nothing_opened_are_one_document(tail: bytes) -> None:
    data = b"\n".join([*LINES, tail])
    assert documents(data) == [data]


def test_lines_of_which_very_many_are_bad_are_one_document() -> None:
    data = b"{}\n" + b"x\n" * 1001
    assert documents(data) == [data]


def test_a_document_of_several_lines_among_lines_is_a_document() -> None:
    pretty = json.dumps({"a": [{"b": 1}, {"c": 2}]}, indent=2).encode()
    assert documents(b"\n".join([LINES[0], pretty, LINES[1]])) == [LINES[0], pretty, LINES[1]]


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, zstd.compress])
def test_what_is_compressed_twice_is_read_and_no_more(compress: Callable[[bytes], bytes]) -> None:
    twice = compress(compress(b'{"a":1}'))
    assert documents(twice) == [b'{"a":1}']
    assert AUTO.decode(gzip.compress(twice)) == (Undecodable("compressed_too_often"),)


def test_many_documents_are_refused_before_they_are_made() -> None:
    began = time.process_time()
    for data in (b"{}\n" * 3_000_000, b"{}" * 3_000_000, b"[" + b"{}," * 3_000_000 + b"{}]"):
        assert AUTO.decode(data) == (Undecodable("decoded_too_large"),)
    assert time.process_time() - began < 5


N = 400_000


@pytest.mark.parametrize(
    "data",
    [
        b"{" * N,
        b"}" * N,
        b"{}\n" + b"}{" * (N // 2),
        b"{}\n" + b"{\n" * (N // 2),
        b"{}\n" + b'{"\n' * (N // 2),
        b'[{"' + b'"' * N + b"]",
        b'["' + b"\\" * N + b"]",
        b"[" + b'""{' * (N // 3) + b"]",
        b"[" + b'{"":' * (N // 4) + b"1" + b"}" * (N // 4) + b"]",
        b'{"a":1}' + b" " * N + b"{",
        b"{" + b"} " * (N // 2),
        b'{}{"' + b"\\" * N,
        b'[{"a":' + b"{x" * (N // 2) + b"]",
        b'{"a":1}{"' + b'\\"{' * (N // 3),
        b'{"a":[' + b"{}," * (N // 3) + b'{}],"b":"}x"}',
        b"{}\n" + b'"\\' * (N // 2),
    ],
    ids=range(16),
)
def test_hostile_records_take_no_longer_than_others(data: bytes) -> None:
    AUTO.decode(data)
    seconds = []
    for _ in range(3):
        began = time.process_time()
        made = AUTO.decode(data)
        seconds.append(time.process_time() - began)
        assert all(isinstance(part, Decoded | Undecodable) for part in made)
    assert min(seconds) < 0.2  # four times what was measured, for a busy machine


pieces = st.sampled_from(
    [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n", b" ", b"1", b"x", b'{"a":1}', b'{"a":1}\n', b"{}", b'"a":']
)


@given(st.lists(pieces, max_size=25).map(b"".join), st.sampled_from([b"", b'{"a":1}\n', b"[", b'{"a":1}{']))
@examples(500)
def test_whatever_comes_all_of_it_is_in_the_documents_in_its_order(rest: bytes, begin: bytes) -> None:
    data = begin + rest
    made = documents(data)
    place = 0
    for document in made:
        found = data.index(document, place)
        between = data[place:found].strip(b" \t\r\n")
        assert between == b"" or (data.lstrip()[:1] == b"[" and between in (b",", b"["))
        place = found + len(document)
    assert data[place:].strip(b" \t\r\n") in (b"", b"]")
    if AUTO.passes(data):
        assert made == [data]


@given(st.lists(compact, min_size=1, max_size=2), objects, st.data(), st.sampled_from([0, 1, "\t"]))
@examples(300)
def test_a_document_over_several_lines_that_is_cut_short_leaves_no_half(
    each: list[bytes], document: dict[str, Any], data: st.DataObject, indent: int | str
) -> None:
    pretty = json.dumps(document, indent=indent).encode()
    cut = pretty[: data.draw(st.integers(1, len(pretty) - 1))].strip(b" \t\r\n")
    assert [made for made in documents(b"\n".join([*each, cut])) if is_object(made)] == each
