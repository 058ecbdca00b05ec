"""United States social security numbers with separators: area, group and serial as the SSA assigns them.

Nine digits without separators say nothing; they are redacted only in fields named so. Famous samples are
redacted as well.
"""

import re

from redaction.detectors.base import ZERO_WIDTH, Detector, Span, fold, mask_digits

_GAP = rf"{ZERO_WIDTH}?[ \-]{{1,3}}{ZERO_WIDTH}?"
# Area not 000, 666, 900-999; group not 00; serial not 0000.
_SSN = re.compile(rf"(?<![0-9])(?!000|666|9)[0-9]{{3}}{_GAP}(?!00)[0-9]{{2}}{_GAP}(?!0000)[0-9]{{4}}(?![0-9])")


def find(text: str) -> list[Span]:
    """Find social security numbers in free text."""
    return [match.span() for match in _SSN.finditer(fold(text))]


DETECTOR = Detector("ssn", find, mask_digits)
