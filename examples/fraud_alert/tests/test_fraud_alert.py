import json

import pytest
from redaction.plugin import Dropped, PolicyError, Rejected, Released
from redaction.testing import CANARY, CHECKS

from fraud_alert import from_options


def payload(amount=10, second=0, user="7", **more):
    made = {"user_id": user, "amount": amount, "timestamp": f"2024-03-15T10:30:{second:02d}Z", **more}
    return json.dumps(made).encode()


def one(redactor, data):
    (verdict,) = redactor.redact([data])
    return verdict


def test_a_large_amount_is_an_alert_without_the_card():
    alert = one(from_options({"large": "99.5"}), payload(99.5, credit_card="4111 1111 1111 1111"))
    assert isinstance(alert, Released)
    assert json.loads(alert.body) == {
        "user_id": "7",
        "amount": 99.5,
        "reason": "large_amount",
        "timestamp": "2024-03-15T10:30:00Z",
    }


def test_an_amount_that_no_float_holds_is_exact():
    data = payload().replace(b'"amount": 10', b'"amount": 1000.00000000000000000001')
    assert isinstance(one(from_options({}), data), Released)
    assert isinstance(one(from_options({}), data.replace(b"1000.", b"999.")), Dropped)


def test_the_rest_is_dropped():
    assert one(from_options({}), payload()) == Dropped("not_suspicious")


def test_many_in_a_minute_and_one_that_comes_twice():
    redactor = from_options({"many": 3})
    verdicts = [one(redactor, payload(second=second)) for second in (1, 1, 2, 3)]
    assert [isinstance(verdict, Released) for verdict in verdicts] == [False, False, False, True]
    assert verdicts[-1].document["reason"] == "many_in_a_minute"
    assert isinstance(one(redactor, payload(second=4, user="8")), Dropped)


@pytest.mark.parametrize(
    "data",
    [
        b"[",
        payload(user="4111 1111 1111 1111", amount=5000),
        payload(amount="1"),
        payload(amount=True),
        payload(second=99),
    ],
)
def test_what_is_unclear_is_refused(data):
    assert isinstance(one(from_options({}), data), Rejected)


@pytest.mark.parametrize("check", CHECKS)
def test_the_plug_in_conforms(check):
    check(from_options({}), CANARY)


def test_a_misspelt_option_is_refused():
    with pytest.raises(PolicyError, match="unknown option larg"):
        from_options({"larg": 1})
