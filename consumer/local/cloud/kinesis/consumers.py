"""Registered consumers of streams (enhanced fan-out): registered, listed, described, deregistered; active at once.

There is no SubscribeToShard here: reading by fan-out is for an emulator that has it.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from consumer.local.cloud.kinesis.requests import Request, constraint, integer, optional_text, text
from consumer.local.cloud.kinesis.shard import KinesisError, not_found
from consumer.local.cloud.kinesis.store import Stream

MAX_CONSUMERS: Final = 20
"""Of a stream (AWS; 50 with On-demand Advantage)."""

_MAX_ARN: Final = 2048
_MAX_NAME: Final = 128

Operation = Callable[[Request], dict[str, Any] | None]
Consumer = dict[str, Any]
"""As ListStreamConsumers shows it."""


class Consumers:
    """Answers the four requests.

    :param stream_of: finds the stream that a request names by ``StreamARN``.
    """

    def __init__(self, stream_of: Callable[[Request], Stream]) -> None:
        self._stream_of = stream_of

    def operations(self) -> dict[str, Operation]:
        """Return what answers each request."""
        return {
            "DeregisterStreamConsumer": self._deregister,
            "DescribeStreamConsumer": self._describe,
            "ListStreamConsumers": self._list,
            "RegisterStreamConsumer": self._register,
        }

    def _register(self, request: Request) -> dict[str, Any]:
        stream, name = self._of_arn(request), text(request, "ConsumerName", _MAX_NAME)
        if name in stream.consumers:
            msg = f"Consumer {name} of stream {stream.name} is registered already."
            raise KinesisError("ResourceInUseException", msg)
        if len(stream.consumers) >= MAX_CONSUMERS:
            msg = f"Stream {stream.name} has {MAX_CONSUMERS} consumers."
            raise KinesisError("LimitExceededException", msg)
        now = round(time.time(), 3)
        made = {
            "ConsumerName": name,
            "ConsumerARN": f"{stream.arn}/consumer/{name}:{int(now)}",
            "ConsumerStatus": "ACTIVE",
            "ConsumerCreationTimestamp": now,
        }
        stream.consumers[name] = made
        return {"Consumer": made}

    def _list(self, request: Request) -> dict[str, Any]:
        stream, after = self._of_arn(request), optional_text(request, "NextToken")
        limit = integer(request, "MaxResults", 1, 10_000, default=100)
        names = sorted(name for name in stream.consumers if name > after)
        answer: dict[str, Any] = {"Consumers": [stream.consumers[name] for name in names[:limit]]}
        if len(names) > limit:
            answer["NextToken"] = names[limit - 1]
        return answer

    def _describe(self, request: Request) -> dict[str, Any]:
        stream, found = self._consumer(request)
        return {"ConsumerDescription": found | {"StreamARN": stream.arn}}

    def _deregister(self, request: Request) -> None:
        stream, found = self._consumer(request)
        del stream.consumers[found["ConsumerName"]]

    def _consumer(self, request: Request) -> tuple[Stream, Consumer]:
        """Find the consumer, by its ARN, or by its stream's and its name."""
        if request.get("ConsumerARN") is None:
            stream, name = self._of_arn(request), text(request, "ConsumerName", _MAX_NAME)
            if name in stream.consumers:
                return stream, stream.consumers[name]
        else:
            arn = text(request, "ConsumerARN", _MAX_ARN)
            stream = self._stream_of({"StreamARN": arn.partition("/consumer/")[0]})
            for found in stream.consumers.values():
                if found["ConsumerARN"] == arn:
                    return stream, found
        what = f"The consumer of stream {stream.name}"
        raise not_found(what)

    def _of_arn(self, request: Request) -> Stream:
        if request.get("StreamARN") is None:
            raise constraint("streamARN")
        return self._stream_of({"StreamARN": request["StreamARN"]})
