"""Inputs that nobody would send, for as long as there is time; each run can be repeated by its seed."""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Final

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

CANARY: Final = "QzXcanary4111111111111111"
"""In most inputs, and never in the text of an error."""

SECONDS: Final = float(os.environ.get("FUZZ_SECONDS", "60"))
SEED: Final = os.environ.get("FUZZ_SEED", "1")

_MAX_BYTES: Final = 1 << 16
_LARGE_BYTES: Final = 1 << 20  # AWS: a record of a Kinesis stream, by default
_MAX_MUTATIONS: Final = 6
_EXAMPLES: Final = 100

_TOKENS: Final = (
    CANARY.encode(),
    *(bytes([byte]) for byte in b"\"'\\{}[]:,.-+eE0\n\r\t #&*!|>%@`$<"),
    *(b"\x00", b"\x7f", b"\x80", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf"),
    *(b"\\ud800", b"\\u0000", b"\\u0034", b"\xc2\xa0", b"\xe2\x80\x8b", b"\xef\xbc\x94", b"\xd9\xa4"),
    *(b"null", b"true", b"NaN", b"-Infinity", b"1e999999999", b"-0", b"0x7f", b"1_0", b"9" * 400, b"1e-400"),
    *(b"4111 1111 1111 1111", b"4532-1234-5678-9012", b"123-45-6789", b"a@b.example", b"192.0.2.1"),
    *(b"DE89370400440532013000", b"+49 30 901820"),
    *(b"password=", b"Bearer ", b"eyJhbGciOiJub25lIn0.", b"\xf3\x89\x9a\xc2", b"?<<: *a", b"!!python/object:os.system"),
    *(b'{"a":' * 300, b"[" * 3000, b"&a [*a,", b'"' + b"\\" * 500, b"=" * 64, b"%25" * 50),
)  # fmt: skip


class Fuzz:
    """A source of inputs for one test.

    :param name: of the test; with the seed it decides what comes.
    :param seconds: for which inputs come.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self._title = f"FUZZ_SEED={SEED}, {name}"
        self._random = random.Random(f"{SEED} {name}")  # noqa: S311 - repeatable, not secret
        self._until = time.monotonic() + seconds
        self.tried = 0

    def inputs(self, corpus: Sequence[bytes], *, large: bool = False) -> Iterator[bytes]:
        """Yield mutations of the corpus, itself first.

        :param large: some of up to 1 MiB, too.
        """
        for each in corpus:
            self.tried += 1
            yield each
        while time.monotonic() < self._until:
            self.tried += 1
            yield self._mutated(corpus, _LARGE_BYTES if large and self._random.random() < 1 / 500 else _MAX_BYTES)

    def examples(self, strategy: SearchStrategy[Any], check: Callable[[Any], None]) -> None:
        """Check what hypothesis thinks of."""

        def one(value: Any) -> None:
            self.tried += 1
            check(value)

        for round_ in count():
            tries = settings(
                max_examples=_EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck)
            )
            seed(f"{self._title} {round_}")(tries(given(strategy)(one)))()
            if time.monotonic() >= self._until:
                return

    @contextmanager
    def only(self, given_: object, *allowed: type[BaseException]) -> Iterator[None]:
        """Let nothing get out but what may, and that without content."""
        try:
            yield
        except allowed as error:
            texts = f"{error} {error!r} {error.__cause__!r} " + " ".join(map(str, error.args))
            assert CANARY not in texts, self.told(given_, "content in the text of an error")
        except Exception as error:
            raise AssertionError(self.told(given_, f"{type(error).__name__} got out")) from error

    def told(self, given_: object, what: str) -> str:
        text = repr(given_)
        return f"{what}; {self._title}, input {self.tried}: {text[:2000]}{'...' if len(text) > 2000 else ''}"

    def _mutated(self, corpus: Sequence[bytes], limit: int) -> bytes:
        chance = self._random
        data = bytearray(chance.choice(corpus)) if chance.random() < 0.95 else bytearray(chance.randbytes(200))
        for _ in range(chance.randint(1, _MAX_MUTATIONS)):
            place = chance.randint(0, len(data))
            end = min(len(data), place + chance.choice((1, 1, 2, 4, 16, 200)))
            match chance.randrange(8):
                case 0 if data:
                    data[place - 1] ^= 1 << chance.randrange(8)
                case 1:
                    del data[place:end]
                case 2:
                    data[place:place] = data[place:end] * chance.choice((1, 2, 30))
                case 3:
                    other = chance.choice(corpus)
                    start = chance.randint(0, len(other))
                    data[place:end] = other[start : start + chance.choice((8, 64, 1000))]
                case 4:
                    data[place:end] = chance.randbytes(chance.choice((1, 4, 30)))
                case 5 if chance.random() < 0.1:
                    del data[place:]
                case _:
                    data[place:end] = chance.choice(_TOKENS)
        if limit > _MAX_BYTES and data:
            data *= limit // len(data)
        return bytes(data[:limit])
