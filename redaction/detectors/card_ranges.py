"""Which card numbers there are: issuer identification numbers (ISO/IEC 7812-1) and the lengths they are issued in.

Two tables. `LENGTHS` is all that the networks may issue: enough where something says that a number is a card's.
`is_in_use` asks for what they do issue, in the lengths they do, where nothing says so: of random numbers of 16 digits
that is one in fifty, with the check digit. Sources: Braintree's credit-card-type (card-types.ts), which follows the
networks' bulletins; NPCI's ranges of RuPay; and the numbers that processors publish for tests.
"""

from bisect import bisect_right
from collections import defaultdict
from typing import Final

__all__ = ["LENGTHS", "candidate_of", "is_in_use"]

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


# (prefixes or first-last, lengths) of what is issued. Left out, since a random number is more likely: 12, 17, 18 digits
# of nearly all, and where little is issued yet, as of Mastercard's 23-27 and Discover's 644-649.
_IN_USE: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("4", (13, 16, 19)),  # Visa; Electron, Elo's 4-ranges
    ("51-55 2221-2229 2720", (16,)),  # Mastercard
    ("34 37", (15,)),  # American Express
    ("300-305 3095 36 38-39", (14,)),  # Diners Club
    ("305693", (16,)),
    ("3841", (19,)),  # Hipercard
    ("6011 650-652 6530-6531 655 6573 6579 6587-6588 659", (16,)),  # Discover; Elo, RuPay and Troy lie within
    ("65", (19,)),
    ("3528-3589", (16,)),  # JCB
    ("3572", (19,)),
    ("1800 2131", (15,)),
    (
        "6200-6205 621-622 6230 6234 6240-6246 625 6262 6270-6279 6282-6289 6291-6292 6294 6907 8100 8171",
        (16,),
    ),  # UnionPay
    ("62 8171", (19,)),
    ("2200-2205", (16,)),  # Mir; Borica
    ("508500-508999 606985-607984 608001-608500", (16,)),  # RuPay
    ("506699-506778 509000-509099 636297 636368 636392", (16,)),  # Elo
    ("506099-506198 507865-507964", (16, 18, 19)),  # Verve
    ("606282 637095 637043 637118 637529 637568 637599 637609 637612", (16,)),  # Hipercard, Hiper
    ("589562 604201 589657 603493", (16,)),  # Naranja, Cabal, Cencosud
    # Maestro, with what was Bankcard, Dankort, Solo and Laser
    ("501800-501899 501971-501972 502000-502099 503800-503899 561059 589300-589399", (16, 18, 19)),
    ("501800-501899 502000-502099 503800-503899 630400-630499 675900-675999 676100-676399", (12,)),
    ("586824 630114 630400-630499 633490 636700-636799 639000-639099 640005", (16, 18, 19)),
    ("675900-676799 679999", (16, 18, 19)),
    ("8600 9860", (16,)),  # Uzcard, Humo
    ("9704", (16, 19)),  # Napas
    ("9792", (16,)),  # Troy
)
_IIN: Final = 6


def _first_and_last() -> list[tuple[int, int, tuple[int, ...]]]:
    ranges = []
    for prefixes, lengths in _IN_USE:
        for each in prefixes.split():
            first, _, last = each.partition("-")
            ranges.append((int(first.ljust(_IIN, "0")), int((last or first).ljust(_IIN, "9")), lengths))
    return sorted(ranges)


def _in_use_by_length() -> dict[int, tuple[list[int], list[int]]]:
    by_length: defaultdict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for first, last, lengths in _first_and_last():
        for length in lengths:
            firsts, lasts = by_length[length]
            firsts.append(first)
            lasts.append(last)
    return dict(by_length)


_BY_LENGTH: Final = _in_use_by_length()


def is_in_use(digits: bytes) -> bool:
    """Tell whether numbers of this length are issued that begin so."""
    firsts, lasts = _BY_LENGTH.get(len(digits), ((), ()))
    iin = int(digits[:_IIN])
    place = bisect_right(firsts, iin) - 1
    return place >= 0 and iin <= lasts[place]


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
