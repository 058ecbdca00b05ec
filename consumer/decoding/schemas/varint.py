"""Numbers of Protobuf's wire format, as they stand in front of its messages."""

from typing import Final

from consumer.decoding.schemas.definition import Refused

PROTOBUF_INVALID: Final = "protobuf_invalid"
_MAX_BITS: Final = 63
_MORE: Final = 0x80


def unsigned(payload: bytes, place: int) -> tuple[int, int]:
    """Return a number, and where it ends.

    :raises Refused: it is cut short, or longer than any.
    """
    number = shift = 0
    while place < len(payload) and shift <= _MAX_BITS:
        byte = payload[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < _MORE:
            return number, place
        shift += 7
    raise Refused(PROTOBUF_INVALID)


def signed(payload: bytes, place: int) -> tuple[int, int]:
    """Return a number in ZigZag, and where it ends.

    :raises Refused: as above.
    """
    number, place = unsigned(payload, place)
    return (number >> 1) ^ -(number & 1), place
