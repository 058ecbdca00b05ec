"""How often values came, and were redacted, by the path of their field."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class Coverage(NamedTuple):
    """How many values came at a path, and how many were redacted.

    A value is anything but null, objects and lists; of a field that is dropped, the whole.

    :ivar path: names from the document's top.
    :ivar seen, redacted: values.
    :ivar known: whether the policy says what happens to the field.
    """

    path: tuple[str, ...]
    seen: int
    redacted: int
    known: bool


class Counting(Protocol):
    """What counts, since it was made."""

    def coverage(self) -> Iterator[Coverage]: ...
