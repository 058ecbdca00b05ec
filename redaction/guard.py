"""Any redactor, fail-closed: whatever a plug-in does wrong becomes a `Rejected`, never the original."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from redaction.plugin import Dropped, Redactor, Rejected, Released, Tag, TagAware, Verdict

__all__ = ["INVALID_VERDICT", "REDACTOR_RAISED", "TAG_UNKNOWN", "redact_guarded", "redactor_for"]

REDACTOR_RAISED = "redactor_raised"
"""The code of a record with which the redactor ended in an error."""

INVALID_VERDICT = "redactor_invalid_verdict"
"""The code of a record for which the redactor gave what is no verdict."""

TAG_UNKNOWN = "tag_unknown"
"""The code of documents whose schema has a tag that the redactor does not know."""

_NAME: Final = re.compile(r"(?!(?:.*\d){5})[a-z][a-z0-9_]{0,63}")


def redact_guarded(redactor: Redactor, payloads: Sequence[bytes]) -> list[Verdict]:
    """Give one verdict for each payload, in order.

    A batch that fails as a whole is tried again record by record, so that one bad record costs one rejection.
    Names of rules, actions and codes are lower snake case and short: they become labels and log fields, and a plug-in
    that puts content there is told by its shape. Only KeyboardInterrupt gets out.
    """
    if not payloads:
        return []
    verdicts = _call(redactor, payloads)
    if isinstance(verdicts, Rejected):
        if len(payloads) == 1:
            return [verdicts]
        return [redact_guarded(redactor, (payload,))[0] for payload in payloads]
    return [verdict if _is_valid(verdict) else Rejected(INVALID_VERDICT) for verdict in verdicts]


def redactor_for(redactor: Redactor, tags: Sequence[Tag]) -> Redactor | Rejected:
    """Give what redacts documents whose schema has these tags, or why none of them can be released.

    Tags that nobody treats are unknown: so are all to a redactor that knows of none. What is given is to be called by
    `redact_guarded`, as any other. Call this once for a batch. Only KeyboardInterrupt gets out.
    """
    if not tags:
        return redactor
    try:
        if not isinstance(redactor, TagAware):
            return Rejected(TAG_UNKNOWN)
        found = redactor.tagged(tags)
        is_redactor = callable(getattr(found, "redact", None))
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - a plug-in may raise anything, and its message may hold content
        return Rejected(REDACTOR_RAISED)
    if type(found) is Rejected and _is_valid(found):
        return found
    return found if is_redactor and not isinstance(found, Rejected) else Rejected(INVALID_VERDICT)


def _call(redactor: Redactor, payloads: Sequence[bytes]) -> list[Verdict] | Rejected:
    try:
        verdicts = redactor.redact(payloads)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - a plug-in may raise anything, and its message may hold content
        return Rejected(REDACTOR_RAISED)
    try:
        listed = list(verdicts)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - not iterable, or its iterator raises
        return Rejected(INVALID_VERDICT)
    return listed if len(listed) == len(payloads) else Rejected(INVALID_VERDICT)


def _is_valid(verdict: object) -> bool:
    # Exact types: a subclass could show one content to us and another to the sink.
    if type(verdict) is Released:
        return _is_released(verdict)
    if type(verdict) is Dropped:
        return _is_name(verdict.rule)
    return type(verdict) is Rejected and _is_name(verdict.code) and (verdict.rule is None or _is_name(verdict.rule))


def _is_released(verdict: Released) -> bool:
    if type(verdict.body) is not bytes or type(verdict.applied) is not tuple or not _is_applied(verdict.applied):
        return False
    try:
        return verdict.is_unread or type(verdict.document) is dict
    except ValueError:
        return False


def _is_applied(applied: tuple[object, ...]) -> bool:
    # No cache for the whole: what is equal to a text need not be one.
    for entry in applied:
        if type(entry) is not tuple or len(entry) != 2 or not (_is_name(entry[0]) and _is_name(entry[1])):  # noqa: PLR2004
            return False
    return True


def _is_name(name: object) -> bool:
    return type(name) is str and _is_name_shaped(name)


@lru_cache(maxsize=1024)  # the same few names come with every record
def _is_name_shaped(name: str) -> bool:
    return _NAME.fullmatch(name) is not None
