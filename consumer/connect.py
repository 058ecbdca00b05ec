"""The way to DynamoDB, made once for each process."""

import ssl

from consumer import aws
from consumer.endpoint import dynamodb_endpoint
from consumer.errors import StartError
from consumer.sigv4 import agrees_with_botocore
from consumer.transport import Transport, TransportError


def connect_dynamodb(timeout: float, idle: int) -> Transport:
    """Return the way to DynamoDB, as AWS's own variables and files describe it.

    :raises StartError: they don't, or in a way that is not supported.
    """
    endpoint = dynamodb_endpoint()
    try:
        if not agrees_with_botocore(endpoint.credentials, endpoint.url, endpoint.region, "dynamodb"):
            msg = "Requests to DynamoDB would not be signed as botocore signs them. Report this, with its version."
            raise StartError(msg)
        return Transport(endpoint, timeout=timeout, idle=idle)
    except TransportError as error:
        msg = f"DynamoDB cannot be reached as configured: {error}."
        raise StartError(msg) from None
    except ssl.SSLError:
        msg = f"{endpoint.ca_bundle} holds no certificate: check AWS_CA_BUNDLE."
        raise StartError(msg) from None
    except aws.CALL_ERRORS as error:
        raise StartError(aws.explain(error, "dynamodb:BatchWriteItem", "the endpoint")) from None
