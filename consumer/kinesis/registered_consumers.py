"""Who else reads the stream, as far as that is known: registered consumers are listed; nobody lists those who poll."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from consumer import aws
from consumer.logs import Logger
from consumer.settings import Settings
from consumer.settings.stream import idle_ms

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

MAX_CONSUMERS: Final = 20
"""Registered consumers that a stream may have; 50 with On-demand Advantage (AWS, RegisterStreamConsumer)."""


class Consumer(NamedTuple):
    """A registered consumer; `status` is ``CREATING``, ``ACTIVE`` or ``DELETING``."""

    name: str
    arn: str
    status: str


class Readers(NamedTuple):
    """The registered consumers of a stream.

    :ivar number: how many there are; None: not known.
    :ivar consumers: None: the list cannot be had.
    :ivar problem: why not, as AWS's code.
    """

    number: int | None
    consumers: tuple[Consumer, ...] | None
    problem: str | None = None

    def own(self, settings: Settings) -> Consumer | None:
        """Return the consumer that this application reads as, if it is among them."""
        arn, name = settings.kcl.registered_arn, settings.kcl.registered_name
        for each in self.consumers or ():
            if each.arn == arn if arn else each.name == name:
                return each
        return None


def look(kinesis: "KinesisClient", summary: Mapping[str, Any]) -> Readers:
    """Find the registered consumers; where they cannot be listed, the stream's own count of them is left.

    :param summary: DescribeStreamSummary's.
    """
    number = summary.get("ConsumerCount")
    pages = kinesis.get_paginator("list_stream_consumers").paginate(StreamARN=summary["StreamARN"])
    try:
        found = tuple(
            Consumer(each["ConsumerName"], each["ConsumerARN"], each["ConsumerStatus"])
            for page in pages
            for each in page["Consumers"]
        )
    except aws.CALL_ERRORS as error:
        return Readers(number, None, aws.error_code(error))
    return Readers(len(found), found)


def tell(settings: Settings, kinesis: "KinesisClient", summary: Mapping[str, Any], log: Logger) -> None:
    """Log who reads, and what share of the reads this application takes; and if its own consumer is not ready."""
    found = look(kinesis, summary)
    fields = {"stream": settings.stream.name, "consumers": found.number, "limit": MAX_CONSUMERS, "code": found.problem}
    if settings.kcl.retrieval_mode == "POLLING":
        every = idle_ms(settings.stream, settings.kcl)
        polling = settings.stream.polling_applications
        log.info("stream.readers", **fields, polling=polling, read_every_ms=every)
        return
    own = found.own(settings)
    expected = settings.kcl.registered_arn or settings.kcl.registered_name
    is_wrong = (
        found.consumers is not None
        and (own is None or own.status != "ACTIVE")
        # KCL registers what is named only, if there is a place left.
        and (own is not None or settings.kcl.registered_arn is not None or len(found.consumers) >= MAX_CONSUMERS)
    )
    log.info("stream.readers", **fields, name=expected, status=own.status if own else None)
    if is_wrong:
        log.warning("stream.not_registered", name=expected, status=own.status if own else None)
