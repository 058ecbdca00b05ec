"""Country calling codes (ITU-T E.164) and how long the national numbers under each may be.

From libphonenumber's metadata, read once; nothing of the library runs on a record's path.
"""

from typing import Final

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

__all__ = ["MAX_DIGITS", "is_possible"]

MAX_DIGITS: Final = 15  # E.164, calling code included
_NON_GEOGRAPHIC = "001"


def _lengths() -> dict[str, frozenset[int]]:
    lengths: dict[str, frozenset[int]] = {}
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        known: set[int] = set()
        for region in regions:
            metadata = (
                PhoneMetadata.metadata_for_nongeo_region(code)
                if region == _NON_GEOGRAPHIC
                else PhoneMetadata.metadata_for_region(region)
            )
            if metadata and metadata.general_desc:
                known.update(metadata.general_desc.possible_length)
        lengths[str(code)] = frozenset(known)
    # Seven digits are Canada's 310-xxxx, dialled without an area code, never after +1.
    lengths["1"] -= {7}
    return lengths


_LENGTHS: Final = _lengths()


def is_possible(digits: str) -> bool:
    """Whether digits are a known calling code and a national number of a possible length. No prefix, ASCII only."""
    if len(digits) <= MAX_DIGITS:
        for size in (1, 2, 3):  # no code is the beginning of another
            if lengths := _LENGTHS.get(digits[:size]):
                national = len(digits) - size
                # The trunk prefix does not belong behind a calling code, yet people write it there.
                return national in lengths or (digits[size : size + 1] == "0" and national - 1 in lengths)
    return False
