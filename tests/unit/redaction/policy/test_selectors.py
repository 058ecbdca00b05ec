"""Names and paths of rules: how they are read, which fields they select, which of them meet."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from redaction.policy.names import normalize
from redaction.policy.selectors import (
    NAME,
    NAME_PATTERN,
    PATH,
    PATH_PATTERN,
    Selectors,
    covers_prefix,
    overlap,
    parse_name,
    parse_path,
    segment_matches,
    segments_meet,
)


def naive_segment(segment: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, segment.split("*"))), name, re.DOTALL) is not None


def naive(segments: Sequence[str], names: Sequence[str]) -> bool:
    """Say what a selector means, in the fewest words."""
    if not segments:
        return not names
    if segments[0] == "**":
        return naive(segments[1:], names) or (bool(names) and naive(segments, names[1:]))
    return bool(names) and naive_segment(segments[0], names[0]) and naive(segments[1:], names[1:])


@pytest.mark.parametrize(
    ("text", "segments", "rank"),
    [
        ("card", ("**", "card"), NAME),
        ("Credit-Card", ("**", "creditcard"), NAME),
        ("card*", ("**", "card*"), NAME_PATTERN),
        ("*Card_*No", ("**", "*card*no"), NAME_PATTERN),
        ("Stra\u00dfe", ("**", "strasse"), NAME),
        ("\uff30\uff21\uff2e", ("**", "pan"), NAME),
    ],
)
def test_names(text: str, segments: tuple[str, ...], rank: int) -> None:
    selector = parse_name(text)
    assert (selector.text, selector.segments, selector.rank) == (text, segments, rank)


@pytest.mark.parametrize(
    ("text", "segments", "rank"),
    [
        ("card", ("card",), PATH),
        ("Billing.Credit-Card", ("billing", "creditcard"), PATH),
        ("a.*.b", ("a", "*", "b"), PATH_PATTERN),
        ("a.**.b", ("a", "**", "b"), PATH_PATTERN),
        ("a.x*y", ("a", "x*y"), PATH_PATTERN),
        ("**.b", ("**", "b"), PATH_PATTERN),
    ],
)
def test_paths(text: str, segments: tuple[str, ...], rank: int) -> None:
    selector = parse_path(text)
    assert (selector.text, selector.segments, selector.rank) == (text, segments, rank)


@pytest.mark.parametrize("text", ["", "*", "**", "***", "-_-", "a.b", "a.", "x" * 65])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_name(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "a.", ".a", "a..b", "$.a", "$", "a[0].b", "a[]", "[a]", "a.**.**.b", "a.-.b", "***.a", "a." * 40 + "a"],
)
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_path(text)


def test_a_name_of_many_wildcards_takes_linear_time() -> None:
    assert not segment_matches("*a" * 30 + "*b", "a" * 100_000)


names = st.text("ab", max_size=3)
globs = st.sampled_from(["*", "a*", "*b", "a*b", "*a*", "a", "b", "ab", "ba"])
segments = st.lists(globs | st.just("**"), min_size=1, max_size=5).map(tuple)
paths = st.lists(names, max_size=6)


@given(globs, st.text("ab*.\n", max_size=5))
def test_a_segment_stands_for_the_names_it_says(segment: str, name: str) -> None:
    assert segment_matches(segment, name) == naive_segment(segment, name)


@given(st.lists(segments, max_size=4), paths)
def test_the_automaton_selects_what_the_selectors_say(many: list[tuple[str, ...]], path: list[str]) -> None:
    texts = [".".join(each) for each in many]
    assume(all(re.search(r"[a-z]", text) and "**.**" not in text for text in texts))
    parsed = [parse_path(text) for text in texts]
    compiled = Selectors(parsed)
    state = compiled.start
    for name in path:
        state = compiled.step(state, name)
    assert compiled.matches(state) == [
        number for number, selector in enumerate(parsed) if naive(selector.segments, path)
    ]


@given(segments, segments, st.lists(paths, max_size=20))
def test_selectors_that_select_the_same_field_overlap(
    left: tuple[str, ...], right: tuple[str, ...], many: list[list[str]]
) -> None:
    assert overlap(left, right) == overlap(right, left)
    if any(naive(left, path) and naive(right, path) for path in many):
        assert overlap(left, right)


@given(globs, globs)
def test_segments_meet_if_a_name_fits_both(left: str, right: str) -> None:
    candidates = ["", *("".join(chars) for size in range(1, 5) for chars in _words(size))]
    assert segments_meet(left, right) == any(
        naive_segment(left, name) and naive_segment(right, name) for name in candidates
    )


def _words(size: int) -> list[tuple[str, ...]]:
    words: list[tuple[str, ...]] = [()]
    for _ in range(size):
        words = [(*word, char) for word in words for char in "ab"]
    return words


@given(st.lists(globs, min_size=1, max_size=3), st.lists(globs, min_size=1, max_size=4), st.lists(names, max_size=4))
def test_what_is_said_to_lie_below_lies_below(prefix: list[str], path: list[str], names_: list[str]) -> None:
    if covers_prefix(tuple(prefix), tuple(path)) and naive(path, names_):
        assert any(naive(prefix, names_[:depth]) for depth in range(1, len(names_)))


@given(st.text(), st.text("_-. /", max_size=3))
def test_case_and_separators_do_not_matter(name: str, between: str) -> None:
    assert normalize(normalize(name)) == normalize(name)
    assert (
        normalize(between.join(name)) in {normalize(name), normalize(between.join(name).upper())} or not name.isascii()
    )


@pytest.mark.parametrize("name", ["credİt_card", "CREDI\u0307T-CARD", "ᄀ_ᅡ"])
def test_a_name_that_folding_changes_twice_is_one_all_the_same(name: str) -> None:
    assert normalize(normalize(name)) == normalize(name)
    assert normalize(name) in {"creditcard", "가"}


@given(st.text("aBc1", min_size=1, max_size=6), st.text("_-. /", max_size=3))
def test_names_in_any_spelling_are_one(name: str, between: str) -> None:
    assert normalize(between.join(name)) == normalize(name.upper()) == normalize(name)
