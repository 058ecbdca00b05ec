"""Sample records out of a file of somebody's own: lines, a JSON array, or one record on several lines."""

import json
from collections.abc import Iterator


def samples(content: bytes) -> list[bytes]:
    """Split a file into records, byte for byte: blank lines are none, and what is no JSON is left as lines."""
    stripped = content.strip()
    if stripped.startswith(b"["):
        items = _items(stripped)
        if items is not None:
            return items
    if stripped.startswith(b"{") and b"\n" in stripped and _is_json(stripped):
        return [stripped]
    return [line for line in (each.rstrip(b"\r") for each in content.split(b"\n")) if line.strip()]


def _items(array: bytes) -> list[bytes] | None:
    """Return the items of a JSON array as they are written; None: it is none."""
    try:
        text = array.decode()
        return [item.encode() for item in _written(text)] if isinstance(json.loads(text), list) else None
    except (ValueError, RecursionError):
        return None


def _written(text: str) -> Iterator[str]:
    decoder = json.JSONDecoder()
    place = _after_space(text, 1)
    while text[place] != "]":
        _, end = decoder.raw_decode(text, place)
        yield text[place:end]
        place = _after_space(text, end)
        if text[place] == ",":
            place = _after_space(text, place + 1)


def _after_space(text: str, place: int) -> int:
    while text[place] in " \t\r\n":
        place += 1
    return place


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
