"""Strict YAML: one meaning for each text, and a line for whatever is wrong."""

import pytest

from redaction.strict_yaml import NotYAML, compose, line_of, load, unknown_key


def refusal(text: str) -> NotYAML:
    with pytest.raises(NotYAML) as error:
        load(text)
    with pytest.raises(NotYAML) as again:
        compose(text)
    assert again.value.line == error.value.line
    return error.value


@pytest.mark.parametrize(
    ("text", "line", "twice"),
    [
        ("a: 1\nb: 2\na: 3", 3, "a"),
        ("a:\n  - {c: 1}\n  - c: 1\n    c: 2", 4, "c"),
        ("1: a\n'1': b", 2, "1"),
        ('{"a": {"b": 1,\n"b": 2}}', 2, "b"),
        ("x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x", 4, "<<"),
    ],
)
def test_a_key_that_stands_twice_is_refused_at_every_level(text: str, line: int, twice: str) -> None:
    error = refusal(text)
    assert (error.line, error.twice) == (line, twice)


@pytest.mark.parametrize("text", ["a: 1\nb: [", "a: 1\nb: *nobody", "a: 1\nb: 'x"])
def test_what_is_no_yaml_has_a_line_and_no_context_that_would_quote_it(text: str) -> None:
    error = refusal(text)
    assert error.line in {2, 3}
    assert error.__context__ is None


@pytest.mark.parametrize("value", ["2024-13-45", "!!bool x", "!!int ''", "!!timestamp x", "!!float x", "9" * 5000])
def test_a_value_that_there_is_not_has_its_line(value: str) -> None:
    with pytest.raises(NotYAML, match="no such date, number or value") as error:
        load(f"a: 1\nb:\n  - {value}")
    assert error.value.line == 3


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: *a}", "[" * 5000])
def test_what_has_no_end_is_refused(text: str) -> None:
    assert "nested too deep, or holds itself" in refusal(text).reason


def test_aliases_of_aliases_cost_no_more_than_their_text() -> None:
    text = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 60))
    node, values = load(text)  # 9 to the power of 59 values, if each alias were looked into
    assert len(values) == 60
    assert line_of(node, ["a7", 3]) == 7


def test_an_empty_text_has_no_nodes() -> None:
    assert load("# only a comment\n") == (None, None)


def test_the_line_of_a_place_is_that_of_its_last_part_that_is_there() -> None:
    node = compose("a:\n  b:\n    - 1\n    - {c: 2}\n")
    places: list[list[int | str]] = [["a"], ["a", "b", 1, "c"], ["a", "z"], ["z"]]
    assert [line_of(node, place) for place in places] == [1, 4, 1, 1]


def test_an_unknown_key_is_told_with_what_was_meant_or_all_there_are() -> None:
    assert unknown_key("naem", ["name", "version"]) == "unknown key; did you mean 'name'?"
    assert unknown_key("x", iter(["name", "version"])) == "unknown key; known: name, version"
