"""Records with a value of their own in each sensitive place, and the search for these values everywhere else."""

import base64
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

BROKEN_SHARE = 0.03
_LETTERS = "bcdfghjkmnpqrstvwxz"  # no words
_RUN = re.compile(rb"[bcdfghjkmnpqrstvwxz]{16,}|(?:DE)?\d[\d-]{9,}\d", re.ASCII)
_SIZES = (11, 16, 19, 22)
"""Lengths of a SSN, of a card or a word, of a card in groups, of an IBAN."""

_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/]{24,}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sample:
    """A record to put, with the values that nobody may see again."""

    data: bytes
    partition_key: str
    canaries: tuple[str, ...]


def samples(seed: int, *, broken_share: float = BROKEN_SHARE) -> Iterator[Sample]:
    """Yield records without end; the same seed gives the same ones."""
    rng = random.Random(f"canaries-{seed}")  # noqa: S311 - repeatable by design
    number = 0
    while True:
        number += 1
        yield _sample(rng, f"{seed}-{number}", broken=rng.random() < broken_share)


def _sample(rng: random.Random, number: str, *, broken: bool) -> Sample:
    cards = [_card(rng) for _ in range(4)]
    ssns = [f"{rng.randrange(100, 600)}-{rng.randrange(10, 99)}-{rng.randrange(1000, 9999)}" for _ in range(2)]
    words = ["".join(rng.choices(_LETTERS, k=16)) for _ in range(5)]
    iban = _iban(rng)
    spelled = ["-".join(cards[0][i : i + 4] for i in range(0, 16, 4)), cards[1], cards[2], cards[3]]
    user = f"user {rng.randrange(100_000)}"
    document: dict[str, Any] = {
        "user_id": user,
        "timestamp": f"2024-03-15T10:30:00.{rng.randrange(1000):03d}Z",
        "number": number,
        "amount": orjson.Fragment(f"{rng.randrange(1, 5000)}.{rng.randrange(100):02d}"),
        "merchant": rng.choice(("Amazon", "Käse & Co", 'ACME "Tools"')),
        "credit_card": spelled[0],
        "ssn": ssns[0],
        "password": words[0],
        "iban": iban,
        "billing": {"email": f"{words[1]}@example.com", "lines": [{"pan": spelled[1]}]},
        "note": f"called, new card {spelled[2]}, SSN {ssns[1]}, mail {words[2]}@example.org",
        "raw": orjson.dumps({"card_number": spelled[3], "pin_block": words[3]}).decode(),
        f"{words[4]}@example.net": True,
    }
    canaries = (cards[0], *spelled, *ssns, *words, iban)  # the first is in no record as it is
    data = rng.choice(_BREAKERS)(document) if broken else orjson.dumps(document)
    return Sample(data, user, canaries)


# Each leaves the canaries where they are.
_BREAKERS: tuple[Callable[[dict[str, Any]], bytes], ...] = (
    lambda document: orjson.dumps(document)[:-1],
    lambda document: orjson.dumps([document]),
    lambda document: orjson.dumps(document)[:-1] + b',"memo":"caf\xe9 \xff"}',
    lambda document: orjson.dumps({name: value for name, value in document.items() if name != "user_id"}),
    lambda document: orjson.dumps(document)[:-1] + b',"user_id":"again"}',
    lambda document: orjson.dumps(document)[:-1] + b',"digits":' + b"1" * 50 + b"}",
    lambda document: orjson.dumps(document)[:-1] + b',"deep":' + b"[" * 60 + b"]" * 60 + b"}",
)


def _card(rng: random.Random) -> str:
    body = f"4{rng.randrange(10**14):014d}"
    total = sum(sum(divmod(int(digit) * (2 if i % 2 == 0 else 1), 10)) for i, digit in enumerate(reversed(body)))
    return body + str(-total % 10)


def _iban(rng: random.Random) -> str:
    account = rng.randrange(10**18)
    check = 98 - (account * 1_000_000 + 131400) % 97  # ISO 13616: the country's letters as 13 and 14, then 00
    return f"DE{check:02d}{account:018d}"


class Canaries:
    """All values that were put, and where they were found again."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def __len__(self) -> int:
        return len(self._values)

    def enter(self, values: Iterable[str]) -> None:
        self._values.update(values)

    def found(self, channels: Mapping[str, Iterable[bytes]]) -> dict[str, int]:
        """Count the values that are found, as they are or in base64, by channel; channels without any are left out."""
        counts = {name: len({value for text in texts for value in self._in(text)}) for name, texts in channels.items()}
        return {name: count for name, count in counts.items() if count}

    def _in(self, text: bytes) -> Iterator[str]:
        yield from self._plain(text)
        for run in _BASE64_RUN.findall(text):
            for shift in range(4):  # it may begin in the middle of a group
                yield from self._plain(base64.b64decode(run[shift : len(run) - (len(run) - shift) % 4]))

    def _plain(self, text: bytes) -> Iterator[str]:
        # No automaton: of a long soak's values it would take gigabytes. Their shapes are known.
        for run in _RUN.findall(text):
            for size in _SIZES:
                for start in range(len(run) - size + 1):
                    value = run[start : start + size].decode()
                    if value in self._values:
                        yield value
