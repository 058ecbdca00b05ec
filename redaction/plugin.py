"""All that a plug-in author imports: the verdicts, the `Redactor` protocol, the errors and the loader.

A plug-in is a factory registered under the entry point group `kinesis_sanitizer.redactors`; it gets the
options of the configuration and returns a `Redactor`. Errors:

    RedactionError
    ├── PolicyError       a policy file or its options are wrong
    ├── PluginNotFound    no redactor of that name is installed
    └── PluginInvalid     the plug-in can't be loaded, or is no redactor
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, TypeAlias, runtime_checkable

import orjson

__all__ = [
    "ENTRY_POINT_GROUP",
    "Applied",
    "Document",
    "Dropped",
    "JSONValue",
    "PluginInvalid",
    "PluginNotFound",
    "PolicyError",
    "RedactionError",
    "Redactor",
    "RedactorFactory",
    "Rejected",
    "Released",
    "Scalar",
    "Tag",
    "TagAware",
    "Verdict",
    "identity",
    "load_redactor",
]

ENTRY_POINT_GROUP = "kinesis_sanitizer.redactors"
"""Under which a package registers its redactors' factories."""

# Known without an installed distribution too, so that `policy` works from a bare checkout.
_BUILT_IN = EntryPoint("policy", "redaction.engine:from_options", ENTRY_POINT_GROUP)

Scalar: TypeAlias = "bool | int | float | Decimal | str"
"""A value that holds no others; null is none."""

JSONValue: TypeAlias = "Scalar | list[JSONValue] | dict[str, JSONValue] | None"
"""What stands in a document."""

Document: TypeAlias = "dict[str, JSONValue]"
"""A record as an object of JSON: its fields by name, in their order."""

Applied: TypeAlias = tuple[str, str]
"""What was done to one value: id of the rule, name of the action."""


class Released:
    """The document may leave.

    Numbers with a fraction or an exponent are `float` where their shortest spelling (`repr`) is equal, as a decimal, to
    what was received, else `Decimal`; all others are `int`. A float stands for that spelling, not for its binary value.

    :param document: None where a double keeps all numbers of the body: it is read from it when somebody asks.
    :param body: the document as compact JSON in UTF-8, in the same order of fields.
    :param applied: an entry for each thing that a rule masked or dropped.
    """

    __match_args__ = ("document", "body", "applied")
    __slots__ = ("_document", "_written", "applied", "body")

    def __init__(self, document: "Document | None", body: bytes, applied: tuple[Applied, ...] = ()) -> None:
        self._document = document
        self._written: bytes | None = None
        self.body = body
        self.applied = applied

    @classmethod
    def written(cls, body: bytes, applied: tuple[Applied, ...]) -> "Released":
        """Give one whose body is known to be an object; of this project's engine alone."""
        released = cls(None, body, applied)
        released._written = body
        return released

    @property
    def is_unread(self) -> bool:
        """Whether nobody has asked for the document yet, and the body is known to be one."""
        # Whoever has put another body there does not know that of it.
        return self._written is not None and self._written is self.body and self._document is None

    @property
    def document(self) -> Document:
        """The document.

        :raises ValueError: it was to be read from the body, which is no JSON.
        """
        if self._document is None:
            self._document = orjson.loads(self.body)
        return self._document

    def __eq__(self, other: object) -> bool:
        if type(other) is not Released:
            return NotImplemented
        return (self.document, self.body, self.applied) == (other.document, other.body, other.applied)

    __hash__ = None  # type: ignore[assignment]  # a document has none

    def __repr__(self) -> str:
        return f"Released(document={self.document!r}, body={self.body!r}, applied={self.applied!r})"


@dataclass(frozen=True, slots=True)
class Dropped:
    """An explicit rule of the policy says that this record is not to be stored.

    :param rule: its id.
    """

    rule: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The record can't be released.

    :param code: why, in snake case; holds nothing of the content.
    :param rule: id of the rule that says so, if it is one.
    """

    code: str
    rule: str | None = None


Verdict: TypeAlias = Released | Dropped | Rejected
"""What becomes of a record."""


class Redactor(Protocol):
    """What redacts: one verdict for each payload, in the same order, whatever was redacted before."""

    @property
    def name(self) -> str:
        """What it is called in metrics and in each stored item."""

    @property
    def version(self) -> str:
        """Its version, as whoever wrote it counts them."""

    @property
    def digest(self) -> str:
        """Identifies the rules in force; another digest, other rules."""

    def redact(self, payloads: Sequence[bytes]) -> Sequence[Verdict]:
        """Return a verdict for each payload, in their order.

        :param payloads: each a record as it came, whatever it holds.
        """


Tag: TypeAlias = tuple[tuple[str, ...], str]
"""What a schema says of a field: its path and the tag.

The path holds names as the schema has them, from the document's top, lists passed through; `*` is any one name, such as
the keys of a map, `**` any number of them, none included.
"""


@runtime_checkable
class TagAware(Protocol):
    """A redactor that treats fields by the tags of the schema that a document was written with."""

    def tagged(self, tags: Sequence[Tag]) -> "Redactor | Rejected":
        """Return what redacts documents of a schema with these tags, or why none of them can be released.

        Itself, if there are none. Called for each batch, so what is made is kept for schemas that come again; how many,
        is bounded.
        """


def identity(redactor: Redactor) -> str:
    """Return name and version, ``name@version``, as items, quarantine entries and logs have them."""
    return f"{redactor.name}@{redactor.version}"


RedactorFactory: TypeAlias = Callable[[Mapping[str, object]], Redactor]
"""What is registered: makes a redactor of its options."""


class RedactionError(Exception):
    """Root of the errors raised while a redactor is set up; none is raised for a record."""


class PolicyError(RedactionError):
    """A policy or its options are wrong; the message names the file and place, and what would be right."""


class PluginNotFound(RedactionError):
    """No redactor of that name; the message lists the known ones."""


class PluginInvalid(RedactionError):
    """A redactor can't be imported or built, or what was built is none."""


def load_redactor(name: str, options: Mapping[str, object]) -> Redactor:
    """Build the redactor registered under `name`.

    :raises PluginNotFound: no plug-in has that name.
    :raises PluginInvalid: it cannot be imported or built, or what was built is none.
    :raises RedactionError: what the plug-in itself raises of that tree.
    """
    # A dict by value: the project's own registration of `policy` and the fallback are the same thing.
    registered = {(entry.name, entry.value): entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    registered[_BUILT_IN.name, _BUILT_IN.value] = _BUILT_IN
    found = [entry for (known, _), entry in registered.items() if known == name]
    if not found:
        known_names = ", ".join(sorted({known for known, _ in registered}))
        message = f"no redactor named {name!r} is installed; known: {known_names}"
        raise PluginNotFound(message)
    if len(found) > 1:
        targets = " and ".join(sorted(entry.value for entry in found))
        message = f"redactor {name!r} is registered more than once: {targets}; uninstall or rename one"
        raise PluginInvalid(message)
    title = f"redactor {name!r} ({found[0].value})"
    try:
        redactor: Redactor = found[0].load()(options)
    except RedactionError:
        raise
    except Exception as error:
        message = f"{title} can't be built: {type(error).__name__}: {error}"
        raise PluginInvalid(message) from error
    texts = ("name", "version", "digest")
    missing = [text for text in texts if not isinstance(getattr(redactor, text, None), str)]
    if not callable(getattr(redactor, "redact", None)):
        missing.append("redact")
    if missing:
        message = f"{title} lacks {', '.join(missing)}; see redaction.plugin.Redactor"
        raise PluginInvalid(message)
    return redactor
