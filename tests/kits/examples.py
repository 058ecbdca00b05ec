"""How many examples a property test tries: few where people wait, all in CI; HYPOTHESIS_PROFILE says which."""

from typing import Final

from hypothesis import settings

FEW, FULL = "few", "full"
_SHARE: Final = 20


def register(*, derandomize: bool) -> None:
    """Make the two profiles. A busy machine is no counter-example: nothing is timed."""
    settings.register_profile(FEW, deadline=None, derandomize=derandomize, max_examples=25)
    settings.register_profile(FULL, deadline=None, derandomize=derandomize)


def examples(full: int) -> settings:
    """Settings of a test that takes more than the usual 100 to find what it looks for."""
    usual = settings.default
    assert usual
    if settings.get_current_profile_name() == FULL:
        return settings(max_examples=full)
    return settings(max_examples=max(usual.max_examples, full // _SHARE))
