"""Who renews, and who has been silent for how long."""

from consumer.kcl.leases.renewals import Renewals
from consumer.kcl.leases.tables import Lease


def lease(number: int, owner: str | None, counter: int) -> Lease:
    return Lease(f"s{number}", owner, counter)


def test_a_lease_stands_still_until_it_changes() -> None:
    seen = Renewals()
    seen.look([lease(1, "one", 1), lease(2, None, 1)], 9)
    assert (seen.unchanged("s1"), seen.unchanged("s2")) == (0, 0)
    seen.look([lease(1, "one", 1), lease(2, None, 1)], 2)
    seen.look([lease(1, "one", 2), lease(2, None, 1)], 3)
    assert (seen.unchanged("s1"), seen.unchanged("s2")) == (0, 5)
    assert seen.owners == {"one"}


def test_one_renewed_lease_is_a_sign_of_life() -> None:
    seen = Renewals()
    seen.look([lease(1, "one", 1), lease(2, "one", 1), lease(3, "two", 1)], 0)
    assert not seen.has_renewed("one")
    seen.look([lease(1, "one", 1), lease(2, "one", 2), lease(3, "two", 1)], 4)
    assert (seen.has_renewed("one"), seen.silence("one")) == (True, 0)
    assert (seen.has_renewed("two"), seen.silence("two")) == (False, 4)
    seen.look([lease(1, "one", 1), lease(2, "one", 2), lease(3, "two", 1)], 1)
    assert (seen.has_renewed("one"), seen.silence("one"), seen.silence("two")) == (True, 1, 5)


def test_a_lease_that_another_wrote_a_name_into_says_nothing_of_who_bears_it() -> None:
    seen = Renewals()
    seen.look([lease(1, "dead", 1), lease(2, "other", 1)], 0)
    seen.look([lease(1, "dead", 1), lease(2, "dead", 2)], 7)
    assert (seen.has_renewed("dead"), seen.silence("dead"), seen.unchanged("s2")) == (False, 7, 0)


def test_who_comes_back_with_a_lease_is_new() -> None:
    """It lives, or it does not; how long it had none says nothing of that."""
    seen = Renewals()
    seen.look([lease(1, "one", 1)], 0)
    seen.look([lease(1, "one", 2)], 1)
    seen.look([lease(1, "two", 3)], 50)
    seen.look([lease(1, "one", 4)], 50)
    assert (seen.has_renewed("one"), seen.silence("one")) == (False, 0)
    assert seen.owners == {"one"}
