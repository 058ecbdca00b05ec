"""Which items go together, and which wait for others."""

from collections.abc import Sequence

from consumer.record import Item


def followers(items: Sequence[Item]) -> dict[int, int]:
    """Return, of items with one partition key, which comes after which."""
    after: dict[int, int] = {}
    last: dict[str, int] = {}
    for i, item in enumerate(items):
        if item.key[0] in last:
            after[last[item.key[0]]] = i
        last[item.key[0]] = i
    return after


def chunked(items: Sequence[Item], indices: Sequence[int], most: int, most_bytes: int) -> list[list[int]]:
    """Divide the items with these indices, in order: at most so many together, and so many bytes of bodies."""
    chunks: list[list[int]] = []
    chunk: list[int] = []
    size = 0
    for i in indices:
        length = len(items[i].body)
        if chunk and (len(chunk) == most or size + length > most_bytes):
            chunks.append(chunk)
            chunk, size = [], 0
        chunk.append(i)
        size += length
    if chunk:
        chunks.append(chunk)
    return chunks
