"""What each worker of an application works by: its policy, and the settings that decide what becomes of a record.

Those of two workers may differ: for a moment in a rolling deployment, for good by mistake. Then it is chance which of
them a record meets, so each makes its own known and looks for those of the others.

It is one item of ours in KCL's coordinator table, with an attribute for each worker. KCL 3.1.3 reads that table by keys
of its own, and deletes nothing but its lock (`CoordinatorStateDAO`, whose list nobody calls).
"""

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from consumer import __version__, aws
from consumer.errors import StartError
from consumer.kcl.leases.tables import KEYS, LeaseTables
from consumer.periodic import Periodic
from consumer.settings import Settings, lease_tables, outcome_digest
from redaction.plugin import Redactor, identity

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from consumer.logs import Logger  # which `sanitizer status` does without

ITEM: Final = "SanitizerWorkers"
"""The item's key."""

LOOK_SECONDS: Final = 60.0
ENTER_SECONDS: Final = 3600.0
"""How often a living worker enters its terms anew."""

FORGET_SECONDS: Final = 24 * 3600.0
"""So long the entry of a worker stays that was killed."""

_KEY: Final = {KEYS[2]: {"S": ITEM}}
_SINCE: Final = "since"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a worker works by.

    :ivar policy: name@version of the redactor.
    :ivar digest: its digest.
    :ivar settings: see `outcome_digest`.
    :ivar version: of this program; whether that decides anything is not known.
    """

    policy: str
    digest: str
    settings: str
    version: str

    def __str__(self) -> str:
        return f"{self.policy} (digest {self.digest}), settings {self.settings}, version {self.version}"

    def differs(self, other: "Terms") -> bool:
        """Whether a record may end in another way."""
        return (self.policy, self.digest, self.settings) != (other.policy, other.digest, other.settings)


def terms_of(settings: Settings, redactor: Redactor) -> Terms:
    """Return what a worker with these works by."""
    return Terms(identity(redactor), redactor.digest, outcome_digest(settings), __version__)


class Roster:
    """The item of one application. Each method raises what its call raises."""

    def __init__(self, client: "DynamoDBClient", application: str) -> None:
        self._client = client
        self._table = lease_tables(application)[2]

    def read(self) -> dict[str, Terms]:
        """Return the terms of each worker that has made them known and has not left, whether it lives or not."""
        return dict(_terms(self._item()))

    def enter(self, worker: str, terms: Terms) -> None:
        """Make a worker's terms known, and forget those that were entered long ago."""
        now = time.time()
        old = [name for name, since in _entered(self._item()) if name != worker and now - since > FORGET_SECONDS]
        entry: dict[str, Any] = {name: {"S": value} for name, value in asdict(terms).items()}
        self._update("SET #w = :e", {"#w": worker}, {":e": {"M": entry | {_SINCE: {"N": str(int(now))}}}})
        self._forget(old)

    def leave(self, worker: str) -> None:
        """Take a worker's terms away."""
        self._forget([worker])

    def _item(self) -> Mapping[str, Any]:
        item: Mapping[str, Any] = self._client.get_item(TableName=self._table, Key=_KEY).get("Item", {})
        return item

    def _forget(self, workers: list[str]) -> None:
        for start in range(0, len(workers), 100):  # an expression may have 4 KB
            names = {f"#w{number}": name for number, name in enumerate(workers[start : start + 100])}
            self._update(f"REMOVE {', '.join(names)}", names, {})

    def _update(self, expression: str, names: dict[str, str], values: dict[str, Any]) -> None:
        more = {"ExpressionAttributeValues": values} if values else {}
        self._client.update_item(
            TableName=self._table,
            Key=_KEY,
            UpdateExpression=expression,
            ExpressionAttributeNames=names,
            **more,  # type: ignore[arg-type]
        )


def _terms(item: Mapping[str, Any]) -> Iterator[tuple[str, Terms]]:
    for worker, entry in item.items():
        values = {name: entry.get("M", {}).get(name, {}).get("S", "") for name in Terms.__slots__}
        if values["digest"]:  # else the key, or of a version to come
            yield worker, Terms(**values)


def _entered(item: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for worker, entry in item.items():
        if since := entry.get("M", {}).get(_SINCE):
            yield worker, float(since["N"])


class RosterWatch:
    """One worker's part in it.

    :ivar differing: the workers that report themselves alive and work by other terms.
    """

    def __init__(self, settings: Settings, worker_id: str, terms: Terms, log: "Logger") -> None:
        self._application = settings.kcl.application
        self._me = worker_id
        self._terms = terms
        self._log = log
        self._enter_at = 0.0
        self.differing: Collection[str] = ()
        self._rounds = Periodic(
            "roster",
            LOOK_SECONDS,
            lambda _: self.look(),
            errors=(*aws.CALL_ERRORS, StartError),
            failed=self._not_compared,
        )

    def start(self) -> None:
        """Enter this worker, and look in a thread of its own, for as long as the process lives."""
        self._rounds.start(at_once=True)

    @cached_property
    def _client(self) -> "DynamoDBClient":
        return aws.client("dynamodb", timeout=2, retries=1)

    def look(self) -> None:
        """Look once, and tell of each worker that has come to differ."""
        roster = Roster(self._client, self._application)
        if time.monotonic() >= self._enter_at:
            roster.enter(self._me, self._terms)  # again and again: what was entered long ago is forgotten
            self._enter_at = time.monotonic() + ENTER_SECONDS
        known = roster.read()
        found = {worker: terms for worker, terms in known.items() if worker != self._me and terms.differs(self._terms)}
        living = LeaseTables(self._client, self._application).reporting() if found else set()
        differing = {worker: terms for worker, terms in found.items() if worker in living}
        for worker in sorted(differing.keys() - set(self.differing)):
            terms = differing[worker]
            is_policy = (terms.policy, terms.digest) != (self._terms.policy, self._terms.digest)
            is_settings = terms.settings != self._terms.settings
            reason = "policy and settings" if is_policy and is_settings else "policy" if is_policy else "settings"
            self._log.warning(
                "workers.differ",
                worker_id=worker,
                reason=reason,
                policy=terms.policy,
                digest=terms.digest,
                version=terms.version,
            )
        self.differing = sorted(differing)

    def _not_compared(self, error: Exception) -> None:
        code = type(error).__name__ if isinstance(error, StartError) else aws.error_code(error)
        self._log.warning("workers.not_compared", table=self._application, code=code, request_id=aws.request_id(error))
