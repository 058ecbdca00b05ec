"""Outside of the worker's pipeline: what does not answer is asked again, for a while."""

from collections.abc import Sequence

import pytest

from consumer.decoder import Decoded, DecoderUnavailable, Kind, Part
from consumer.decoding.chain import Chain
from consumer.decoding.patience import Patient


class Silent:
    takes = Kind.BYTES
    gives = Kind.JSON

    def __init__(self, times: int) -> None:
        self.left = times

    def decode(self, data: bytes) -> Sequence[Part]:
        self.left -= 1
        if self.left >= 0:
            raise DecoderUnavailable("The registry does not answer.")
        return (Decoded(data),)


def test_it_is_asked_until_it_answers() -> None:
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return False

    assert Patient(Chain([Silent(4)], 1000), wait).decode(b"{}") == [Decoded(b"{}")]
    assert waits == [0.2, 0.4, 0.8, 1.6]


def test_a_stop_ends_it() -> None:
    with pytest.raises(DecoderUnavailable):
        Patient(Chain([Silent(1)], 1000), lambda _: True).decode(b"{}")


def test_it_does_not_wait_for_ever() -> None:
    with pytest.raises(DecoderUnavailable):
        Patient(Chain([Silent(1000)], 1000), lambda _: False, 0.0).decode(b"{}")
