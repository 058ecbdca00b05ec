"""The careful path: detectors applied to every string, number and key of a suspect document."""

import re
from collections.abc import Iterable
from decimal import Decimal

from redaction.detectors import DETECTORS
from redaction.plugin import Applied, Document, JSONValue

KEY_COLLISION = "key_collision"
LEAK_SUSPECTED = "leak_suspected"

# Masking may lay bare a candidate that was none before: the four digits kept, and what follows them.
# One round is the rule, two are rare; text that needs more is made to.
_ROUNDS = 4
_EXPONENTS_WRITTEN_OUT = 20
# An SSN with its separators; card numbers are longer.
_SHORTEST = 11
# orjson escapes quotes, backslashes and control characters only: no digit or separator.
_ESCAPE = re.compile(r"\\(?:u[0-9a-f]{4}|.)")


class KeyCollision(Exception):
    """Two keys of one object became equal by masking. `rule`: the detector that did it."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class LeakSuspected(Exception):
    """A detector still finds something after masking. `rule`: which."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class Mender:
    """The detectors of one policy. Not bound to a document: one instance serves all."""

    def __init__(self, names: Iterable[str]) -> None:
        self.detectors = tuple(DETECTORS[name] for name in names)

    def mend(self, document: Document, applied: list[Applied]) -> Document:
        """Make a clean copy; note each hit in `applied`. Raises KeyCollision, LeakSuspected."""
        return self._object(document, applied)

    def hit(self, body: bytes) -> str | None:
        """Name the first detector that finds something in a serialised document, structure and all."""
        text = _ESCAPE.sub("\n", body.decode())
        return next((detector.name for detector in self.detectors if detector.find(text)), None)

    def _object(self, fields: Document, applied: list[Applied]) -> Document:
        mended: Document = {}
        changed_by = ""
        for key, item in fields.items():
            name = self._text(key, applied)
            if name != key:
                changed_by = applied[-1][0]
            mended[name] = self._value(item, applied)
        if len(mended) != len(fields):
            raise KeyCollision(changed_by)
        return mended

    def _value(self, value: JSONValue, applied: list[Applied]) -> JSONValue:
        if isinstance(value, str):
            return self._text(value, applied)
        if isinstance(value, dict):
            return self._object(value, applied)
        if isinstance(value, list):
            return [self._value(item, applied) for item in value]
        if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
            text = _number_text(value)
            masked = self._text(text, applied)
            return value if masked == text else masked
        return value

    def _text(self, text: str, applied: list[Applied]) -> str:
        if len(text) < _SHORTEST:
            return text
        for _ in range(_ROUNDS):
            clean = True
            for detector in self.detectors:
                if spans := detector.find(text):
                    clean = False
                    pieces, position = [], 0
                    for start, end in spans:
                        pieces += [text[position:start], detector.mask(text[start:end])]
                        position = end
                        applied.append((detector.name, "mask"))
                    text = "".join([*pieces, text[position:]])
            if clean:
                return text
        raise LeakSuspected(applied[-1][0])


def _number_text(number: int | Decimal) -> str:
    # 4.11111111111111E15, as Java writes a double, is a card number that ends in 0.
    if isinstance(number, Decimal) and 0 < number.adjusted() < _EXPONENTS_WRITTEN_OUT:
        return format(number, "f")
    return str(number)
