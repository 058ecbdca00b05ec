"""What stands before a number says what it is: a card's, another kind of number, or nothing.

The name of its field, as views have it (`order_id":"`), or the label before it in a text (`order_id=`).
"""

import re
from functools import lru_cache
from typing import Final

from redaction.patterns import compile_bytes
from redaction.vocabulary import LONGEST_NAME, Vocabulary, word_set

__all__ = ["CARD_WORDS", "IDENTIFIERS", "is_alone_in", "is_of_trade", "line_start", "named", "words_of"]


CARD_WORDS: Final = word_set(
    "card cards pan pans cc ccn credit debit carte cartes carta carte karte karten kreditkarte tarjeta tarjetas cartao"
    " cartoes kaart kaartnummer karta karty kort fpan dpan mpan visa mastercard maestro amex discover jcb diners"
    " unionpay girocard dankort rupay"
)
"""Words of the names of card numbers."""

_OF_TRADE = word_set(
    "gtin ean upc upca isbn issn jan asin sscc gln grai giai barcode sku skus mpn imei imsi iccid serial part parts"
    " article lot order plan item product variant invoice shipment tracking parcel id ids uid uids uuid guid oid rid"
    " transaction txn trx trace span request batch job ticket case"
)
_OF_TRADE_ALONE = _OF_TRADE - {"id", "ids"}
IDENTIFIERS: Final = _OF_TRADE | word_set(
    "correlation session event message user customer merchant terminal store device stan rrn arn lsn scn nonce"
    " hash checksum etag"
    " amount amounts price total subtotal balance quantity qty count size bytes length duration latency offset position"
    " ordinal seq sequence index version revision height block gas wei latitude longitude lat lon lng"
    " timestamp timestamps ts time date epoch created updated modified expires millis ms us ns nanos micros"
    " phone phones tel telephone mobile msisdn fax zip postcode"
)
"""Words of the names of codes of trade, identifiers, measures and times."""

# In the plural, and alone, names of lists of anything.
_THINGS: Final = word_set(
    "part article order plan item product variant invoice shipment parcel transaction request batch job ticket case"
    " session event message user customer merchant terminal store device version index amount price"
)
_OF_PERSONS = word_set("phone phones tel telephone mobile msisdn fax cell contact ssn social security tax tin itin")

# Words that say nothing, but tell where others begin in a name in lower case.
_OTHERS = word_set(
    "number no num nr nbr code my account payment bank ref reference value external internal parent source primary"
    " sub line"
)
_VOCABULARY: Final = Vocabulary(CARD_WORDS | IDENTIFIERS | _OTHERS)
_NO_LETTERS: Final = re.compile("[^A-Za-z]+")
_REACH: Final = LONGEST_NAME + 16
_ENCODED = re.compile("%5[BDbd]")
# The end of a name of a field (`":"`, `":`, escaped if in a text), or of a label (`=`, `]=`, `%5D=`).
_END = re.compile(rb"(?:\\*[\"'] ?:|(?:\]|%5[Dd])?=) ?\[?\\*[\"']?\Z")
_LABEL = re.compile(rb"[A-Za-z0-9_.\[%\-]{1,64}\Z")
_END_REACH: Final = 16
_WITHIN_END: Final = b" [\\\"'"
_LAST_SIGNS: Final = frozenset({b":", b"="})
_FIELD_ENDS: Final = frozenset({b'":"', b'":'})
# In a sentence only if it says number, too: one may call to order.
_NUMBER_OF = compile_bytes(
    rb"(?i)(?:^|[^a-z])(?:order|part|item|article|invoice|serial|sku|product)(?: ?(?:no|nr|number|id)| ?#)[ .:#]{1,3}\z"
)
_NUMBER_REACH: Final = 24
_CLOSING: Final = frozenset(b"\"'\\,;&}])|> \x1d")


def line_start(view: bytes, place: int, reach: int) -> int:
    """Where the text begins in which `place` is, or what may be looked at of it."""
    return max(view.rfind(b"\n", max(0, place - reach), place) + 1, place - reach, 0)


def named(view: bytes, first: int, last: int) -> frozenset[str]:
    """Give the words of the name whose value is `view[first:last]`, and nothing else; in a text, of its label."""
    if view[max(0, first - _END_REACH) : first].rstrip(_WITHIN_END)[-1:] not in _LAST_SIGNS:
        return frozenset()  # as before most numbers of a text
    start = line_start(view, first, _REACH)
    end = _END.search(view, start, first)
    if not end:
        return frozenset()
    name = view[start : end.start()]
    if end[0] in _FIELD_ENDS and b'"' not in name and (not start or view[start - 1 : start] == b"\n"):
        return words_of(name) if is_alone_in(view, last) else frozenset()
    label = _LABEL.search(name)
    return words_of(label[0]) if label and (is_alone_in(view, last) or view[last] in _CLOSING) else frozenset()


def is_alone_in(view: bytes, last: int) -> bool:
    """Whether the text ends at `last`."""
    return last >= len(view) or view[last : last + 1] == b"\n"


def is_of_trade(view: bytes, first: int, last: int, *, id_is: bool = True) -> bool:
    """Whether what stands before says that it is the number of an order, a part and the like, and no person's.

    :param id_is: `id` alone says so; a person has one, too.
    """
    words = named(view, first, last)
    return (bool(words & (_OF_TRADE if id_is else _OF_TRADE_ALONE)) and not words & _OF_PERSONS) or bool(
        _NUMBER_OF.search(view[max(0, first - _NUMBER_REACH) : first])
    )


@lru_cache(maxsize=10_000)
def words_of(name: bytes) -> frozenset[str]:
    """Give the words of a name, in lower case, numbers left out."""
    text = _ENCODED.sub("_", name.decode("ascii"))
    words = {word for word in _VOCABULARY.words(text) if not word.isdecimal()}
    if len(words) == 1 and words <= _THINGS and _NO_LETTERS.sub("", text).endswith(("s", "S")):
        return frozenset()
    if {"primary", "account"} <= words:
        words.add("pan")
    return frozenset(words)
