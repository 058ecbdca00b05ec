"""Actions that installed packages register under the entry point group `kinesis_sanitizer.actions`."""

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any, Final, TypeAlias

from redaction.actions.base import Action
from redaction.keys import KeyProvider
from redaction.nearest import nearest
from redaction.plugin import PluginInvalid, PolicyError, RedactionError

__all__ = ["ENTRY_POINT_GROUP", "ActionFactory", "load_action"]

ENTRY_POINT_GROUP: Final = "kinesis_sanitizer.actions"

ActionFactory: TypeAlias = Callable[[Mapping[str, object], str, KeyProvider | None], Action]
"""(settings, type, keys) -> the action; what it raises from the RedactionError tree reaches the user as it is."""


def load_action(
    name: str, settings: Mapping[str, object], type_: str, provider: KeyProvider | None, built_in: Iterable[str]
) -> Action:
    """Build the action registered under `name`; `built_in` are the names that exist without a plug-in.

    :raises PolicyError: there is none.
    :raises PluginInvalid: it can't be built.
    :raises RedactionError: what the factory raises of that tree.
    """
    registered = {(entry.name, entry.value): entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    found = [entry for (known, _), entry in registered.items() if known == name]
    if not found:
        known_names = sorted({*built_in, *(known for known, _ in registered)})
        near = nearest(name, known_names)
        hint = f"did you mean {near!r}? " if near else ""
        raise PolicyError(f"no action is named {name!r}; {hint}known: {', '.join(known_names)}")
    if len(found) > 1:
        targets = " and ".join(sorted(entry.value for entry in found))
        raise PluginInvalid(f"action {name!r} is registered more than once: {targets}; uninstall or rename one")
    title = f"action {name!r} ({found[0].value})"
    try:
        action: Any = found[0].load()(settings, type_, provider)
    except RedactionError:
        raise
    except Exception as error:
        raise PluginInvalid(f"{title} can't be built: {type(error).__name__}: {error}") from error
    if not callable(action) or not isinstance(getattr(action, "name", None), str):
        raise PluginInvalid(f"{title} is no action: it must be callable and have a name; see redaction.actions.base")
    made: Action = action
    return made
