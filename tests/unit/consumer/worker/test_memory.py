"""How memory is divided."""

import pytest

from consumer.settings import Settings
from consumer.worker.memory import divide


@pytest.mark.parametrize(("limit", "heap"), [(200, 128), (1024, 272), (64 * 1024, 272)])
def test_the_heap_is_what_the_others_leave(limit: int, heap: int) -> None:
    found = divide(Settings.model_validate({"pipeline": {"processes": 2}}), limit)
    assert found.heap == heap
    assert (found.worker <= limit) == (limit >= 1024)


def test_a_heap_that_is_set_is_taken() -> None:
    found = divide(Settings.model_validate({"pipeline": {"processes": 2}, "kcl": {"heap_mb": 64}}), 1024)
    assert found.heap == 64


def test_shards_take_memory_too() -> None:
    settings = Settings.model_validate({"pipeline": {"processes": 2}})
    assert divide(settings, 2048, 50).worker - divide(settings, 2048, 10).worker == 68
    assert divide(settings, 2048).worker <= 1024
