"""The careful way: every string, number and key of some documents is searched, and what is found is redacted.

Many documents at once: their texts are searched as one view.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Final

from redaction.actions.base import HIDDEN, Action, KeyedAction
from redaction.actions.replace import Replace
from redaction.detectors.base import MAX_ASCII, Detector, Span, view
from redaction.engine.field_tree import FieldNode, FieldTree
from redaction.engine.finder import Finder, Finding
from redaction.engine.prefilter import passes
from redaction.engine.texts import Text, Texts, rename
from redaction.engine.unwrap import Plain, Unwrapper
from redaction.engine.work import LEAK_SUSPECTED, MENDING_ERRORS, ROUNDS, Work
from redaction.patterns import lines_matching, spans
from redaction.plugin import Document

# What looking into a suspicious field name costs beside its characters, and what it may cost.
_NAME_COST: Final = 480
_NAME_BUDGET: Final = 1024
# So that too many are noticed before all have been looked at.
_NAMES_AT_ONCE: Final = 64
_UNLIMITED: Final = 1 << 62
_CONTROLS_BUT_NEWLINE: Final = bytes(
    code if chr(code) == "\n" or code > MAX_ASCII else view(chr(code))[0] for code in range(256)
)


class CarefulSearch:
    """The detectors of one policy and their actions. Not bound to a document: one instance serves all."""

    def __init__(self, actions: Mapping[Detector, Action], tree: FieldTree, unwrapper: Unwrapper) -> None:
        self._actions = {
            # Tokens and labels may stand where any word would be found: what they stand for is hidden already.
            detector.name: (action, isinstance(action, Replace | KeyedAction), (detector.name, action.name))
            for detector, action in actions.items()
        }
        self._finder = Finder(tuple(actions))
        self._tree = tree
        self._unwrapper = unwrapper
        numbers, letters = passes(tuple(actions), [unwrapper.in_text])
        self._suspicious = (*numbers, letters)

    def mend(self, works: Sequence[Work], *, first: bool) -> None:
        """Redact in place what is found in the documents, in one round; one that can't be made clean is rejected.

        :param first: no round before this one has counted what is found.
        """
        leaves = Texts(self._tree)
        for work in works:
            try:
                self._flatten(leaves, work.document, work)
            except MENDING_ERRORS as error:
                work.give_up(error)
        self._round(leaves, 0, first=first)

    def mend_part(self, document: Document, tree: FieldTree, within: Text, wrappings: int) -> None:
        """Do the same with a document that was found within a text.

        :raises TooComplex, KeyCollision: it cannot be made clean.
        """
        leaves = Texts(tree, within.exempt)
        self._flatten(leaves, document, within.work)
        self._clean(leaves, wrappings)

    def _flatten(self, leaves: Texts, document: Document, work: Work) -> None:
        before = len(leaves.lines)
        odd = leaves.flatten(document, work)
        if odd:
            self._look_at_names([node for _, node in odd if node.clean_name is None], work)
            # Paid for whether it was done now or before: a verdict does not depend on what is remembered.
            work.spend(sum(_NAME_COST + len(node.name) for _, node in odd if node.odd_name))
            if any(node.name_hits for _, node in odd):
                rename(odd, work)
                leaves.forget(before)
                leaves.flatten(document, work)

    def look_at_names(self, nodes: list[FieldNode]) -> None:
        """Find out what becomes of the names of fields; of one that can't be released nothing is noted."""
        self._look_at_names(nodes, Work({}, [], _UNLIMITED))

    def _look_at_names(self, nodes: list[FieldNode], work: Work) -> None:
        suspects: set[int] = set()
        for first in range(0, len(nodes), _NAMES_AT_ONCE):
            names = [b'"' + view(node.name) for node in nodes[first : first + _NAMES_AT_ONCE]]
            suspects.update(first + number for each in self._suspicious for number in lines_matching(each, names))
            work.require(sum(_NAME_COST + len(nodes[number].name) for number in suspects))
        for number, node in enumerate(nodes):
            if number not in suspects:
                node.clean_name, node.odd_name = node.name, False
                continue
            holder: Document = {"": node.name}
            trial = Work(holder, [], _NAME_BUDGET)
            # As if it stood alone, wherever it stands here: that is what is remembered.
            name = Texts(self._tree)
            name.add(holder, "", node.name, '"', FieldNode("", None, self._tree.root.state), trial)
            self._clean(name, 0)
            if trial.rejected:
                work.reject(trial.rejected.code, trial.rejected.rule)
            else:
                node.name_hits = tuple(applied for applied, _ in trial.hits)
                clean = str(holder[""])
                # `cvv=****` would be the name of a field called `cvv` to whoever redacts it again.
                node.clean_name = HIDDEN if node.name_hits and self._unwrapper.is_named(clean) else clean

    def _clean(self, leaves: Texts, wrappings: int) -> None:
        for _ in range(ROUNDS):
            if not leaves.lines:
                return
            # What is found within a text counts as the text's.
            leaves = leaves.only(self._round(leaves, wrappings, first=False))
        for number in range(len(leaves.lines)):
            leaf = leaves[number]
            leaf.work.reject(LEAK_SUSPECTED, leaf.work.hits[-1][0][0])

    def _round(self, leaves: Texts, wrappings: int, *, first: bool) -> dict[int, str]:
        """Look at all leaves once; gives, by number, the texts that were changed, as they are now."""
        seen, ends = _joined(leaves.lines), list(accumulate([len(line) + 1 for line in leaves.lines]))
        found = self._finder.find(seen, ends, leaves)
        wrapped = set(self._wrapped(leaves, seen, ends))
        changed: dict[int, str] = {}
        for number in sorted(wrapped.union(found) if wrapped else found):
            leaf = leaves[number]
            findings, start = found.get(number, []), ends[number] - 1 - len(leaf.text)
            try:
                if number in wrapped:
                    plain = Plain(
                        partial(self._replace, leaf, findings, start),
                        partial(_at, findings, start),
                        self._finder.outranks,
                    )
                    text = self._unwrapper.redact(leaf, plain, self.mend_part, wrappings)
                else:
                    text = self._replace(leaf, findings, start)
                if text != leaf.text and not leaf.work.rejected:
                    if first and not leaf.node.plan:
                        leaf.node.redacted += 1
                    leaf.container[leaf.place] = text  # type: ignore[index]
                    changed[number] = text
            except MENDING_ERRORS as error:
                leaf.work.give_up(error)
        return changed

    def _wrapped(self, leaves: Texts, seen: bytes, ends: list[int]) -> list[int]:
        """Find the leaves that have to be looked into: what matches is in the text, not in the key before it."""
        found: list[int] = []
        position: int | None = 0
        while position is not None:
            matches, position = spans(self._unwrapper.pattern, seen, position), None
            reached = 0
            for start, end in matches:
                if start < reached:
                    position = reached
                    break
                number = bisect_right(ends, start)
                if end > ends[number] - 1 - len(leaves[number].text):
                    found.append(number)
                    reached = ends[number]
        return found

    def _replace(self, leaf: Text, findings: list[Finding], start: int) -> str:
        text, position = "", 0
        for first, end, detector in findings:
            if end > start:
                action, keeps_own, applied = self._actions[detector.name]
                first, end = max(0, first - start), end - start  # noqa: PLW2901
                found = leaf.text[first:end]
                new = str(action(found, detector))
                if new != found or not keeps_own:
                    text += leaf.text[position:first] + new
                    position = end
                    leaf.work.hits.append((applied, leaf.node))
        return text + leaf.text[position:]


def _at(findings: Sequence[Finding], offset: int, span: Span) -> Sequence[Finding]:
    """Give the findings at a span of the text that begins at `offset` of their view."""
    start, end = span[0] + offset, span[1] + offset
    return [finding for finding in findings if finding.start < end and finding.end > start]


def _joined(lines: list[str]) -> bytes:
    text = "\n".join(lines)
    # Newlines part the texts; one within a text is a control character like others.
    if text.isascii() and text.count("\n") < len(lines):
        return text.encode().translate(_CONTROLS_BUT_NEWLINE)
    return b"\n".join(map(view, lines))
