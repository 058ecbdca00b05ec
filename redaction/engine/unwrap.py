"""Redacting what is hidden in a text: rules by name and detectors, applied to JSON, labelled values, encoded pieces.

Rules by path and `unknown_fields` do not reach into texts.
"""

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from redaction.actions.base import HIDDEN
from redaction.detectors.base import Span, view
from redaction.engine import encodings
from redaction.engine.field_rules import FieldForbidden, FieldRules, Hit
from redaction.engine.field_tree import FieldTree
from redaction.engine.finder import Finding
from redaction.engine.labels import WORDS_BETWEEN, Label, Labels, label_at, rest_of_line
from redaction.engine.plan import DROP, QUARANTINE, Named
from redaction.engine.texts import Text
from redaction.engine.values import without_pairs
from redaction.engine.work import TooComplex, Work
from redaction.inflate import TooLarge
from redaction.parse import Limits, Unparsable, parse_text
from redaction.patterns import compile_bytes, spans
from redaction.plugin import JSONValue
from redaction.serialize import serialize_value

Reading: TypeAlias = Callable[[str, int], Iterable[tuple[Span, str]]]
Mended: TypeAlias = tuple[str, list[Hit]]
"""A text with what was found in it redacted, and what was done to it."""

Looking: TypeAlias = Generator[Sequence[Work], None, Mended]
"""Gives documents that stand within a text, and goes on when they have been mended."""


class Plain(NamedTuple):
    """What stands in a text as it is.

    :ivar redacted: gives the text with that redacted.
    :ivar at: gives what detectors found at a span.
    :ivar outranks: tells whether one of the hits comes from a detector that is stronger than those.
    """

    redacted: Callable[[], Mended]
    at: Callable[[Span], Sequence[Finding]]
    outranks: Callable[[Sequence[Hit], Sequence[Finding]], bool]


_MAX_WRAPPINGS: Final = 4
# Than validating what looks sensitive, which is what a budget is measured in.
_LOOKING_IS_CHEAPER: Final = 8
# What each label, each decoded piece and each JSON in a string costs beside its characters.
_LABEL_COST: Final = 16
_PIECE_COST: Final = 32
_JSON_COST: Final = 24
# Four characters, or three digits: `password is 8 characters long` tells none. One has a digit, or a sign inside.
_SHORTEST_TOLD: Final = re.compile(r"(?=\S{4}|[0-9]{3})(?=\S*[0-9]|\S*[!@#$%^+]\S)")
_LONG_OR_DATE: Final = re.compile(r"[0-9]{1,4}([/.-])[0-9]{1,2}\1[0-9]{2,4}(?![0-9])|(?:[0-9][ -]?){6}")
_OPENING: Final = ("[", "{")


class Unwrapper:
    """The rules by name of one policy. Not bound to a document: one instance serves all."""

    def __init__(self, named: FieldTree, labels: Labels, limits: Limits) -> None:
        self.in_text: Final = labels.in_text
        self.signs: Final = (labels.any_in_text, encodings.BASE64)
        """One of these matches wherever `in_text` does."""
        self._labels = compile_bytes(labels.pattern) if labels else None
        self.tree: Final = named
        self._rules = FieldRules(named)
        self._limits = limits

    def is_named(self, name: str) -> bool:
        """Tell whether a rule selects fields of this name wherever they stand."""
        return self.tree.named(name) is not None

    def redact(self, leaf: Text, plain: Plain, wrappings: int) -> Looking:
        """Redact what is hidden in a text; all of it is, once this changes nothing any more.

        What stands in it as it is comes before labels, since half of a number that a label hides could be more than
        nothing, and no detector would know the other half. For the same reason an encoded piece comes before that,
        where it says more than what shows of it: a card's track, of which only the number does.

        :raises TooComplex: it is wrapped too often, or the record can't pay.
        :raises KeyCollision, FieldForbidden: as for a document.
        """
        if wrappings >= _MAX_WRAPPINGS:
            raise TooComplex
        text = leaf.text
        leaf.work.account.spend(len(text) // _LOOKING_IS_CHEAPER)
        if text.lstrip()[:1] in _OPENING:
            try:
                part = leaf.part({"": parse_text(text, self._limits)})
            except Unparsable:
                pass
            else:
                leaf.work.account.spend(_JSON_COST)
                self._rules.apply(part.document, part.hits)
                yield [part]
                return serialize_value(part.document[""]) if part.hits else text, _of(leaf, part)
        redacted, hits = plain.redacted()
        if redacted != text:
            inner, more = yield from self._without_telling(text, encodings.decoded_pieces, leaf, plain)
            return (inner, more) if more else (redacted, hits)
        text, more = self._without_labelled(text, leaf)
        hits += more
        for decoded in (encodings.decoded_pieces, encodings.decoded_lines, encodings.decoded_whole):
            if not hits:
                text, hits = yield from self._without_telling(text, decoded, leaf)
        return text, hits

    def _without_telling(self, text: str, decoded: Reading, leaf: Text, plain: Plain | None = None) -> Looking:
        """Hide the pieces that say something sensitive.

        :param plain: what shows of it; only pieces that say more than what shows of them are hidden.
        """
        account = leaf.work.account
        pieces: list[tuple[Span, Sequence[Finding], Work]] = []
        try:
            for span, said in decoded(text, account.budget * _LOOKING_IS_CHEAPER):
                shown = plain.at(span) if plain else ()
                if shown or not plain:
                    account.spend(_PIECE_COST + (span[1] - span[0] + len(said)) // _LOOKING_IS_CHEAPER)
                    if said:
                        pieces.append((span, shown, leaf.part({"": said})))
        except TooLarge:
            raise TooComplex from None
        if not pieces:
            return text, []
        yield [part for _, _, part in pieces]
        telling = [
            (span, part)
            for span, shown, part in pieces
            if part.hits and (plain is None or plain.outranks(part.hits, shown))
        ]
        return _without(text, [span for span, _ in telling]), [hit for _, part in telling for hit in _of(leaf, part)]

    def _named_by(self, label: Label) -> Named | None:
        named = self.tree.named(label.name)
        if named is None and label.loose and " " in label.name:
            # `password for the portal: ...`
            words = label.name.split(" ")
            ends = range(len(words) - 1, max(0, len(words) - 1 - WORDS_BETWEEN), -1)
            shorter = (self.tree.named(" ".join(words[:end])) for end in ends)
            named = next((each for each in shorter if each and not each.hint and each.plan.verb is DROP), None)
        return named

    def _without_labelled(self, text: str, leaf: Text) -> Mended:
        if not self._labels:
            return text, []
        hits: list[Hit] = []
        pieces, position = [], 0
        seen = view(text)
        for start, end in spans(self._labels, seen):
            leaf.work.account.spend(_LABEL_COST)
            if start < position:
                continue  # within the value of the label before
            label = label_at(text, seen, start, end)
            named = self._named_by(label) if label else None
            replaced = _replaced(text, seen, label, named) if label and named else None
            if not replaced or not named:
                continue
            (first, last), new = replaced
            if named.plan.verb is QUARANTINE:
                raise FieldForbidden(named.plan, leaf.node)
            if new != text[first:last]:
                pieces += [text[position:first], new]
                position = last
                hits.append((named.plan.applied, leaf.node))
        return "".join([*pieces, text[position:]]), hits


def _replaced(text: str, seen: bytes, label: Label, named: Named) -> tuple[Span, str] | None:
    """Give the span of a label's value that counts, and what comes in its place."""
    (start, end), plan = label.value, named.plan
    value = text[start:end]
    counts = named.counts
    if named.hint and value[:1] in _OPENING:
        return None
    if label.loose and not named.hint:
        # Words before a colon stand in sentences, too.
        strict = plan.verb in {DROP, QUARANTINE}
        counts = (
            _has_digit if strict else named.below.counts if named.below else _is_long_or_date if named.code else _never
        )
        if label.spoken and strict:
            # `token 401` is an error's: what follows at once is only taken for a code where the name is that of one.
            told = start - label.start > len(label.name) + 1
            counts = _is_told if told else _is_code if named.code else _never
    if counts(value) and named.counts(value):
        # A text keeps its label: with a hole behind it the next word would be taken for its value.
        return (start, end), str(plan.action(value, plan.kind)) if plan.action else HIDDEN
    if label.loose and named.hint and not label.spoken:
        start, end = rest_of_line(seen, label)
        if named.counts(line := text[start:end]):
            return (start, end), without_pairs(line) or HIDDEN
    return None


def _has_digit(value: JSONValue) -> bool:
    return isinstance(value, str) and any(char.isdecimal() for char in value)


def _is_told(value: JSONValue) -> bool:
    return isinstance(value, str) and _SHORTEST_TOLD.match(value) is not None


def _is_code(value: JSONValue) -> bool:
    return isinstance(value, str) and value.isdecimal()


def _is_long_or_date(value: JSONValue) -> bool:
    return isinstance(value, str) and _LONG_OR_DATE.match(value) is not None


def _never(_value: JSONValue) -> bool:
    return False


def _of(leaf: Text, part: Work) -> list[Hit]:
    """What was done to a part of a text was done to the text."""
    return [(applied, leaf.node) for applied, _ in part.hits]


def _without(text: str, spans: Sequence[Span]) -> str:
    pieces, position = [], 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= position:
            pieces += [text[position:start], HIDDEN]
            position = end
    return "".join([*pieces, text[position:]])
