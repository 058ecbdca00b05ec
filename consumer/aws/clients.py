"""botocore clients, and what their errors mean, without ever repeating their text."""

import os
from collections.abc import Iterable
from functools import cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import botocore.exceptions as be
import botocore.session
from botocore.config import Config
from botocore.loaders import create_loader
from botocore.session import Session

from consumer.errors import StartError


def client(
    service: str,
    *,
    timeout: float = 5.0,
    connections: int = 10,
    retries: int = 0,
    region: str | None = None,
    endpoint: str | None = None,
) -> Any:
    """Return a botocore client; region, endpoint and credentials come from AWS's own variables and files.

    :param timeout: connect and read time-out in seconds.
    :param retries: retries by botocore itself; 0 where the caller has a loop of its own.
    :param region, endpoint: other ones than those of the variables and files.
    :raises StartError: no region is configured, or an endpoint that is unusable or not encrypted.
    """
    made = session()
    config = Config(
        connect_timeout=timeout,
        read_timeout=timeout,
        max_pool_connections=connections,
        retries={"total_max_attempts": retries + 1, "mode": "standard"},
        parameter_validation=False,  # the codec has checked more than botocore would, at a tenth of the cost
        tcp_keepalive=True,
    )
    try:
        found = made.create_client(service, region_name=region, endpoint_url=endpoint, config=config)
    except be.NoRegionError:
        msg = "No AWS region is configured: set AWS_REGION."
        raise StartError(msg) from None
    except (ValueError, be.BotoCoreError) as error:
        msg = (
            f"The AWS client for {service} cannot be made ({type(error).__name__}): check region, profile and endpoint."
        )
        raise StartError(msg) from None
    endpoint = found.meta.endpoint_url
    if not (is_encrypted(endpoint) or _is_near(urlsplit(endpoint).hostname or "")):
        msg = (
            f"The endpoint for {service} is {shown(endpoint)}: records and credentials would travel in clear. Use "
            "https, or an address of this machine or of a private network."
        )
        raise StartError(msg)
    return found


def is_encrypted(endpoint: str) -> bool:
    """Return whether what is said to an endpoint cannot be read, or changed, on the way."""
    return endpoint.lower().startswith("https://")


def clear_endpoints(services: Iterable[str]) -> list[tuple[str, str]]:
    """Return those services, with their endpoints, that are talked to in clear over a network.

    :raises StartError: see `client`.
    """
    found = [(service, client(service).meta.endpoint_url) for service in services]
    return [
        (service, shown(endpoint))
        for service, endpoint in found
        if not is_encrypted(endpoint) and not _is_here(urlsplit(endpoint).hostname or "")
    ]


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_near(host: str) -> bool:
    """Whether a host can only be of this machine or of a private network. By its name: nobody is asked where it leads.

    Names without a dot are those of containers; for the rest see RFC 6761, RFC 6762, and ICANN's ``.internal``.
    """
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.rpartition(".")[2] in ("localhost", "local", "internal", "test")


def shown(endpoint: str) -> str:
    """Return an endpoint without the user and password that somebody may have put into it."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


@cache
def _loader(data_path: str | None) -> Any:
    """Return the one that reads the descriptions of AWS's services, and remembers them."""
    return create_loader(data_path)


def session() -> Session:
    """Return a session that also knows AWS_REGION, which all of AWS's SDKs but Python's do, and which ECS sets."""
    made = botocore.session.get_session()
    made.lazy_register_component("data_loader", lambda: _loader(made.get_config_variable("data_path")))
    name = os.environ.get("AWS_REGION")
    if name:
        made.set_config_variable("region", name)
    return made


def region() -> str:
    """Return the configured region.

    :raises StartError: none is configured.
    """
    found: str | None = session().get_config_variable("region")
    if not found:
        msg = "No AWS region is configured: set AWS_REGION."
        raise StartError(msg)
    return found


def custom_endpoint(service: str) -> str | None:
    """Return the endpoint that the environment or the AWS configuration sets for `service`, if any."""
    made = client(service)
    endpoint: str = made.meta.endpoint_url
    standard = session().create_client(
        service,
        region_name=made.meta.region_name,
        config=Config(ignore_configured_endpoint_urls=True),  # type: ignore[call-arg] # missing in the stubs
    )
    return endpoint if endpoint != standard.meta.endpoint_url else None
