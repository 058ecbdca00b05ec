"""botocore clients, made once, of the one session of the process."""

import os
import threading
from collections.abc import Callable, Hashable, Iterable
from functools import cache, wraps
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, Literal, ParamSpec, TypeVar, cast, overload
from urllib.parse import urlsplit

import botocore.exceptions as be
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.loaders import create_loader
from botocore.session import Session

from consumer.aws.errors import CredentialsExpired, misconfigured
from consumer.errors import NotConfigured

if TYPE_CHECKING:  # boto3-stubs, which only developers have
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_kinesis.client import KinesisClient

_P = ParamSpec("_P")
_T = TypeVar("_T")

_lock = threading.RLock()
_kept: Final[dict[Hashable, Any]] = {}
_SURROUNDINGS: Final = "surroundings"
_FILES: Final = (("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"), ("AWS_CONFIG_FILE", "~/.aws/config"))


def _begin_anew() -> None:
    """In a child after a fork: its parent's connections are not its own, and the lock may be anybody's."""
    global _lock  # noqa: PLW0603 - a lock cannot be given back by who does not hold it
    _lock = threading.RLock()
    _kept.clear()


os.register_at_fork(after_in_child=_begin_anew)


def _surroundings() -> dict[str, Any]:
    """Return what sessions and clients are made of: AWS's variables, and when AWS's files were last written."""
    found: dict[str, Any] = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    for variable, usual in _FILES:
        path = os.path.expanduser(os.environ.get(variable, usual))  # noqa: PTH111 - a Path raises where there is no home
        found[path] = os.stat(path).st_mtime_ns if os.path.exists(path) else 0  # noqa: PTH110, PTH116 - as above
    return found


def kept(make: Callable[_P, _T]) -> Callable[_P, _T]:
    """Keep what a function makes, one thing for each set of arguments, until AWS's variables or files change.

    One thread at a time makes something: the making of clients from a session is not thread-safe.
    """

    @wraps(make)
    def kept_or_made(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        key = (make, args, tuple(sorted(kwargs.items())))
        surroundings = _surroundings()
        with _lock:
            if _kept.get(_SURROUNDINGS) != surroundings:
                _kept.clear()
                _kept[_SURROUNDINGS] = surroundings
            if key not in _kept:
                _kept[key] = make(*args, **kwargs)
            return cast("_T", _kept[key])

    return kept_or_made


class _Credentials:
    """Credentials of botocore's, which raises a bare RuntimeError if those that it fetched have expired already."""

    def __init__(self, found: Credentials) -> None:
        self._found = found

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(self._found, name)
        except RuntimeError as error:
            raise _named(error) from None

    def get_frozen_credentials(self) -> Any:
        try:
            return self._found.get_frozen_credentials()
        except RuntimeError as error:
            raise _named(error) from None

    def get_deferred_property(self, name: str) -> Callable[[], Any]:
        return lambda: getattr(self, name)


def _named(error: RuntimeError) -> Exception:
    return CredentialsExpired() if type(error) is RuntimeError else error  # not a RecursionError


class _Session(Session):
    lacks_credentials = False

    def get_credentials(self) -> Credentials | None:
        found = super().get_credentials()
        self.lacks_credentials = found is None
        return cast("Credentials", _Credentials(found)) if found else None


@cache
def _loader(data_path: str | None) -> Any:
    """Return the one that reads the descriptions of AWS's services, and remembers them for sessions to come."""
    return create_loader(data_path)


@kept
def session() -> _Session:
    """Return the session, which also knows AWS_REGION, which all of AWS's SDKs but Python's do, and which ECS sets."""
    made = _Session()
    made.lazy_register_component("data_loader", lambda: _loader(made.get_config_variable("data_path")))
    name = os.environ.get("AWS_REGION")
    if name:
        made.set_config_variable("region", name)
    return made


@overload
def client(
    service: Literal["dynamodb"],
    *,
    timeout: float = 5.0,
    connections: int = 10,
    retries: int = 0,
    region: str | None = None,
    endpoint: str | None = None,
) -> "DynamoDBClient": ...


@overload
def client(
    service: Literal["kinesis"], *, timeout: float = 5.0, connections: int = 10, retries: int = 0
) -> "KinesisClient": ...


@overload
def client(service: str, *, timeout: float = 5.0, connections: int = 10, retries: int = 0) -> Any: ...


def client(service: str, **how: Any) -> Any:
    """Return a botocore client; region, endpoint and credentials come from AWS's own variables and files.

    Whoever asks for the same gets the same, which any number of threads may use; see `own_client`.

    :param timeout: connect and read time-out in seconds.
    :param retries: retries by botocore itself; 0 where the caller has a loop of its own.
    :param region, endpoint: other ones than those of the variables and files.
    :raises NotConfigured: no region is configured, or an endpoint that is unusable or not encrypted.
    """
    with _lock:
        made = _client(service, **how)
        if session().lacks_credentials:  # they may come yet, and this client would never see them
            _kept.clear()
        return made


def own_client(
    service: str,
    *,
    timeout: float = 5.0,
    connections: int = 10,
    retries: int = 0,
    region: str | None = None,
    endpoint: str | None = None,
) -> Any:
    """Return a client that nobody else has, for who listens to its events; see `client`."""
    config = Config(
        connect_timeout=timeout,
        read_timeout=timeout,
        max_pool_connections=connections,
        retries={"total_max_attempts": retries + 1, "mode": "standard"},
        parameter_validation=False,  # the codec has checked more than botocore would, at a tenth of the cost
        tcp_keepalive=True,
    )
    try:
        with _lock:
            found: Any = session().create_client(service, region_name=region, endpoint_url=endpoint, config=config)
    except (ValueError, be.BotoCoreError) as error:
        raise NotConfigured(misconfigured(error, service, endpoint)) from None
    where: str = found.meta.endpoint_url
    if not (is_encrypted(where) or is_near(urlsplit(where).hostname or "")):
        msg = (
            f"The endpoint for {service} is {shown(where)}: records and credentials would travel in clear. Use "
            "https, or an address of this machine or of a private network."
        )
        raise NotConfigured(msg)
    return found


_client: Final = kept(own_client)


def is_encrypted(endpoint: str) -> bool:
    """Return whether what is said to an endpoint cannot be read, or changed, on the way."""
    return endpoint.lower().startswith("https://")


def clear_endpoints(clients: Iterable[Any]) -> list[tuple[str, str]]:
    """Return the services, with their endpoints, that these clients talk to in clear over a network."""
    found = [(each.meta.service_model.service_name, each.meta.endpoint_url) for each in clients]
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


def is_near(host: str) -> bool:
    """Return whether a host can only be of this machine or of a private network.

    By its name: nobody is asked where it leads. Names without a dot are those of containers; for the rest see RFC 6761,
    RFC 6762, and ICANN's ``.internal``.
    """
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.rpartition(".")[2] in ("localhost", "local", "internal", "test")


def shown(endpoint: str) -> str:
    """Return an endpoint without the user and password that somebody may have put into it."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def region() -> str:
    """Return the configured region.

    :raises NotConfigured: none is configured, or AWS's profile or file that would is not there.
    """
    try:
        found: str | None = session().get_config_variable("region")
        if not found:
            raise be.NoRegionError
    except be.BotoCoreError as error:
        raise NotConfigured(misconfigured(error, "its services")) from None
    return found


def custom_endpoint(service: str) -> str | None:
    """Return the endpoint that the environment or the AWS configuration sets for `service`, if any."""
    made = client(service)
    endpoint: str = made.meta.endpoint_url
    with _lock:
        standard = session().create_client(
            service,
            region_name=made.meta.region_name,
            config=Config(ignore_configured_endpoint_urls=True),  # type: ignore[call-arg] # missing in the stubs
        )
    return endpoint if endpoint != standard.meta.endpoint_url else None
