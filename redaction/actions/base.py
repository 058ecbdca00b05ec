"""What a value action is, and the text that a value counts as."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Protocol, TypeAlias, runtime_checkable

from redaction.detectors.base import Detector, Span
from redaction.plugin import JSONValue

__all__ = ["HIDDEN", "Action", "KeyedAction", "Scalar", "exact", "scalar_text"]

HIDDEN: Final = "****"
"""What stands for a value of which nothing may be shown."""

Scalar: TypeAlias = bool | int | float | Decimal | str
"""What an action is given. Null holds nothing and stays null: the caller's decision."""

# What parsing lets through has far fewer digits; beyond, a number is not written out in full.
_WRITTEN_OUT = 1000


class Action(Protocol):
    """What becomes of a value. Deterministic, idempotent, thread safe; no detector finds anything in a result."""

    @property
    def name(self) -> str:
        """As in metrics: lower snake case."""

    def __call__(self, value: Scalar, kind: Detector | None) -> JSONValue:
        """Return what stands in place of a value.

        :param value: of a field; a text found within another is a str, and gives a str.
        :param kind: the detector that found it, or that a field's type names; None for a field without type.
        """


@runtime_checkable
class KeyedAction(Action, Protocol):
    """An action with a key, which knows its own results again, from an earlier run or another worker."""

    def own(self, text: str) -> bool:
        """Whether the whole text is a result under any live key; checked with the key, never by its shape."""

    def find_own(self, text: str) -> Sequence[Span]:
        """Where such results stand in a text; in order, none overlapping."""


def scalar_text(value: Scalar) -> str:
    """Write a value as text, equal numbers alike: 4111, Decimal("4111.0") and "4111" are one."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return _decimal_text(exact(value))


def exact(value: float | Decimal) -> Decimal:
    """Return the decimal number that was written, not the nearest binary one."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _decimal_text(value: Decimal) -> str:
    if not value.is_finite():
        return str(value)
    if not value:
        return "0"
    if abs(value.adjusted()) > _WRITTEN_OUT:
        sign, digits, _ = value.as_tuple()
        coefficient = "".join(map(str, digits)).rstrip("0")
        return f"{'-' * sign}{coefficient}E{value.adjusted()}"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
