"""Names by a grammar of words: what a name ends in says what it is, whatever stands before.

`credit_card_cvv`, `creditCardCvv`, `CREDITCARDCVV` and `payment.card.cvv[0]` are all some kind of `cvv`; `cvv_result`
is a result, and `pinterest` is one other word. A name is split into words where its separators, its case or its digits
say so, and, where it is glued, by the vocabulary of the policy and of the lists here.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from redaction.vocabulary import Vocabulary, plain_words, word_set

Role: TypeAlias = Literal["generic", "descriptor", "other"]
"""What a name says of a member of something: nothing, something about it, or something of its own."""

_MAX_LENGTH: Final = 64
_MAX_WORDS: Final = 12
_MAX_CORE_WORDS: Final = 6
# So long a core word is found at the end of a glued name whose beginning nobody knows.
_TELLING_LENGTH: Final = 8


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
    oauth session request response header body form x of and for to by per card check checking us uk eu
    sscc grai giai"""
)


class Core(NamedTuple):
    """A core word of a rule, as it is written. `rule` None: an innocent name; `hint`: the value has to say so, too."""

    text: str
    rule: str | None
    hint: bool = False


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
        self._cores: Final = {"".join(words): core for core, words in listed}
        telling = (
            spelled for spelled, core in self._cores.items() if len(spelled) >= _TELLING_LENGTH and not core.hint
        )
        self.words: Final = Vocabulary(vocabulary, telling).words

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


def _says_nothing(word: str) -> bool:
    return word in BEHIND or word.isdecimal()
