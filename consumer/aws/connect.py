"""The ways to DynamoDB and Kinesis, made once for each process."""

import ssl
from typing import Final

from consumer.aws.endpoint import endpoint_of
from consumer.aws.errors import CALL_ERRORS, explain
from consumer.aws.sigv4 import DYNAMODB, KINESIS, Service, agrees_with_botocore
from consumer.aws.transport import Transport, TransportError
from consumer.errors import StartError

_NAMES: Final = {DYNAMODB: ("DynamoDB", "BatchWriteItem"), KINESIS: ("Kinesis", "PutRecords")}


def connect_dynamodb(timeout: float, idle: int) -> Transport:
    """Return the way to DynamoDB, as AWS's own variables and files describe it.

    :raises StartError: they don't, or in a way that is not supported.
    """
    return _connect(DYNAMODB, timeout, idle)


def connect_kinesis(timeout: float, idle: int) -> Transport:
    """Return the way to Kinesis; see `connect_dynamodb`."""
    return _connect(KINESIS, timeout, idle)


def _connect(service: Service, timeout: float, idle: int) -> Transport:
    name, operation = _NAMES[service]
    endpoint = endpoint_of(service)
    try:
        if not agrees_with_botocore(endpoint.credentials, endpoint.url, endpoint.region, service):
            msg = f"Requests to {name} would not be signed as botocore signs them. Report this, with its version."
            raise StartError(msg)
        return Transport(endpoint, timeout=timeout, idle=idle)
    except TransportError as error:
        msg = f"{name} cannot be reached as configured: {error}."
        raise StartError(msg) from None
    except ssl.SSLError:
        msg = f"{endpoint.ca_bundle} holds no certificate: check AWS_CA_BUNDLE."
        raise StartError(msg) from None
    except CALL_ERRORS as error:
        raise StartError(explain(error, f"{service.name}:{operation}", "the endpoint")) from None
