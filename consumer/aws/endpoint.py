"""Where a service's calls go, and as whom: what botocore would do, asked without a call.

Not the client's `endpoint_url`: a call's endpoint may differ from it (account-based, FIPS, dual-stack).
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import botocore.exceptions as be
from botocore.awsrequest import AWSResponse
from botocore.httpsession import get_cert_path

from consumer.aws import clients
from consumer.aws.errors import CALL_ERRORS, explain
from consumer.aws.sigv4 import DYNAMODB, KINESIS, Service
from consumer.errors import NotConfigured, StartError


class _Probe(NamedTuple):
    """A call that is made up to its sending: the client's method, its operation, its arguments."""

    method: str
    operation: str
    arguments: dict[str, Any]


_PROBES: Final = {
    DYNAMODB: _Probe(
        "batch_write_item",
        "BatchWriteItem",
        {"RequestItems": {"table": [{"DeleteRequest": {"Key": {"key": {"S": "value"}}}}]}},
    ),
    KINESIS: _Probe(
        "put_records", "PutRecords", {"StreamName": "stream", "Records": [{"Data": b"", "PartitionKey": "key"}]}
    ),
}


class Endpoint(NamedTuple):
    """What a `Transport` needs to know.

    :ivar credentials: returns the credentials of the moment, refreshed when they are due.
    :ivar ca_bundle: file of trusted certificates.
    """

    url: str
    region: str
    credentials: Callable[[], Any]
    ca_bundle: str
    user_agent: str
    service: Service = DYNAMODB


class _Empty:
    def stream(self) -> Iterator[bytes]:
        yield b"{}"


@clients.kept
def endpoint_of(service: Service) -> Endpoint:
    """Find it out by AWS's own variables and files, once.

    :raises NotConfigured: no region, or an unusable endpoint or bundle of certificates.
    :raises StartError: no credentials.
    """
    client = clients.own_client(service.name)
    method, operation, arguments = _PROBES[service]
    action = f"{service.name}:{operation}"
    sent: list[Any] = []

    def intercept(request: Any, **_: object) -> AWSResponse:
        sent.append(request)
        return AWSResponse(request.url, 200, {}, _Empty())  # type: ignore[arg-type]

    client.meta.events.register(f"before-send.{service.name}.{operation}", intercept)
    try:
        getattr(client, method)(**arguments)
    except CALL_ERRORS as error:
        raise StartError(explain(error, action, "the endpoint")) from None
    session = clients.session()
    credentials = session.get_credentials()
    if credentials is None:
        raise StartError(explain(be.NoCredentialsError(), action, "the endpoint"))
    bundle: str = session.get_config_variable("ca_bundle") or str(get_cert_path(verify=True))
    if not Path(bundle).is_file():
        msg = f"AWS_CA_BUNDLE is {bundle}, but there is no such file."
        raise NotConfigured(msg)
    request = sent[0]
    agent = request.headers["User-Agent"]
    return Endpoint(
        request.url,
        client.meta.region_name,
        credentials.get_frozen_credentials,
        bundle,
        agent.decode() if isinstance(agent, bytes) else agent,
        service,
    )
