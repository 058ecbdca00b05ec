"""Finds what other packages register: a factory by its name, in a group of entry points."""

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from consumer.errors import UsageError


def find_factory(kind: str, group: str, name: str, built_in: Iterable[EntryPoint]) -> Any:
    """Return the factory that is registered under a name.

    :param kind: what it makes, for messages.
    :param built_in: known without an installed distribution too: from a bare checkout, and in a function's package.
    :raises UsageError: there is none of that name, or more than one, or it cannot be imported.
    """
    # A dict by value: the project's own registration and the fallback are the same thing.
    registered = {(entry.name, entry.value): entry for entry in (*entry_points(group=group), *built_in)}
    found = [entry for (known, _), entry in registered.items() if known == name]
    if not found:
        known = ", ".join(sorted({known for known, _ in registered}))
        raise UsageError(f"No {kind} named {name!r} is installed; known: {known}.")
    if len(found) > 1:
        targets = " and ".join(sorted(entry.value for entry in found))
        raise UsageError(f"The {kind} {name!r} is registered more than once: {targets}; uninstall or rename one.")
    try:
        return found[0].load()
    except Exception as error:
        raise UsageError(
            f"The {kind} {name!r} ({found[0].value}) cannot be imported: {type(error).__name__}."
        ) from error
