import pytest
from redaction.testing import ACTION_CHECKS, CANARY, CHECKS, DETECTOR_CHECKS, Examples, Values

from loyalty_plugin.card import LOYALTY_CARD
from loyalty_plugin.initials import from_settings
from loyalty_plugin.three_fields import from_options

CARDS = Examples(
    sensitive=["LC-1234567889", "lc-12345 678-89"],
    near_misses=["LC-1234567888", "LC-12345678891", "LC1234567889", "LC-123"],
    spellings=[["LC-1234567889", "lc-12345 67889", "LC-12345678\uff18\uff19"]],
)
NAMES = Values(hidden=["Jane Doe", "\u00df\u00f8ren \u00c5s", "4111 1111 1111 1111", 12345], shown=["J. D.", True])
SUBJECTS = [
    *((check, LOYALTY_CARD, CARDS) for check in DETECTOR_CHECKS),
    *((check, from_settings({}, "holder_field", None), NAMES) for check in ACTION_CHECKS),
    *((check, from_options({}), CANARY) for check in CHECKS),
]


@pytest.mark.parametrize(("check", "subject", "samples"), SUBJECTS)
def test_the_plug_in_conforms(check, subject, samples):
    check(subject, samples)
