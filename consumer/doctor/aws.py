"""The doctor's look at AWS: region, endpoints, credentials, clock, stream, tables."""

import time
from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from consumer import aws, tables
from consumer.doctor import permissions, stream_readers
from consumer.doctor.finding import Finding
from consumer.dynamodb import schema
from consumer.dynamodb.names import INDEX
from consumer.errors import ServiceError, StartError, UsageError
from consumer.kcl.leases import origin
from consumer.settings import Settings, lease_tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_kinesis.client import KinesisClient

TOLERATED_SECONDS: Final = 60.0
REFUSED_SECONDS: Final = 300.0
"""AWS: a signature (version 4) that is older or younger is refused."""

_SERVICES: Final = ("kinesis", "dynamodb")


class Clock:
    """Compares this machine's clock with the time in AWS's answers, right and wrong ones.

    :ivar ahead: seconds by which this machine's clock is ahead; None: no answer told the time.
    :ivar answers: how many came.
    """

    def __init__(self) -> None:
        self.ahead: float | None = None
        self.answers = 0

    def watch(self, client: Any) -> None:
        """Look at all answers to this client."""
        client.meta.events.register("response-received", self._note)

    def _note(self, response_dict: dict[str, Any] | None = None, **_: object) -> None:
        if response_dict is None:  # none came
            return
        self.answers += 1
        told = response_dict.get("headers", {}).get("Date")
        if told:
            with suppress(ValueError):
                self.ahead = time.time() - parsedate_to_datetime(told).timestamp()

    def finding(self) -> Finding:
        """Return what is to be said of the clock."""
        if self.ahead is None:
            return Finding("clock", "skipped", "No answer of AWS told the time.")
        off = abs(self.ahead)
        if off <= TOLERATED_SECONDS:
            return Finding("clock", "ok", f"This machine's clock is within {TOLERATED_SECONDS:.0f} s of AWS's.")
        text = (
            f"This machine's clock is {off:.0f} s {'ahead of' if self.ahead > 0 else 'behind'} AWS's, which refuses "
            f"signatures from {REFUSED_SECONDS:.0f} s on: have it set by the network (chrony, NTP)."
        )
        return Finding("clock", "failed" if off >= REFUSED_SECONDS else "warning", text)


def check(settings: Settings) -> Iterator[Finding]:
    """Look at all that is AWS's; what an earlier finding makes pointless is left out, and said to be."""
    try:
        region = aws.region()
        kinesis, dynamodb = clients = [aws.own_client(service, retries=1) for service in _SERVICES]
        in_clear = aws.clear_endpoints(clients)
    except StartError as error:
        yield Finding("region", "failed", str(error), UsageError.exit_status)
        yield Finding("all of AWS", "skipped", "Credentials, stream, tables, permissions: correct the region first.")
        return
    ways = [f"{name} at {aws.shown(each.meta.endpoint_url)}" for name, each in zip(_SERVICES, clients, strict=True)]
    yield Finding("region", "ok", f"{region}; {', '.join(ways)}.")
    for service, endpoint in in_clear:
        text = f"Records and credentials travel in clear to {service} at {endpoint}: use https."
        yield Finding("encryption", "warning", text)
    clock = Clock()
    clock.watch(kinesis)
    stream, problem = _stream(kinesis, settings.stream.name, region)
    yield _credentials(problem)
    yield stream
    if problem is None:
        yield from stream_readers.check(settings, kinesis)
    if problem == "credentials":
        yield Finding("tables", "skipped", "Tables and permissions: correct the credentials first.")
    else:
        clock.watch(dynamodb)
        yield from _of_dynamodb(settings, dynamodb, region, clock)
        if problem is None:
            yield from _origin(settings, kinesis, dynamodb)
        yield from permissions.check(settings, kinesis, dynamodb)
    yield clock.finding()


def _of_dynamodb(settings: Settings, dynamodb: "DynamoDBClient", region: str, clock: Clock) -> Iterator[Finding]:
    for table in tables.wanted(settings):
        before = clock.answers
        try:
            yield _table(dynamodb, settings, table, region)
        except ServiceError as error:
            yield Finding("table", "failed", str(error))
            if clock.answers == before:  # each more would wait as long for an answer
                yield Finding("table", "skipped", "The other tables: correct the way to DynamoDB first.")
                return


def _origin(settings: Settings, kinesis: "KinesisClient", dynamodb: "DynamoDBClient") -> Iterator[Finding]:
    """Look whether the leases are of this stream; what cannot be asked has been told with tables and permissions."""
    with suppress(ServiceError):
        problem = origin.problem(settings, kinesis, dynamodb)
        yield Finding("leases", *(("failed", problem) if problem else ("ok", "They are of this stream.")))


def _stream(kinesis: "KinesisClient", name: str, region: str) -> tuple[Finding, str | None]:
    """Look at the stream; return also why that was not possible, as `aws.reason` puts it."""
    try:
        summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    except aws.CALL_ERRORS as error:
        problem = aws.reason(error)
        text = aws.explain(error, "kinesis:DescribeStreamSummary", f"stream {name}")
        if problem == "missing":
            text = (
                f"There is no stream {name} in the region {region}, for the account of these credentials: create it, "
                "or correct stream.name, AWS_REGION or the credentials."
            )
        return Finding("stream", "failed", text), problem
    status = summary["StreamStatus"]
    if status not in ("ACTIVE", "UPDATING"):
        text = f"The stream {name} is {status}: wait until it is ACTIVE, or create it again."
        return Finding("stream", "failed", text), "missing"
    text = (
        f"{name} is {status}, with {summary['OpenShardCount']} open shards; records are kept for "
        f"{summary['RetentionPeriodHours']} hours."
    )
    return Finding("stream", "ok", text), None


def _credentials(problem: str | None) -> Finding:
    """:param problem: of the first call."""
    try:
        found = aws.session().get_credentials()
    except aws.CALL_ERRORS as error:
        found, method = None, f" ({aws.error_code(error)})"
    else:
        method = ""
    if found is None:
        text = (
            f"No AWS credentials were found{method}: give the task a role, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY."
        )
        return Finding("credentials", "failed", text)
    if problem == "credentials":
        text = (
            f"AWS does not take the credentials that were found ({found.method}): they have expired, are of another "
            "partition or mistyped, or this machine's clock is wrong."
        )
        return Finding("credentials", "failed", text)
    if problem in ("unreachable", "throttled", "service"):
        return Finding("credentials", "skipped", f"Found ({found.method}); no answer says whether AWS takes them.")
    return Finding("credentials", "ok", f"Found ({found.method}), and AWS takes them.")


def _table(dynamodb: "DynamoDBClient", settings: Settings, table: schema.Table, region: str) -> Finding:
    name = table.name
    problem = schema.schema_problem(dynamodb, table)
    if problem is None:
        return _upkeep(dynamodb, table)
    is_missing, has_no_index = problem == schema.MISSING, "index" in problem
    if (
        settings.kcl.may_create_tables
        and name in lease_tables(settings.kcl.application)
        and (is_missing or has_no_index)
    ):
        return Finding("table", "warning", f"{name}: {problem}; KCL will make it, by kcl.may_create_tables.")
    if is_missing:
        text = (
            f"There is no table {name} in the region {region}: `sanitizer tables create` makes it; or correct its name "
            "in the settings, AWS_REGION or the credentials."
        )
    elif INDEX in problem:  # which only look-ups need
        return Finding("table", "warning", f"{name}: {problem}.")
    elif has_no_index:
        text = f"{name}: {problem}: delete the table, if it holds no leases, and `sanitizer tables create` makes both."
    else:
        text = f"{name}: {problem}: another table is meant, or delete it, and `sanitizer tables create` makes it anew."
    return Finding("table", "failed", text)


def _upkeep(dynamodb: "DynamoDBClient", table: schema.Table) -> Finding:
    """Look at what the worker itself need not be permitted to ask for."""
    try:
        problem = schema.upkeep_problem(dynamodb, table)
    except ServiceError as error:
        return Finding("table", "ok", f"{table.name}: its keys are right; recovery and expiry are not known. {error}")
    if problem:
        return Finding("table", "warning", f"{table.name}: {problem}.")
    return Finding("table", "ok", f"{table.name}: all is right.")
