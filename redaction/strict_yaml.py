"""YAML, and so JSON, of which nothing is lost without a word: no key stands twice, and what is wrong has its line."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import yaml

from redaction.nearest import nearest

_DEEPEST: Final = "is nested too deep, or holds itself"
# What PyYAML's constructors raise for `2024-13-45`, `!!bool x`, `!!int ''`, `!!timestamp x`.
_NO_SUCH_VALUE: Final = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError)


class NotYAML(Exception):
    """A text that cannot be read, or not in one way alone.

    :param reason: ends a sentence whose subject is the text, and may quote it.
    :param line: from 1; None: not known.
    :param twice: the key that stands twice, where that is the reason.
    """

    def __init__(self, reason: str, line: int | None = None, twice: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.twice = twice


class _Loader(yaml.SafeLoader):
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyYAML's
        try:
            return super().construct_object(node, deep)
        except _NO_SUCH_VALUE:
            problem = "no such date, number or value; is it a text? Put it in quotes"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None


def compose(text: str) -> yaml.Node | None:
    """Return the nodes of a text, for who wants to see quotes, lines and the digits of a number; None: it is empty.

    :raises NotYAML: without the parser's error as its context, which quotes the text.
    """
    return _read(text, values=False)[0]


def load(text: str) -> tuple[yaml.Node | None, Any]:
    """Return the nodes of a text, and its plain values.

    :raises NotYAML: see `compose`.
    """
    return _read(text, values=True)


def _read(text: str, *, values: bool) -> tuple[yaml.Node | None, Any]:
    problem: NotYAML
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        _refuse_duplicates(node)
        content = loader.construct_document(node) if values and node is not None else None
    except NotYAML as error:
        problem = error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        problem = NotYAML(f"is not YAML: {error.problem}", mark.line + 1 if mark else 1)
    except yaml.YAMLError:
        problem = NotYAML("is not YAML: it holds characters that may not stand in a text")
    except RecursionError:
        problem = NotYAML(_DEEPEST)
    else:
        return node, content
    raise problem


def _refuse_duplicates(root: yaml.Node | None) -> None:
    """YAML lets the last of equal keys win, silently: half of a file could be gone."""
    done: set[int] = set()  # an alias is its anchor's node again, and aliases of aliases are exponentially many

    def look(node: yaml.Node | None, within: frozenset[int]) -> None:
        if id(node) in within:
            raise NotYAML(_DEEPEST, node.start_mark.line + 1 if node else None)
        if id(node) in done:
            return
        inner = within | {id(node)}
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if key.value in seen:
                        reason = f"key {key.value!r} stands twice; keep one"
                        raise NotYAML(reason, key.start_mark.line + 1, key.value)
                    seen.add(key.value)
                look(value, inner)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                look(item, inner)
        done.add(id(node))

    look(root, frozenset())


def line_of(node: yaml.Node | None, place: Sequence[int | str]) -> int:
    """Give the line, from 1, of the last part of a place that is in the file."""
    return [1, *_lines(node, place)][-1]


def stands(node: yaml.Node | None, place: Sequence[int | str]) -> bool:
    """Say whether all of a place is in the file."""
    return len(list(_lines(node, place))) == len(place)


def _lines(node: yaml.Node | None, place: Sequence[int | str]) -> Iterator[int]:
    """Yield the line of each part of a place, up to the first that is not in the file."""
    for part in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if not found:
                return
            line = found[0].start_mark.line
            node = found[1]
        else:
            return
        yield line + 1


def unknown_key(name: str, known: Iterable[str]) -> str:
    """Say of a key that it is none, and what was probably meant."""
    known = list(known)
    near = nearest(name, known)
    return f"unknown key; did you mean {near!r}?" if near else f"unknown key; known: {', '.join(known)}"
