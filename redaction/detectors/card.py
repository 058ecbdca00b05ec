"""Payment card numbers (ISO/IEC 7812): known IIN and length, Luhn check digit, between digit boundaries."""

import re
from itertools import accumulate, pairwise

from redaction.detectors.base import ZERO_WIDTH, Detector, Span, fold, mask_digits

SEPARATOR = rf"[ .\-{ZERO_WIDTH}]{{0,3}}"
MIN_DIGITS, MAX_DIGITS = 12, 19
_KEPT = 4

# (first, last) prefix and lengths, from the networks' published ranges.
_RANGES: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("4", "4", (13, 16, 18, 19)),  # Visa; Elo's 4-ranges lie within
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),  # Mastercard
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14, 16, 19)),  # Diners Club
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
    ("50", "50", tuple(range(12, 20))),  # Maestro
    ("56", "59", tuple(range(12, 20))),
    ("6", "6", tuple(range(12, 20))),
    ("0604", "0604", tuple(range(12, 20))),
)


def _lengths_by_prefix() -> dict[str, tuple[int, ...]]:
    lengths: dict[str, set[int]] = {}
    for first, last, allowed in _RANGES:
        for number in range(int(first), int(last) + 1):
            prefix = str(number).zfill(len(first))
            scale = 10 ** (4 - len(prefix))
            for rest in range(scale):
                iin = f"{prefix}{rest:0{4 - len(prefix)}d}" if scale > 1 else prefix
                lengths.setdefault(iin, set()).update(allowed)
    return {iin: tuple(sorted(allowed)) for iin, allowed in lengths.items()}


_LENGTHS = _lengths_by_prefix()
_RUN = re.compile(rf"[0-9](?:{SEPARATOR}[0-9]){{{MIN_DIGITS - 1},}}")
_FRACTION = re.compile(r"[0-9]\.")
_GROUP = re.compile(r"[0-9]+")
# Tokens of fixed shape whose digits are random: UUIDs; MD5, SHA-1 and SHA-256 or trace ids in hexadecimal.
_TOKEN = re.compile(
    r"(?<![0-9a-z])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})"
    r"(?![0-9a-z])",
    re.IGNORECASE,
)
_REACH = 65  # no token is longer than 64; one more to see its boundary
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # the digit sum of twice the digit


def luhn_valid(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B. `digits`: ASCII digits only."""
    plain, doubled = digits[::-2], digits[-2::-2]
    return (sum(map(int, plain)) + sum(_DOUBLED[int(digit)] for digit in doubled)) % 10 == 0


def is_card_number(digits: str) -> bool:
    """Known IIN with a length it is issued in, and a valid check digit. `digits`: ASCII digits only."""
    return len(digits) in _LENGTHS.get(digits[:4], ()) and luhn_valid(digits)


def find(text: str) -> list[Span]:
    """Find card numbers in free text. Candidates that overlap are given as one span, in doubt covered."""
    folded = fold(text)
    spans: list[Span] = []
    for run in _RUN.finditer(folded):
        for start, end in _windows(folded, run.start(), run.end()):
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
    return spans


def _windows(text: str, start: int, end: int) -> list[Span]:
    """Find valid numbers made of whole groups of digits within one run; ordered by start."""
    groups = [match.span() for match in _GROUP.finditer(text, start, end)]
    digits = "".join(text[first:last] for first, last in groups)
    if len(groups) == 1 and len(digits) > MAX_DIGITS:
        return []
    offsets = [0, *accumulate(last - first for first, last in groups)]
    group_ending_at = {offset: index - 1 for index, offset in enumerate(offsets) if index}
    # Luhn sums of all prefixes, digits at even and at odd places doubled: each window costs two look-ups.
    values = [int(digit) for digit in digits]
    even = [
        0,
        *accumulate(_DOUBLED[value] if place % 2 == 0 else value for place, value in enumerate(values)),
    ]
    odd = [0, *accumulate(_DOUBLED[value] if place % 2 else value for place, value in enumerate(values))]
    found: list[Span] = []
    for index, (first, _) in enumerate(groups):
        begin = offsets[index]
        for length in _LENGTHS.get(digits[begin : begin + 4], ()):
            stop = begin + length
            last_group = group_ending_at.get(stop)
            if last_group is None:
                continue
            sums = even if stop % 2 == 0 else odd  # the last digit, at place stop - 1, stays plain
            if (sums[stop] - sums[begin]) % 10:
                continue
            if _is_plausible(text, groups[index : last_group + 1]):
                found.append((first, groups[last_group][1]))
    return _outside_tokens(text, found, start, end) if found else []


def _is_plausible(text: str, groups: list[Span]) -> bool:
    """Tell from a number with a fraction: a dot separates groups only if it separates all, at least three."""
    first, last = groups[0][0], groups[-1][1]
    if len(groups) == 1:
        return not _FRACTION.match(text, max(0, first - 2), first)
    if "." not in text[first:last]:
        return True
    gaps = [text[left[1] : right[0]] for left, right in pairwise(groups)]
    return len(gaps) > 1 and all(gap.strip(ZERO_WIDTH) == "." for gap in gaps)


def _outside_tokens(text: str, spans: list[Span], start: int, end: int) -> list[Span]:
    tokens = [match.span() for match in _TOKEN.finditer(text, max(0, start - _REACH), end + _REACH)]
    return [span for span in spans if not any(span[0] < token[1] and token[0] < span[1] for token in tokens)]


def keep_last_four(text: str) -> str:
    """Mask every digit but the last four; all else stays. PCI DSS 4.0, 3.4.1 allows these.

    `*` counts as a digit: what was masked before stays as it is.
    """
    kept = 0
    for place in range(len(text) - 1, -1, -1):
        if text[place].isdecimal() or text[place] == "*":
            kept += 1
            if kept == _KEPT:
                return mask_digits(text[:place]) + text[place:]
    return mask_digits(text)


DETECTOR = Detector("card", find, keep_last_four)
