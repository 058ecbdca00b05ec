"""Keys, and a kind of text with several spellings."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from redaction.detectors.base import Span
from redaction.keys import Key, Keyring


@dataclass(frozen=True)
class Spelled:
    """A kind whose spellings differ in hyphens and spaces."""

    name: str = "spelled"
    candidate: bytes = b"[0-9]"

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        del view
        return [(start, end)]

    def mask(self, text: str) -> str:
        return "#" * len(text)

    def normalise(self, text: str) -> str:
        return text.replace("-", "").replace(" ", "")


@pytest.fixture(scope="session")
def kind() -> Spelled:
    return Spelled()


OLD, NEW = Key("a", b"\x01" * 32), Key("b", b"\x02" * 32)


@pytest.fixture(scope="session")
def ring() -> Keyring:
    return Keyring("customer", [OLD])


@pytest.fixture(scope="session")
def rotated() -> Keyring:
    """The same key, after a new id was put in front."""
    return Keyring("customer", [NEW, OLD])


@pytest.fixture(scope="session")
def stranger() -> Keyring:
    """Another secret under the same id."""
    return Keyring("customer", [Key("a", b"\x03" * 32)])
