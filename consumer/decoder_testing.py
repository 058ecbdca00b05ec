"""The conformance kit of decoders: what each has to do, whatever the bytes.

    from consumer.decoder_testing import CHECKS, Samples

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_decoder_conforms(check):
        check(Samples(lambda context: MyDecoder({}, context), [first, second]))

A check raises AssertionError; its message names the law that was broken and holds no content.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

import orjson

from consumer.decoder import (
    PART_BYTES,
    Decoded,
    Decoder,
    DecoderContext,
    DecoderUnavailable,
    Kind,
    LeftOut,
    Part,
    Undecodable,
)
from consumer.sink_testing import Log
from redaction.testing.laws import is_name, law, require, require_seconds, same_in_threads

__all__ = [
    "CANARY",
    "CHECKS",
    "HOSTILE_SECONDS",
    "MAX_BYTES",
    "DecoderCheck",
    "Log",
    "NoMetrics",
    "Samples",
    "a_part_of_a_document_is_none",
    "all_of_it_is_accounted_for",
    "any_bytes_give_parts",
    "hostile_bytes_take_no_longer",
    "parts_are_the_same_each_time",
    "samples_are_understood",
    "says_no_content",
    "stays_within_its_bound",
    "threads_share_it",
    "what_passes_is_one_document",
]

CANARY: Final = "4111111111111111"
"""Put it into the documents of the samples: it may stand in no code, no log line and no error."""

MAX_BYTES: Final = 4 * 2**20
"""What a record may become here."""

HOSTILE_SECONDS: Final = 2.0
"""What a decoder may take for a record made to take long."""

_CUTS: Final = 60
_FLIPS: Final = 40
_HOSTILE_BYTES: Final = 400_000


class NoMetrics:
    """`consumer.decoder.DecoderMetrics` that nobody reads."""

    def kept_out(self, fields: int) -> None:
        """See `DecoderMetrics.kept_out`."""


class Samples(NamedTuple):
    """A decoder, and what it is tried with.

    :ivar make: makes one.
    :ivar records: that it understands in whole; one of them at least holds a document.
    """

    make: Callable[[DecoderContext], Decoder]
    records: Sequence[bytes]

    def made(self, max_bytes: int = MAX_BYTES, log: Log | None = None) -> Decoder:
        """Return a new decoder."""
        return self.make(DecoderContext("stream", max_bytes, NoMetrics(), log or Log()))


DecoderCheck: TypeAlias = Callable[[Samples], None]
"""A law that a decoder has to keep; raises AssertionError where it does not."""


@law
def samples_are_understood(samples: Samples) -> None:
    """Require documents of each sample, or a rule that leaves it out."""
    decoder = samples.made()
    require({type(decoder.takes), type(decoder.gives)} == {Kind}, "a decoder says what it takes and gives")
    parts = [part for record in samples.records for part in decoder.decode(record)]
    require(not any(isinstance(part, Undecodable) for part in parts), "the samples are understood in whole")
    require(any(isinstance(part, Decoded) for part in parts), "the samples hold documents")


@law
def any_bytes_give_parts(samples: Samples) -> None:
    """Require parts for whatever bytes: at least one, of the types that there are, with names that are names."""
    decoder = samples.made()
    for data in _any_bytes(samples):
        parts = _decoded(decoder, data)
        if parts is None:
            continue
        require(parts, "there is at least one part")
        for part in parts:
            if type(part) is Decoded:
                require(type(part.data) is bytes, "what is decoded is bytes")
            elif type(part) is Undecodable:
                require(is_name(part.code), "a code is lower snake case, with four digits at most")
            else:
                require(type(part) is LeftOut and is_name(part.rule), "a part is Decoded, Undecodable or LeftOut")


@law
def parts_are_the_same_each_time(samples: Samples) -> None:
    """Require equal parts for equal bytes, from another decoder too: a place in a record is a document's identity."""
    one, other = samples.made(), samples.made()
    for data in _any_bytes(samples):
        first = _decoded(one, data)
        require(first == _decoded(one, data) == _decoded(other, data), "equal bytes give equal parts")


@law
def stays_within_its_bound(samples: Samples) -> None:
    """Require that the parts together are not larger than they may be, however little that is."""
    largest = max(_size(_decoded(samples.made(), record)) for record in samples.records)
    for max_bytes in {PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, largest - 1, largest, 2 * largest}:
        decoder = samples.made(max_bytes)
        for data in _any_bytes(samples):
            require(_size(_decoded(decoder, data)) <= max_bytes, "parts are not larger together than max_bytes")


@law
def all_of_it_is_accounted_for(samples: Samples) -> None:
    """Require that neither what follows a record nor what is missing of it goes unnoticed."""
    decoder = samples.made()
    for record in samples.records:
        whole = _decoded(decoder, record)
        for more in (b"\0", b"x", b"\xff" * 9, b"}", b"]"):
            require(_decoded(decoder, record + more) != whole, "what follows a record is not ignored")
        for cut in _cuts(record):
            require(_decoded(decoder, cut) != whole, "a record that is cut short is not taken for whole")


@law
def a_part_of_a_document_is_none(samples: Samples) -> None:
    """Require that of a record that is cut short only whole documents are documents."""
    decoder = samples.made()
    if decoder.gives is not Kind.JSON:
        return
    for record in samples.records:
        whole = _documents(_decoded(decoder, record))
        for cut in _cuts(record):
            found = _documents(_decoded(decoder, cut))
            require(found <= whole, "half of a broken document does not pass for a document")


@law
def what_passes_is_one_document(samples: Samples) -> None:
    """Require of a decoder that tells what passes that `decode` agrees."""
    decoder = samples.made()
    passes: Callable[[bytes], bool] | None = getattr(decoder, "passes", None)
    if passes is None:
        return
    for data in _any_bytes(samples):
        if len(data) + PART_BYTES <= MAX_BYTES and passes(data):
            require(_decoded(decoder, data) == [Decoded(data)], "what passes is one document, as it is")


@law
def says_no_content(samples: Samples) -> None:
    """Require that no code, log line or error holds anything of a document."""
    log = Log()
    decoder = samples.made(log=log)
    for data in _any_bytes(samples):
        try:
            parts = decoder.decode(data)
        except DecoderUnavailable as error:
            require(CANARY not in str(error), "an error holds no content")
            continue
        named = [part[0] for part in parts if not isinstance(part, Decoded)]
        require(not any(CANARY in name for name in named), "no code and no rule holds content")
    require(not any(CANARY in said for said in log.said), "no log line holds content")


@law
def threads_share_it(samples: Samples) -> None:
    """Require that threads that decode at once get what one of them alone gets."""
    decoder = samples.made()
    data = [*samples.records, *(record[: len(record) // 2] for record in samples.records)]
    require(same_in_threads(lambda each: _decoded(decoder, each), data), "several threads may decode at once")


@law
def hostile_bytes_take_no_longer(samples: Samples) -> None:
    """Require linear time."""
    decoder = samples.made()
    for piece in (b"{", b"}", b"[", b"{}", b'{"":', b'"', b'"\\', b"\\", b" ", b"\n", b"{\n", b'{"\n', b"\0", b"\xff"):
        for begin in (b"", b"[", b"{}\n", *(record[: len(record) // 2] for record in samples.records)):
            data = begin + piece * (_HOSTILE_BYTES // len(piece))
            require_seconds(HOSTILE_SECONDS, lambda data=data: _decoded(decoder, data))  # type: ignore[misc]


CHECKS: Final[tuple[DecoderCheck, ...]] = (
    samples_are_understood,
    any_bytes_give_parts,
    parts_are_the_same_each_time,
    stays_within_its_bound,
    all_of_it_is_accounted_for,
    a_part_of_a_document_is_none,
    what_passes_is_one_document,
    says_no_content,
    threads_share_it,
    hostile_bytes_take_no_longer,
)
"""All laws that a decoder has to keep, to be tried one by one."""


def _decoded(decoder: Decoder, data: bytes) -> list[Part] | None:
    """Return the parts; None: what it asks does not answer."""
    try:
        return list(decoder.decode(data))
    except DecoderUnavailable:
        return None


def _size(parts: Sequence[Part] | None) -> int:
    return sum(len(part.data) + PART_BYTES for part in parts or () if isinstance(part, Decoded))


def _documents(parts: Sequence[Part] | None) -> set[bytes]:
    return {part.data.strip() for part in parts or () if isinstance(part, Decoded) and _is_object(part.data)}


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _cuts(record: bytes) -> Iterator[bytes]:
    """Yield what is left of a record when more than white space is cut off."""
    longest = len(record.rstrip())
    yield from (record[:end] for end in range(0, longest, max(1, longest // _CUTS)))


def _any_bytes(samples: Samples) -> Iterator[bytes]:
    """Yield the samples, what becomes of them when they are damaged, and others. The same each time."""
    rng = random.Random(1)  # noqa: S311 - repeatable by design
    yield from (b"", b" ", b"\0", b"{}", b"[]", b"null", b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0", CANARY.encode())
    yield from (rng.randbytes(size) for size in (1, 2, 5, 16, 300, 3000))
    for record in samples.records:
        yield record
        yield record * 2
        yield b"[" + record + b"," + record + b"]"
        yield record + b"\n" + record
        yield record + rng.randbytes(3)
        yield from _cuts(record)
        for _ in range(_FLIPS if record else 0):
            place = rng.randrange(len(record))
            yield record[:place] + rng.randbytes(1) + record[place + 1 :]
