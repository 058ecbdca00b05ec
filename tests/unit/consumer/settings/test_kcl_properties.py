"""KCL ignores what it does not know, so the names are checked before it sees them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import UsageError
from consumer.kcl.properties import properties
from consumer.settings import Settings, load_settings
from consumer.settings.kcl_properties import FREE, OWNED, check_extra_properties


@pytest.mark.parametrize("name", sorted(FREE))
def test_a_free_property_passes(name: str) -> None:
    check_extra_properties({name: "1"})


@pytest.mark.parametrize("name", sorted(OWNED))
def test_an_owned_property_is_refused_with_what_to_use_instead(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} cannot be set: {OWNED[name]}"):
        check_extra_properties({name: "1"})


def test_a_worker_id_fixed_in_the_configuration_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANITIZER_KCL__EXTRA_PROPERTIES", '{"workerId": "me"}')
    with pytest.raises(UsageError, match="unique for each container"):
        load_settings(None)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("maxLeaseForWorker", "maxLeasesForWorker"),
        ("MaxLeasesForWorker", "maxLeasesForWorker"),
        ("shutdownGraceMilis", "shutdownGraceMillis"),
        ("fanoutConfig.consumername", "fanoutConfig.consumerName"),
    ],
)
def test_a_misspelt_property_is_refused_with_a_suggestion(name: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean {meant}"):
        check_extra_properties({name: "1"})


@given(st.text(max_size=30).filter(lambda name: name not in FREE))
def test_no_other_name_passes(name: str) -> None:
    with pytest.raises(ValueError, match="propert"):
        check_extra_properties({name: "1"})


@pytest.mark.parametrize("value", ["a\nworkerId=other", "a\rb", "a\\"])
def test_a_value_cannot_begin_another_line(value: str) -> None:
    with pytest.raises(ValueError, match="line break or a backslash") as refusal:
        check_extra_properties({"maxLeasesForWorker": value})
    assert value not in str(refusal.value)


def test_what_the_worker_sets_itself_is_owned() -> None:
    made = properties(Settings(), "id")
    assert set(made) <= set(OWNED)
    assert not set(OWNED) & FREE
