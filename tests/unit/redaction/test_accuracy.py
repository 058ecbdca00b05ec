"""The accuracy that the project promises, on labelled sets made by others; `benchmarks/accuracy` tells more."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from benchmarks.accuracy import measure
from benchmarks.accuracy.__main__ import data_folder, missing
from benchmarks.accuracy.clean import IDS, ROWS
from benchmarks.accuracy.data import SPAN_SETS, VALUE_SETS
from benchmarks.accuracy.embeddings import EMBEDDINGS
from benchmarks.accuracy.engine import Engine, is_hidden, told
from benchmarks.accuracy.measure import Score, SpanResult, ValueResult
from benchmarks.accuracy.random_numbers import FORMS, WRITTEN_AS_OTHERS, Harmed, of_random_numbers

RESEARCH = SPAN_SETS[:2]
VALIDATED = ("card", "ssn", "iban", "email")


@pytest.fixture(scope="module")
def folder() -> Path:
    folder = data_folder()
    if absent := missing(folder):
        pytest.skip(absent)
    return folder


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.fixture(scope="module")
def spans(engine: Engine, folder: Path) -> dict[str, SpanResult]:
    return {name: measure.of_spans(engine, folder, name) for name in SPAN_SETS}


@pytest.fixture(scope="module")
def values(engine: Engine, folder: Path) -> dict[str, ValueResult]:
    return {name: measure.of_values(engine, folder, name) for name in VALUE_SETS}


@pytest.fixture(scope="module")
def embedded(engine: Engine, folder: Path) -> dict[str, dict[str, Score]]:
    return measure.of_embeddings(engine, folder)


def together(scores: Iterable[Score | None]) -> Score:
    listed = [score for score in scores if score]
    assert listed, "the sets hold nothing of the kind"
    misses = tuple(miss for score in listed for miss in score.misses)
    return Score(sum(score.hits for score in listed), sum(score.total for score in listed), misses)


def test_every_test_pan_with_a_check_digit_is_found_in_free_text(values: dict[str, ValueResult]) -> None:
    for place in ("alone", "sentence"):
        for name in ("test_pans", "validatorjs_values", "py_validators_values"):
            assert not values[name].hidden[place]["card", "", ""].misses


def test_every_test_pan_is_masked_in_a_field_named_as_a_card_whatever_its_check_digit(
    values: dict[str, ValueResult],
) -> None:
    named = values["test_pans"].hidden["named"]
    assert named["card", "", ""].total > 100
    assert named["card", "fails Luhn", ""].total > 10
    assert not together(named.values()).misses


@pytest.mark.parametrize("kind", ["iban", "email"])
def test_valid_values_are_found_wherever_they_stand(values: dict[str, ValueResult], kind: str) -> None:
    # The one that is not: a quoted local part with a control character in it (RFC 5322, quoted-pair).
    scores = [
        result.hidden[place].get((kind, "", ""))
        for result in values.values()
        for place in ("alone", "sentence", "named")
    ]
    assert len(set(together(scores).misses)) <= (kind == "email")


@pytest.mark.parametrize("kind", VALIDATED)
def test_recall_of_all_sets(spans: dict[str, SpanResult], values: dict[str, ValueResult], kind: str) -> None:
    scores = [result.recall.get((kind, "")) for result in spans.values()]
    scores += [result.hidden["alone"].get((kind, "", "")) for result in values.values()]
    assert together(scores).share >= 0.99, together(scores).misses


@pytest.mark.parametrize("kind", VALIDATED)
@pytest.mark.parametrize("name", RESEARCH)
def test_recall_and_precision_of_each_research_set(spans: dict[str, SpanResult], name: str, kind: str) -> None:
    assert spans[name].recall[kind, ""].share >= 0.99
    assert spans[name].precision[kind].share >= 0.99


@pytest.mark.parametrize("name", RESEARCH)
def test_texts_without_a_label_are_left_alone(spans: dict[str, SpanResult], name: str) -> None:
    changed = spans[name].unlabelled
    assert changed.total > 500
    assert changed.hits * 200 <= changed.total, changed.misses
    assert spans[name].rejected == 0


def test_telephone_numbers_in_sentences(spans: dict[str, SpanResult]) -> None:
    assert spans[RESEARCH[0]].recall["phone", ""].share >= 0.7


@pytest.mark.parametrize("source", ["E164", "INTERNATIONAL"])
def test_international_telephone_numbers_of_every_region(values: dict[str, ValueResult], source: str) -> None:
    assert values["libphonenumber_examples"].hidden["alone"]["phone", "", source].share >= 0.99


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_a_value_is_found_however_it_is_embedded(embedded: dict[str, dict[str, Score]], name: str) -> None:
    for kind, score in embedded[name].items():
        # Short local numbers are none in a sentence.
        assert score.share >= (0.9 if kind == "phone" else 0.99), (kind, score.misses)


def test_clean_texts_are_left_alone(engine: Engine) -> None:
    changed = measure.of_clean_texts(engine, 20_000)
    assert measure.without_chance(changed).total > 15_000
    assert measure.without_chance(changed).share <= 0.01  # `share`: of those changed
    for kind, score in changed.items():
        assert kind in ROWS or score.share <= (0.05 if kind in IDS else 0.02), kind


def test_the_judge_is_no_part_of_the_engine() -> None:
    pan = "4111111111111111"
    for text in (
        f"paid with {pan}",
        "paid with 4111 1111-1111.1111",
        '{"a": "{\\"b\\": \\"4111111111111111\\"}"}',
        "q=paid+with+%34111111111111111",
        "cGFpZCB3aXRoIDQxMTExMTExMTExMTExMTE",
        "\uff14111111111111111",
        "4111111\u200b111111111",
        "&#52;111111111111111",
        "****111111111111",
    ):
        assert not is_hidden("card", pan, told({"note": text})), text
        assert not is_hidden("card", pan, told({text: 1})), text
    assert not is_hidden("card", pan, told({"n": [int(pan)]}))
    assert is_hidden("card", pan, told({"note": "paid with ************1111"}))
    assert not is_hidden("email", "ada@example.com", told({"note": "****@example.com"}))
    assert not is_hidden("email", "ada@example.com", told({"note": "ada@****"}))


@pytest.fixture(scope="module")
def random_numbers(engine: Engine) -> dict[str, Harmed]:
    return of_random_numbers(engine, 4_000)


@pytest.mark.parametrize("form", FORMS)
def test_random_numbers_are_left_alone_where_a_name_says_what_they_are(
    random_numbers: dict[str, Harmed], form: str
) -> None:
    assert random_numbers[form].named.share <= 0.005


@pytest.mark.parametrize("form", sorted(set(FORMS) - WRITTEN_AS_OTHERS))
def test_random_numbers_are_hardly_taken_for_cards(random_numbers: dict[str, Harmed], form: str) -> None:
    """Two in a hundred at most; of 4,000 that may be a third more by chance."""
    assert random_numbers[form].neutral.share <= 0.027
