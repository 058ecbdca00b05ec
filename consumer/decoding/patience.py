"""A chain outside of the worker's pipeline: what does not answer is asked again, for a while."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from consumer.backoff import backoff
from consumer.decoder import DecoderUnavailable, Part
from consumer.decoding.chain import Chain

SECONDS: Final = 30.0
"""For how long a command asks again: longer than a registry's second look and its queue take."""

_PAUSE_SECONDS: Final = 0.2
_PAUSE_LIMIT_SECONDS: Final = 5.0


class Patient:
    """Decodes as its chain does.

    :param wait: waits for so many seconds, and tells whether to give up.
    :param seconds: for how long each record may wait.
    """

    def __init__(self, chain: Chain, wait: Callable[[float], bool], seconds: float = SECONDS) -> None:
        self._chain = chain
        self._wait = wait
        self._seconds = seconds
        self.to_decode = chain.to_decode

    def decode(self, data: bytes) -> Sequence[Part]:
        """See `Chain.decode`."""
        until = time.monotonic() + self._seconds
        attempt = 0
        while True:
            try:
                return self._chain.decode(data)
            except DecoderUnavailable:
                pause = min(backoff(attempt, _PAUSE_SECONDS, _PAUSE_LIMIT_SECONDS), until - time.monotonic())
                if pause <= 0 or self._wait(pause):
                    raise
            attempt += 1
