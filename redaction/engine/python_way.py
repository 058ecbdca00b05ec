"""From payloads to verdicts, in Python: what every record may take, and what the compiled part is measured by.

Parse, drop whole records, apply the rules by field, serialise; then one scan over all serialised outputs, careful work
only for those with a candidate, and a scan again over what that changed, until it finds nothing. A record that can't be
made clean is rejected.
"""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Final, TypeAlias

from redaction.engine.compile import Compiled
from redaction.engine.field_rules import FieldForbidden, Hit
from redaction.engine.work import FIELD_FORBIDDEN, LEAK_SUSPECTED, ROUNDS, Account, Work, budget_for
from redaction.parse import Limits, Unparsable, parse_all
from redaction.plugin import Document, Rejected, Released, Verdict
from redaction.policy import UNKNOWN_FIELDS, Policy
from redaction.serialize import serialize

UNKNOWN_FIELD: Final = "unknown_field"
# A document may have grown beyond what a payload may be.
_NO_LIMITS: Final = Limits(max_depth=256, max_bytes=1 << 62, max_values=1 << 62)
applied_of: Final = itemgetter(0)
PENDING: Final = Rejected("pending")
"""Stands where there is no verdict yet."""
NOTHING: Final[frozenset[str]] = frozenset()
# Where nearly every record is worth a look, a pass that tells which is one too many.
_NEARLY_ALL: Final = 0.9
_USUAL_ROUNDS: Final = 2

Done: TypeAlias = "tuple[list[Verdict], list[list[Hit]]]"
"""The verdicts on some payloads, and what was done to each."""


class PythonWay:
    """One policy.

    :param careful: do the careful work for every record, whether the scan named it or not: the verdicts are the same.
    """

    def __init__(self, policy: Policy, compiled: Compiled, *, careful: bool) -> None:
        self._careful = careful
        self._limits = compiled.ready.limits
        self._suspect_chars = policy.limits.max_suspect_chars
        self._drops = compiled.ready.drops
        self._fields = compiled.fields
        self._search = compiled.search
        self._prefilter = compiled.ready.prefilter
        self._nearly_all_are_suspects = False

    def redact(self, payloads: Sequence[bytes]) -> Done:
        """Give the verdict on each payload."""
        verdicts: list[Verdict] = [PENDING] * len(payloads)
        all_hits: list[list[Hit]] = [[] for _ in payloads]
        places: list[int] = []
        documents: list[Document] = []
        for place, parsed in enumerate(parse_all(payloads, self._limits, careful=self._careful)):
            if isinstance(parsed, Unparsable):
                verdicts[place] = Rejected(parsed.code)
                continue
            if self._drops and (dropped := self._drops.verdict(parsed)):
                verdicts[place] = dropped
                continue
            try:
                self._fields.apply(parsed, all_hits[place])
            except FieldForbidden as forbidden:
                code = UNKNOWN_FIELD if forbidden.plan.rule == UNKNOWN_FIELDS else FIELD_FORBIDDEN
                verdicts[place] = Rejected(code, forbidden.plan.rule)
                continue
            places.append(place)
            documents.append(parsed)
        bodies = [b""] * len(documents) if self._nearly_all_are_suspects else list(map(serialize, documents))
        sizes = [len(payloads[place]) for place in places]
        for number, rejected in self._mend(documents, bodies, sizes, [all_hits[place] for place in places]):
            verdicts[places[number]] = rejected
        for place, document, body in zip(places, documents, bodies, strict=True):
            if verdicts[place] is PENDING:
                done = tuple(map(applied_of, all_hits[place]))
                verdicts[place] = Released(document, body or serialize(document), done)
        return verdicts, all_hits

    def mend(self, bodies: Sequence[bytes], sizes: Sequence[int], hits: Sequence[list[Hit]]) -> list[Verdict]:
        """Do the careful work on records to which the rules by field have been applied.

        :param sizes: of their payloads, in bytes.
        """
        documents, written = _read(bodies), list(bodies)
        rejected = dict(self._mend(documents, written, sizes, hits))
        return [
            rejected.get(number) or Released(document, body or serialize(document), tuple(map(applied_of, done)))
            for number, (document, body, done) in enumerate(zip(documents, written, hits, strict=True))
        ]

    def account(self, number_of_round: int, size: int) -> Account:
        """Open an account for one round on a record of this size."""
        # What is no finding is looked at again, once as a rule: a text that needs more rounds is made so.
        parts = 1 if number_of_round < _USUAL_ROUNDS else _USUAL_ROUNDS**2
        return Account(budget_for(self._suspect_chars // parts, size))

    def _mend(
        self, documents: list[Document], bodies: list[bytes], sizes: Sequence[int], hits: Sequence[list[Hit]]
    ) -> Iterator[tuple[int, Rejected]]:
        """Do the careful work in place, round after round, until nothing is found; gives what can't be made clean.

        A body that is empty is not made yet, and is made of what is changed.
        """
        suspects = range(len(bodies)) if self._nearly_all_are_suspects else self._suspects(bodies)
        clean: dict[int, frozenset[str]] = {}
        for number_of_round in range(ROUNDS):
            if not suspects:
                return
            accounts = [self.account(number_of_round, sizes[number]) for number in suspects]
            known = [len(hits[number]) for number in suspects]
            works = [
                Work(documents[number], hits[number], account, clean=clean.get(number, NOTHING))
                for number, account in zip(suspects, accounts, strict=True)
            ]
            self._search.mend(works, first=number_of_round == 0)
            if number_of_round == 0:
                self._nearly_all_are_suspects = sum(each.has_shown for each in accounts) > _NEARLY_ALL * len(bodies)
            changed: list[int] = []
            for number, work, before in zip(suspects, works, known, strict=True):
                if work.account.rejected:
                    yield number, work.account.rejected
                elif len(hits[number]) > before:
                    clean[number] = work.clean
                    bodies[number] = serialize(documents[number])
                    changed.append(number)
            # What goes out is searched again, not what was meant: the documents are read from their bodies.
            suspects = [changed[place] for place in self._suspects([bodies[number] for number in changed])]
            for number, read in zip(suspects, _read([bodies[number] for number in suspects]), strict=True):
                documents[number] = read
        for number in suspects:
            yield number, Rejected(LEAK_SUSPECTED, hits[number][-1][0][0])

    def _suspects(self, bodies: Sequence[bytes]) -> Sequence[int]:
        if self._careful:
            return range(len(bodies))
        return self._prefilter.suspects(bodies)


def _read(bodies: Sequence[bytes]) -> list[Document]:
    documents: list[Document] = []
    for read in parse_all(bodies, _NO_LIMITS):
        if isinstance(read, Unparsable):  # nothing that was written here is
            raise read
        documents.append(read)
    return documents
