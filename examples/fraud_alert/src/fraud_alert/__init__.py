"""Lets out an alert for each suspicious transaction (who, how much, why, when), and drops all others."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Lock  # each shard has a thread of its own

from redaction.detectors.registry import detectors
from redaction.engine.finder import Finder
from redaction.parse import Limits, Unparsable, parse
from redaction.plugin import Dropped, PolicyError, Redactor, Rejected, Released, Verdict
from redaction.serialize import serialize

_LIMITS = Limits(max_depth=32, max_bytes=400 * 1024, max_values=5000)
_MINUTE, _USERS = timedelta(minutes=1), 100_000  # so many users are remembered, the latest ones


class FraudAlert:
    name, version = "fraud-alert", "1"

    def __init__(self, large: Decimal, many: int) -> None:
        self._large, self._many = large, many
        self.digest = f"fraud-alert-1-{large}-{many}"
        self._times: OrderedDict[str, set[datetime]] = OrderedDict()  # of each user's transactions in a minute
        self._lock = Lock()
        self._finder = Finder(tuple(detectors().values()))

    def redact(self, payloads: Sequence[bytes]) -> list[Verdict]:
        return [self._redact(payload) for payload in payloads]

    def _redact(self, payload: bytes) -> Verdict:
        try:
            received = parse(payload, _LIMITS)
            user, amount, timestamp = (received.get(name) for name in ("user_id", "amount", "timestamp"))
            if [type(user), type(timestamp)] != [str, str] or type(amount) not in (int, float, Decimal):
                return Rejected("unexpected_type", "fraud_alert")
            is_many = self._count(user, datetime.fromisoformat(timestamp)) >= self._many
        except Unparsable as refusal:
            return Rejected(refusal.code)
        except (ValueError, TypeError):  # no time, or one without a zone
            return Rejected("unexpected_value", "fraud_alert")
        if len(user) > 64 or self._finder.find_in(user) or self._finder.find_in(timestamp):
            return Rejected("unexpected_value", "fraud_alert")  # an alert holds no card data, wherever it stood
        is_large = Decimal(str(amount)) >= self._large
        if not is_large and not is_many:
            return Dropped("not_suspicious")
        reason = "large_amount" if is_large else "many_in_a_minute"
        alert = {"user_id": user, "amount": amount, "reason": reason, "timestamp": timestamp}
        return Released(alert, serialize(alert))

    def _count(self, user: str, time: datetime) -> int:
        with self._lock:
            known = self._times.pop(user, ())  # a set: a record that is delivered again is not counted again
            self._times[user] = times = {each for each in known if abs(each - time) < _MINUTE} | {time}
            if len(self._times) > _USERS:
                self._times.popitem(last=False)
            return len(times)


def from_options(options: Mapping[str, object]) -> Redactor:
    if unknown := options.keys() - {"large", "many"}:
        raise PolicyError(f"fraud-alert: unknown option {min(unknown)}")
    return FraudAlert(Decimal(str(options.get("large", 1000))), int(str(options.get("many", 10))))
