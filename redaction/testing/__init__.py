"""The conformance kit: what every redactor, detector and action has to do, whatever its rules are.

    from redaction.testing import ACTION_CHECKS, CHECKS, DETECTOR_CHECKS, Canary, Examples, Values

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_redactor_conforms(check):
        check(my_redactor, Canary(b'{"voucher": "V-1234"}', ["V-1234"]))

    @pytest.mark.parametrize("check", DETECTOR_CHECKS, ids=lambda check: check.__name__)
    def test_my_detector_conforms(check):
        check(my_detector, Examples(sensitive=["V-1234", ("voucher ", "1234")], near_misses=["V-12"]))

    @pytest.mark.parametrize("check", ACTION_CHECKS, ids=lambda check: check.__name__)
    def test_my_action_conforms(check):
        check(my_action, Values(hidden=["Jane Doe", 4111111111111111], shown=["J. D."]))

A check raises AssertionError. Its message names the law that was broken and holds no content: neither of the samples,
nor of an exception that the plug-in raised. Use invented samples all the same: pytest prints arguments.
"""

from redaction.testing.actions import ACTION_CHECKS, ActionCheck, Values
from redaction.testing.detectors import DETECTOR_CHECKS, DetectorCheck, Examples
from redaction.testing.redactors import CANARY, CHECKS, Canary, RedactorCheck

__all__ = [
    "ACTION_CHECKS",
    "CANARY",
    "CHECKS",
    "DETECTOR_CHECKS",
    "ActionCheck",
    "Canary",
    "DetectorCheck",
    "Examples",
    "RedactorCheck",
    "Values",
]
