"""The words of a name: split by separators, case and digits, and, where it is glued, by a vocabulary."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

_Trie: TypeAlias = dict[str, "_Trie | str"]  # type: ignore[misc, unused-ignore]

LONGEST_NAME: Final = 64
"""Characters of a name that are looked at, from its end."""

# Of a glued name; what is longer is looked at for what it ends in.
_MAX_GLUED: Final = 40
# Pieces of names whose words are remembered.
_MEMORY: Final = 8192
# Letters at the end of a piece that tell whether a word may end there.
_END_LENGTH: Final = 4
# Letters that have no decomposition.
_PLAIN: Final = str.maketrans(
    {
        "ß": "ss",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "\u0131": "i",
    }
)
_RUN: Final = re.compile(r"[^\W_]+")
_LETTERS_OR_DIGITS: Final = re.compile(r"\d+|[^\W\d_]+")
_BY_CASE: Final = re.compile(r"[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^A-Za-z]+")


def word_set(words: str) -> frozenset[str]:
    """Give the words of a text."""
    return frozenset(words.split())


def fold(text: str) -> str:
    """Give compatibility forms their plain letters, and take accents away; case stays."""
    if text.isascii():
        return text
    parted = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(char for char in parted if not unicodedata.combining(char))


def plain_words(text: str) -> list[str]:
    """Split an entry of `words`, `hints` or `innocent` where it says so itself."""
    return [word for run in _RUN.findall(fold(text)) for word in _LETTERS_OR_DIGITS.findall(run.casefold())]


class Vocabulary:
    """Words, and their plurals. Safe to share between threads.

    :param telling: words found at the end of a glued name, too, whose beginning nobody knows.
    """

    def __init__(self, words: Iterable[str], telling: Iterable[str] = ()) -> None:
        known = set(words)
        self._words: Final = {f"{word}{end}": word for word in known for end in ("es", "s")}
        self._words.update({word: word for word in known})
        self._trie: Final = _trie_of(self._words)
        self._ends: Final = frozenset(word[-2:] for word in self._words if len(word) > 1)
        self._telling: Final[dict[str, list[str]]] = {}
        for spelled in sorted(telling, key=len, reverse=True):
            self._telling.setdefault(spelled[-_END_LENGTH:], []).append(spelled)
        self._split: Final = lru_cache(_MEMORY)(self._split_piece)

    def words(self, name: str) -> list[str]:
        """Split a name into words, in the singular where the vocabulary knows it; of a long one the end counts."""
        return [
            word
            for run in _RUN.findall(fold(name[-LONGEST_NAME:]))
            for piece in _LETTERS_OR_DIGITS.findall(run)
            for word in self._split(piece)
        ]

    def _split_piece(self, piece: str) -> Sequence[str]:
        whole = piece.casefold()
        if whole in self._words:
            return (self._words[whole],)
        if not piece.isalpha():
            return (piece,)
        parts = [part.casefold() for part in _BY_CASE.findall(piece)] if piece.isascii() else [whole]
        if len(parts) > 1:
            known = [self._segmented(part) for part in parts]
            if all(known):
                return [word for words in known if words for word in words]
            if words := self._segmented(whole):
                return words
            return [word for part in parts for word in self._end_known(part)]
        return self._end_known(whole)

    def _end_known(self, piece: str) -> Sequence[str]:
        if words := self._segmented(piece):
            return words
        for spelled in self._telling.get(piece[-_END_LENGTH:], ()):
            if piece.endswith(spelled):
                return (piece.removesuffix(spelled), spelled)
        return (piece,)

    def _segmented(self, piece: str) -> list[str] | None:
        """Part a glued name into known words, as few as possible; None: there is no way."""
        if piece in self._words:
            return [self._words[piece]]
        length, trie, reach = len(piece), self._trie, 0
        if length > _MAX_GLUED or (piece[-2:] not in self._ends and piece[-1:] not in self._words):
            return None
        best: list[tuple[int, int, str] | None] = [None] * (length + 1)
        best[0] = (0, 0, "")
        for start in range(length):
            reached = best[start]
            if reached is None:
                if start > reach:
                    return None
                continue
            node, count = trie, reached[0] + 1
            for place in range(start, length):
                below = node.get(piece[place])
                if below is None:
                    break
                node = below  # type: ignore[assignment]
                word = node.get("")
                known = best[place + 1]
                if word is not None and (known is None or count < known[0]):
                    best[place + 1] = (count, start, word)  # type: ignore[assignment]
                    reach = max(reach, place + 1)
        words: list[str] = []
        while length and (step := best[length]):
            words.append(step[2])
            length = step[1]
        return words[::-1] if words and length == 0 else None


def _trie_of(words: dict[str, str]) -> _Trie:
    trie: _Trie = {}
    for spelled, word in words.items():
        node = trie
        for char in spelled:
            node = node.setdefault(char, {})  # type: ignore[assignment]
        node[""] = word
    return trie
