"""Records on their careful way: the documents, what was done to them, and what they may still cost."""

from typing import Final

from redaction.engine.field_rules import FieldForbidden, Hit
from redaction.plugin import Document, Rejected

FIELD_FORBIDDEN: Final = "field_forbidden"
KEY_COLLISION: Final = "key_collision"
LEAK_SUSPECTED: Final = "leak_suspected"
TOO_COMPLEX: Final = "too_complex"

# Redaction may lay bare a candidate that was none before: the digits kept, and what follows them.
# One round is the rule, two are rare; text that needs more is made to.
ROUNDS: Final = 8


class TooComplex(Exception):
    """The record would cost more than its budget, or something in it is wrapped too often."""


class KeyCollision(Exception):
    """Two keys of one object became equal by redaction. `rule`: what changed them."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


MENDING_ERRORS: Final = (TooComplex, KeyCollision, FieldForbidden)
"""What may be raised while a record is mended, for this record alone."""


_FULL_SIZE: Final = 400 * 1024


def budget_for(suspect_chars: int, size: int) -> int:
    """Give what a record of a size may cost.

    :param suspect_chars: what is looked at for each 400 KB, the size of an item of DynamoDB. To search a record for
        what may be sensitive takes time, too: one of less than half of that has what it spares, up to twice as much.
    """
    if size >= _FULL_SIZE:
        return suspect_chars * size // _FULL_SIZE
    return suspect_chars + suspect_chars * max(0, _FULL_SIZE // 2 - size) // (_FULL_SIZE // 2)


class Account:
    """What a record may still cost. `rejected`: it can't be made clean, and why.

    `has_shown`: something in it had to be looked into, or was found.
    """

    __slots__ = ("budget", "has_shown", "rejected")

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.has_shown = False
        self.rejected: Rejected | None = None

    def require(self, cost: int) -> None:
        """Make sure that there is enough for it, without paying yet.

        :raises TooComplex: there is not.
        """
        if self.budget < cost:
            raise TooComplex

    def spend(self, cost: int) -> None:
        """Pay for work on as many characters.

        :raises TooComplex: there was not enough for it.
        """
        self.budget -= cost
        if self.budget < 0:
            raise TooComplex

    def reject(self, code: str, rule: str | None = None) -> None:
        """Say that the record can't be released; the first reason stays."""
        self.rejected = self.rejected or Rejected(code, rule)

    def give_up(self, error: "TooComplex | KeyCollision | FieldForbidden") -> None:
        """Reject the record for what one of `MENDING_ERRORS` says."""
        match error:
            case TooComplex():
                self.reject(TOO_COMPLEX)
            case KeyCollision(rule=rule):
                self.reject(KEY_COLLISION, rule)
            case FieldForbidden(plan=plan):
                self.reject(FIELD_FORBIDDEN, plan.rule)


class Work:
    """A document that is being mended, a record or what stands within a text of one, and what was done to it.

    `account`: of the record. `exempt`: detectors that don't count in any of its texts. `clean`: texts in which nothing
    was found, with what stands before them.
    """

    __slots__ = ("account", "clean", "document", "exempt", "hits")

    def __init__(
        self,
        document: Document,
        hits: list[Hit],
        account: Account,
        exempt: frozenset[str] = frozenset(),
        clean: frozenset[str] = frozenset(),
    ) -> None:
        self.document = document
        self.hits = hits
        self.account = account
        self.exempt = exempt
        self.clean = clean
