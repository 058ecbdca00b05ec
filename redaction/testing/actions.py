"""What every action has to do."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final, TypeAlias

from redaction.actions.base import Action, Scalar, scalar_text
from redaction.detectors.base import Detector
from redaction.detectors.registry import detectors
from redaction.engine.finder import Finder
from redaction.parse import MAX_DIGITS, MAX_EXPONENT
from redaction.plugin import JSONValue
from redaction.serialize import serialize_value
from redaction.testing.laws import is_name, law, require, require_seconds, same_in_threads


@dataclass(frozen=True, slots=True)
class Values:
    """What an action is tried with. Texts in which a detector finds something are also given as found there.

    :param hidden: values that must not be in the result, in whatever spelling; better not shorter than four characters.
    :param shown: values that may be.
    """

    hidden: Sequence[Scalar]
    shown: Sequence[Scalar] = ()


ActionCheck: TypeAlias = Callable[[Action, Values], None]
"""A law that an action has to keep; raises AssertionError where it does not."""

_LONG: Final = 400 * 1024
_SECONDS: Final = 1.0
_ODD: Final[tuple[Scalar, ...]] = (
    True,
    False,
    0,
    -1,
    10**15,
    10 ** (MAX_DIGITS - 1),
    -0.0,
    1.5,
    5e-324,
    Decimal("1.50"),
    Decimal(f"1E+{MAX_EXPONENT}"),
    Decimal(f"-1E-{MAX_EXPONENT}"),
    "",
    " ",
    "\x00\n\t",
    "\u200b\u00ad",
    "\u0661\u0662\u0663",
    "\u0130\u00df\ufb01\u01c6\u0345",
    "e\u0301\u0301\u0301",
    "\u202eabc",
    "\U0001f3f4\U000e0067\U000e007f",
    '{"a": "b"}',
    "****",
    "'\"\\",
)
_LONE: Final = ("\ud800", "a\udfffb")
"""No JSON holds them, but a text of a library's user may."""


@law
def named(action: Action, _values: Values) -> None:
    """Require a name that can be a label of metrics."""
    require(is_name(action.name), "the name is lower snake case, of 64 characters and four digits at most")


@law
def never_raises(action: Action, values: Values) -> None:
    """Require a JSON value for every scalar, of whatever kind it is said to be."""
    for kind in (None, *detectors().values()):
        for value in (*_ODD, *values.hidden, *values.shown):
            serialize_value(action(value, kind))
        for lone in _LONE:
            action(lone, kind)


@law
def text_for_text(action: Action, values: Values) -> None:
    """Require a text for what was found in a text: it has to stand in its place."""
    for value, kind in _calls(values):
        if isinstance(value, str):
            require(isinstance(action(value, kind), str), "a text is given for a text")


@law
def idempotent(action: Action, values: Values) -> None:
    """Require that a result stays as it is: a record may come by twice."""
    for value, kind in [*_calls(values), *((odd, None) for odd in _ODD)]:
        result = action(value, kind)
        if result is not None and not isinstance(result, dict | list):
            require(_equal(action(result, kind), result), "the result for a result is that result")


@law
def deterministic(action: Action, values: Values) -> None:
    """Require equal results for equal values: a record delivered again is stored as the same item."""
    for call in _calls(values):
        require(_equal(action(*call), action(*call)), "the same value, the same result")


@law
def hides(action: Action, values: Values) -> None:
    """Require that what is to be hidden is not in the result, in its own spelling or without signs.

    Nor in that of a text that begins or ends as a result does: somebody may have sent it so.
    """
    for value in values.hidden:
        written = scalar_text(value)
        result = action(value, None)
        _require_hidden(written, result)
        if isinstance(result, str):
            for text in (result + written, f"{result} {written}", written + result):
                _require_hidden(written, action(text, None))


@law
def results_are_clean(action: Action, values: Values) -> None:
    """Require that no installed detector finds anything in a result, alone or in a sentence."""
    finder = Finder(tuple(detectors().values()))
    for value, kind in _calls(values):
        result = action(value, kind)
        text = result if isinstance(result, str) else serialize_value(result)
        for sentence in (text, f"Please note {text}, thanks.", f"({text})"):
            for finding in finder.find_in(sentence):
                require(finding is None, f"the detector {finding.detector.name} finds nothing in a result")


@law
def bounded_time(action: Action, values: Values) -> None:
    """Require a second of CPU at most for a text as long as a record can be."""
    units = {scalar_text(value) for value in (*values.hidden, *values.shown)} | {"a", "1", " ", "a ", ".", "\u0301"}
    for unit in sorted(units - {""}):
        text = unit * (_LONG // len(unit))
        require_seconds(_SECONDS, partial(action, text, None))


@law
def thread_safe(action: Action, values: Values) -> None:
    """Require that threads that share the action get the results that one alone gets."""
    same = same_in_threads(lambda call: serialize_value(action(*call)), list(_calls(values)))
    require(same, "several threads get the same results as one")


ACTION_CHECKS: Final[tuple[ActionCheck, ...]] = (
    named,
    never_raises,
    text_for_text,
    idempotent,
    deterministic,
    hides,
    results_are_clean,
    bounded_time,
    thread_safe,
)
"""All laws that an action has to keep, to be tried one by one."""


def _calls(values: Values) -> Iterator[tuple[Scalar, Detector | None]]:
    finder = Finder(tuple(detectors().values()))
    for value in (*values.hidden, *values.shown):
        yield value, None
        if isinstance(value, str):
            for start, end, detector in finder.find_in(value):
                yield value[start:end], detector


def _require_hidden(written: str, result: JSONValue) -> None:
    shown = serialize_value(result)
    require(written not in shown, "what is to be hidden is not in the result")
    plain = _plain(written)
    require(not plain or plain not in _plain(shown), "what is to be hidden is not in the result without its signs")


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _equal(one: JSONValue, other: JSONValue) -> bool:
    return type(one) is type(other) and serialize_value(one) == serialize_value(other)
