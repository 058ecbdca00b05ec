"""The careful way: every string, number and key of some documents is searched, and what is found is redacted.

Many documents at once: their texts are searched as one view.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Final, NamedTuple

from redaction.actions.base import HIDDEN, Action, KeyedAction
from redaction.actions.replace import Replace
from redaction.detectors.base import MAX_ASCII, Detector, Span, view
from redaction.engine.field_rules import Hit
from redaction.engine.field_tree import FieldNode, FieldTree
from redaction.engine.finder import Candidates, Finder, Finding
from redaction.engine.prefilter import passes
from redaction.engine.texts import Text, Texts, rename
from redaction.engine.unwrap import Looking, Mended, Plain, Unwrapper
from redaction.engine.work import LEAK_SUSPECTED, MENDING_ERRORS, ROUNDS, Account, Work

# What looking into a suspicious field name costs beside its characters, and what it may cost.
_NAME_COST: Final = 480
_NAME_BUDGET: Final = 1024
# So that too many are noticed before all have been looked at.
_NAMES_AT_ONCE: Final = 64
_UNLIMITED: Final = 1 << 62
# Of what stands within texts so many characters are looked at at once.
_PORTION: Final = 1 << 20
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
        self._finder = Finder(tuple(actions), unwrapper.in_text, unwrapper.signs)
        self._tree = tree
        self._unwrapper = unwrapper
        self._suspicious = passes(tuple(actions), unwrapper.in_text)

    def mend(self, works: Sequence[Work], *, first: bool) -> None:
        """Redact in place what is found in the documents, in one round; one that can't be made clean is rejected.

        :param first: no round before this one has counted what is found.
        """
        leaves = Texts(self._tree)
        numbers: list[range] = []
        for work in works:
            begin = len(leaves.lines)
            try:
                self._flatten(leaves, work)
            except MENDING_ERRORS as error:
                work.account.give_up(error)
            if work.clean:
                leaves.leave_out(begin, work.clean)
            numbers.append(range(begin, len(leaves.lines)))
        self.mend_texts(leaves, works, numbers, first=first)

    def mend_texts(
        self, leaves: Texts, works: Sequence[Work], numbers: Sequence[range], view: "View | None" = None, *, first: bool
    ) -> None:
        """Do the same with some of their texts; `numbers`: which of them are those of each document.

        :param view: that of the texts, if it has been made.
        """
        changed = self._round(leaves, 0, view, first=first)
        for work, of_work in zip(works, numbers, strict=True):
            if not changed.keys().isdisjoint(of_work):
                # What is read again is looked at again only where it has become another.
                work.clean = work.clean.union(leaves.unchanged(of_work, changed))

    def _flatten(self, leaves: Texts, work: Work) -> None:
        before = len(leaves.lines)
        odd = leaves.flatten(work)
        if odd:
            self._look_at_names([node for _, node in odd if node.clean_name is None], work.account)
            # Paid for whether it was done now or before: a verdict does not depend on what is remembered.
            work.account.spend(sum(_NAME_COST + len(node.name) for _, node in odd if node.odd_name))
            if any(node.name_hits for _, node in odd):
                rename(odd, work)
                leaves.forget(before)
                leaves.flatten(work)

    def look_at_names(self, nodes: list[FieldNode]) -> None:
        """Find out what becomes of the names of fields; of one that can't be released nothing is noted."""
        self._look_at_names(nodes, Account(_UNLIMITED))

    def _look_at_names(self, nodes: list[FieldNode], account: Account) -> None:
        suspects: set[int] = set()
        for first in range(0, len(nodes), _NAMES_AT_ONCE):
            names = [b'"' + view(node.name) for node in nodes[first : first + _NAMES_AT_ONCE]]
            suspects.update(first + number for each in self._suspicious for number in each.lines(names))
            account.require(sum(_NAME_COST + len(nodes[number].name) for number in suspects))
        trials = Texts(self._tree)
        works: list[tuple[FieldNode, Work]] = []
        for number, node in enumerate(nodes):
            if number not in suspects:
                node.clean_name, node.odd_name = node.name, False
                continue
            # As if it stood alone, wherever it stands here: that is what is remembered.
            trial = Work({"": node.name}, [], Account(_NAME_BUDGET))
            alone = FieldNode("", None, self._tree.root.state)
            trials.add(trial.document, "", node.name, '"', alone, trial)
            works.append((node, trial))
        self._clean(trials, 0)
        for node, trial in works:
            if rejected := trial.account.rejected:
                account.reject(rejected.code, rejected.rule)
            else:
                node.name_hits = tuple(applied for applied, _ in trial.hits)
                clean = str(trial.document[""])
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
            leaf.work.account.reject(LEAK_SUSPECTED, leaf.work.hits[-1][0][0])

    def _round(self, leaves: Texts, wrappings: int, view: "View | None" = None, *, first: bool) -> dict[int, str]:
        """Look at all leaves once; gives, by number, the texts that were changed, as they are now."""
        seen, ends, candidates = view or _view(leaves.lines)
        found, to_look_into = self._finder.find(seen, ends, leaves, candidates)
        wrapped = {number: found.pop(number, []) for number in to_look_into}
        mended = self._look_into(leaves, wrapped, ends, wrappings) if wrapped else {}
        changed: dict[int, str] = {}
        for number in sorted(mended.keys() | found.keys() if mended else found):
            leaf = leaves[number]
            leaf.work.account.has_shown = True
            if leaf.work.account.rejected:
                continue
            text, hits = mended[number] if number in mended else self._replace(leaf, found[number], ends[number])
            leaf.work.hits.extend(hits)
            if text != leaf.text:
                if first and not leaf.node.plan:
                    leaf.node.redacted += 1
                leaf.container[leaf.place] = text  # type: ignore[index]
                changed[number] = text
        return changed

    def _look_into(
        self, leaves: Texts, wrapped: Mapping[int, list[Finding]], ends: Sequence[int], wrappings: int
    ) -> dict[int, Mended]:
        """Redact what is hidden in the texts of these numbers; gives those in which something was.

        What stands within them is looked at together, but for portions: it may be much larger than they are.
        """
        mended: dict[int, Mended] = {}
        todo = self._looking(leaves, wrapped, ends, wrappings)
        begun: list[_Look] = []
        more = True
        while more:
            parts, size = Texts(self._unwrapper.tree), 0
            waiting: list[_Look] = []
            while size < _PORTION:
                look = begun.pop() if begun else next(todo, None)
                if look is None:
                    more = bool(waiting)
                    break
                first = len(parts.lines)
                try:
                    for part in next(look.looking):
                        self._flatten(parts, part)
                    waiting.append(look)
                except StopIteration as done:
                    if done.value[1]:
                        mended[look.number] = done.value
                except MENDING_ERRORS as error:
                    look.account.give_up(error)
                size += sum(map(len, parts.lines[first:]))
            self._clean(parts, wrappings + 1)
            begun += reversed(waiting)
        return mended

    def _looking(
        self, leaves: Texts, wrapped: Mapping[int, list[Finding]], ends: Sequence[int], wrappings: int
    ) -> "Iterator[_Look]":
        for number, findings in wrapped.items():
            leaf, end = leaves[number], ends[number]
            leaf.work.account.has_shown = True
            if not leaf.work.account.rejected:
                plain = Plain(
                    partial(self._replace, leaf, findings, end),
                    partial(_at, findings, end - 1 - len(leaf.text)),
                    self._finder.outranks,
                )
                yield _Look(number, leaf.work.account, self._unwrapper.redact(leaf, plain, wrappings))

    def _replace(self, leaf: Text, findings: list[Finding], end: int) -> Mended:
        """Redact what was found in a text that ends at `end` of its view, newline included."""
        text, position, start = "", 0, end - 1 - len(leaf.text)
        hits: list[Hit] = []
        for first, last, detector in findings:
            if last > start:
                action, keeps_own, applied = self._actions[detector.name]
                first, last = max(0, first - start), last - start  # noqa: PLW2901
                found = leaf.text[first:last]
                new = str(action(found, detector))
                if new != found or not keeps_own:
                    text += leaf.text[position:first] + new
                    position = last
                    hits.append((applied, leaf.node))
        return text + leaf.text[position:], hits


class View(NamedTuple):
    """What detectors see of texts, joined by newlines; where each ends, newline included; where something may be."""

    seen: bytes
    ends: Sequence[int]
    candidates: Candidates | None = None


class _Look(NamedTuple):
    """A text that is being looked into."""

    number: int
    account: Account
    looking: Looking


def _at(findings: Sequence[Finding], offset: int, span: Span) -> Sequence[Finding]:
    """Give the findings at a span of the text that begins at `offset` of their view."""
    start, end = span[0] + offset, span[1] + offset
    return [finding for finding in findings if finding.start < end and finding.end > start]


def _view(lines: list[str]) -> View:
    text = "\n".join(lines)
    # Newlines part the texts; one within a text is a control character like others.
    if text.isascii() and text.count("\n") < len(lines):
        seen = text.encode().translate(_CONTROLS_BUT_NEWLINE)
    else:
        seen = b"\n".join(map(view, lines))
    return View(seen, list(accumulate([len(line) + 1 for line in lines])))
