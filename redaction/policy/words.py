"""Names by a grammar of words: what a name ends in says what it is, whatever stands before.

`credit_card_cvv`, `creditCardCvv`, `CREDITCARDCVV` and `payment.card.cvv[0]` are all some kind of `cvv`; `cvv_result`
is a result, and `pinterest` is one other word. A name is split into words where its separators, its case or its digits
say so, and, where it is glued, by the vocabulary of the policy and of the lists here.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

Role: TypeAlias = Literal["generic", "descriptor", "other"]
"""What a name says of a member of something: nothing, something about it, or something of its own."""

_Trie: TypeAlias = dict[str, "_Trie | str"]  # type: ignore[misc, unused-ignore]

_MAX_LENGTH: Final = 64
_MAX_WORDS: Final = 12
# Of a glued name; what is longer is looked at for what it ends in.
_MAX_GLUED: Final = 40
# Pieces of names whose words are remembered.
_MEMORY: Final = 8192
_MAX_CORE_WORDS: Final = 6
# So long a core word is found at the end of a glued name whose beginning nobody knows.
_TELLING_LENGTH: Final = 8
# Letters at the end of a piece that tell whether a word may end there.
_END_LENGTH: Final = 4


def word_set(words: str) -> frozenset[str]:
    """Give the words of a text."""
    return frozenset(words.split())


BEHIND: Final = word_set(
    """number no num nbr nr nummer numero value val data raw text txt string str plain plaintext clear cleartext
    full hash hashed digest again confirm confirmation confirmed repeat repeated retype verify new old current
    previous home work business mobile private primary secondary alt alternate alternative other main default
    preferred field input param parameter attribute property enc encrypted encoded decrypted masked formatted
    normalized c e164 hex base64 b64 first second tmp temp test copy entry entered"""
)
"""What may stand behind the word that counts, and says nothing else of it; so do numbers."""

_LEAVES: Final = word_set(
    """s n b m l ss ns bs int integer double long float bool boolean bytes array list values kvlist item items
    element content contents body cdata inner object node x 0"""
)
_DESCRIPTORS: Final = word_set(
    """brand type kind subtype category class last4 funding country region state city currency month year network
    scheme issuer bank object id ids uuid guid ref reference status state check checks result results
    fingerprint bin iin last ending suffix prefix length size count total limit min max amount fee label title
    description message reason created updated expires expiry expiration exp at on in time date timestamp
    version format mode method source origin provider vendor level score decision outcome response error errors
    url uri link href locale language lang icon image logo verified valid enabled disabled required optional
    active supported policy strength hint days hours minutes seconds wallet product program tier channel usage
    metadata"""
)
_ABOUT: Final = word_set("is has can allow allows include includes requires should use uses supports")
# Words of names that are no policy's, for telling glued names apart: `customerpin` from `pinterest`.
_USUAL: Final = word_set(
    """a the my your our user users customer client member person people consumer shopper buyer seller payer payee
    owner holder merchant vendor admin root guest login account acct sender receiver recipient debtor creditor
    beneficiary patient employee applicant borrower subscriber contact company billing shipping delivery payment
    pay transaction tran order invoice refund credit debit bank gift store stored key trust keystore truststore
    database db pg mysql postgres redis mongo smtp imap ftp ssh ssl tls http https proxy api app web site
    service server host remote local source src destination dest dst origin target public access refresh auth
    oauth session request response header body form x of and for to by per card cards check checking us uk eu"""
)
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


class Core(NamedTuple):
    """A core word of a rule, as it is written. `rule` None: an innocent name; `hint`: the value has to say so, too."""

    text: str
    rule: str | None
    hint: bool = False


def fold(text: str) -> str:
    """Give compatibility forms their plain letters, and take accents away; case stays."""
    if text.isascii():
        return text
    parted = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(char for char in parted if not unicodedata.combining(char))


def plain_words(text: str) -> list[str]:
    """Split an entry of `words`, `hints` or `innocent` where it says so itself."""
    return [word for run in _RUN.findall(fold(text)) for word in _LETTERS_OR_DIGITS.findall(run.casefold())]


def parse_words(text: str) -> str:
    """Spell an entry of `words`, `hints` or `innocent` as it is compared.

    :raises ValueError: it is none; says what would be right.
    """
    if len(text) > _MAX_LENGTH:
        message = f"a word of {len(text)} characters is too large; {_MAX_LENGTH} are allowed"
        raise ValueError(message)
    if "*" in text or "." in text:
        message = f"{text!r}: words have no '*' and no dot; put it under 'names' or 'paths'"
        raise ValueError(message)
    words = plain_words(text)
    if not any(word[0].isalpha() for word in words):
        message = f"{text!r} has no letter; it needs one"
        raise ValueError(message)
    if len(words) > _MAX_CORE_WORDS:
        message = f"{text!r}: {len(words)} words are too many; {_MAX_CORE_WORDS} are allowed"
        raise ValueError(message)
    return " ".join(words)


def joined(text: str) -> str:
    """Spell an entry without what separates its words: two that are spelled so alike are one."""
    return "".join(plain_words(text))


class Grammar:
    """The words of one policy. Not bound to a document: one instance serves all."""

    def __init__(self, cores: Iterable[Core]) -> None:
        listed = [(core, plain_words(core.text)) for core in cores]
        self.cores: Final = tuple(core for core, _ in listed)
        vocabulary = {*BEHIND, *_USUAL, *(word for _, words in listed for word in words)}
        self._words: Final = {**{f"{word}{end}": word for word in vocabulary for end in ("es", "s")}}
        self._words.update({word: word for word in vocabulary})
        self._trie: Final = _trie_of(self._words)
        self._ends: Final = frozenset(word[-2:] for word in self._words if len(word) > 1)
        self._cores: Final = {"".join(words): core for core, words in listed}
        telling = (
            spelled for spelled, core in self._cores.items() if len(spelled) >= _TELLING_LENGTH and not core.hint
        )
        self._telling: Final[dict[str, list[str]]] = {}
        for spelled in sorted(telling, key=len, reverse=True):
            self._telling.setdefault(spelled[-_END_LENGTH:], []).append(spelled)
        self._split: Final = lru_cache(_MEMORY)(self._split_piece)

    def decide(self, words: Sequence[str]) -> Core | None:
        """Find the core in which a name ends, but for what may stand behind it; the longest counts."""
        words = words[-_MAX_WORDS:]
        for end in range(len(words), 0, -1):
            first = max(0, end - _MAX_CORE_WORDS)
            spelled = "".join(words[first:end])
            for word in words[first:end]:
                if spelled in self._cores:
                    return self._cores[spelled]
                spelled = spelled[len(word) :]
            if not _says_nothing(words[end - 1]):
                return None
        return None

    @staticmethod
    def role(words: Sequence[str]) -> Role:
        """Tell what a name says of a member of something."""
        told = [word for word in words if not _says_nothing(word) and word not in _LEAVES]
        if not told:
            return "generic"
        about = told[-1] in _DESCRIPTORS or told[-1].removesuffix("s") in _DESCRIPTORS or words[0] in _ABOUT
        return "descriptor" if about else "other"

    def words(self, name: str) -> list[str]:
        """Split a name into words, in the singular where the vocabulary knows it; of a long one the end counts."""
        return [
            word
            for run in _RUN.findall(fold(name[-_MAX_LENGTH:]))
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


def _says_nothing(word: str) -> bool:
    return word in BEHIND or word.isdecimal()


def _trie_of(words: dict[str, str]) -> _Trie:
    trie: _Trie = {}
    for spelled, word in words.items():
        node = trie
        for char in spelled:
            node = node.setdefault(char, {})  # type: ignore[assignment]
        node[""] = word
    return trie
