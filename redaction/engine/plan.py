"""What happens to a field, and which fields it happens to: the rules of a policy, compiled."""

from dataclasses import dataclass, field

from redaction.actions.base import Action
from redaction.detectors.base import Detector
from redaction.engine.values import Test
from redaction.plugin import Applied
from redaction.policy.selectors import Selector

DROP, RELEASE, QUARANTINE = "drop", "release", "quarantine"


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to a field. `action` is None for `drop` and `quarantine`, which `verb` names."""

    rule: str
    verb: str
    action: Action | None = None
    kind: Detector | None = None
    applied: Applied = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "applied", (self.rule, self.verb))


@dataclass(slots=True, eq=False)
class Named:
    """What happens to the scalars of a field that a rule's words select.

    `counts`: which of them do. `sure`: a pattern of texts that do without a doubt; see `redaction.engine.values.sure`.
    `below`: the same for members whose own name says something else; None: nothing. `hint`: the name alone does not say
    enough. `pairs`: a text may hold several, as a cookie does. `code`: no detector knows such values, and a few digits
    may be one.
    """

    plan: Plan
    counts: Test
    below: "Named | None" = None
    hint: bool = False
    pairs: bool = False
    code: bool = False
    sure: bytes | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A field rule, compiled. `plan` None: release. `words`, `hints`: what its words mean, if it has any."""

    id: str
    selectors: tuple[Selector, ...]
    plan: Plan | None
    words: Named | None = None
    hints: Named | None = None


@dataclass(frozen=True, slots=True)
class Exemption:
    """Fields in which some detectors don't count."""

    selectors: tuple[Selector, ...]
    detectors: frozenset[str]
