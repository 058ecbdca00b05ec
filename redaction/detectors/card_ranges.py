"""Which card numbers there are: issuer identification numbers (ISO/IEC 7812-1) and the lengths they are issued in."""

from collections import defaultdict
from typing import Final

__all__ = ["LENGTHS", "candidate_of"]

# (first, last) prefix and lengths, from the networks' published ranges.
_RANGES: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("4", "4", (13, 16, 18, 19)),  # Visa; Elo's 4-ranges lie within
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),  # Mastercard
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14, 16, 19)),  # Diners Club
    ("3095", "3095", (14, 16, 19)),
    ("36", "36", (14, 16, 19)),
    ("38", "39", (14, 16, 19)),
    ("6011", "6011", (16, 19)),  # Discover
    ("644", "649", (16, 19)),
    ("65", "65", (16, 19)),
    ("2131", "2131", (15,)),  # JCB
    ("1800", "1800", (15,)),
    ("35", "35", (16, 17, 18, 19)),
    ("62", "62", (14, 15, 16, 17, 18, 19)),  # UnionPay
    ("810", "817", (14, 15, 16, 17, 18, 19)),
    ("2200", "2204", (16, 17, 18, 19)),  # Mir
    ("2205", "2205", (16,)),  # Borica
    ("82", "82", (16,)),  # RuPay; its other ranges lie within those of Discover, JCB and Maestro
    ("8600", "8600", (16,)),  # Uzcard
    ("9704", "9704", (16, 19)),  # Napas
    ("9792", "9792", (16,)),  # Troy
    ("9860", "9860", (16,)),  # Humo
    ("50", "50", tuple(range(12, 20))),  # Maestro
    ("56", "59", tuple(range(12, 20))),
    ("6", "6", tuple(range(12, 20))),
    ("0604", "0604", tuple(range(12, 20))),
)


def _lengths_by_prefix() -> dict[bytes, tuple[int, ...]]:
    lengths: defaultdict[bytes, set[int]] = defaultdict(set)
    for first, last, allowed in _RANGES:
        missing = 4 - len(first)
        for number in range(int(first) * 10**missing, (int(last) + 1) * 10**missing):
            lengths[b"%04d" % number].update(allowed)
    return {iin: tuple(sorted(allowed, reverse=True)) for iin, allowed in lengths.items()}


LENGTHS: Final = _lengths_by_prefix()
"""The lengths, longest first, of the numbers that begin with these four digits."""


def candidate_of(separator: bytes) -> bytes:
    """Build the RE2 pattern of a run of digits, `separator` between, that begins as some card number does.

    Only the first two digits of an IIN are asked for, and a beginning: every digit at which a number could begin makes
    an automaton follow one number more.
    """
    seconds: defaultdict[bytes, set[bytes]] = defaultdict(set)
    for iin in LENGTHS:
        seconds[iin[:1]].add(iin[1:2])
    prefixes = b"|".join(
        b"%b%b[%b]" % (first, separator, b"".join(sorted(second))) for first, second in sorted(seconds.items())
    )
    shortest = min(lengths[-1] for lengths in LENGTHS.values())
    return b"[^0-9\n](?:%b)(?:%b[0-9]){%d,}" % (prefixes, separator, shortest - 2)
