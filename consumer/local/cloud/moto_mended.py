"""moto's WSGI application, with one of its costs mended."""

from typing import Any

from hypercorn.app_wrappers import WSGIWrapper
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import dynamo_type
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app


def load(max_body_bytes: int) -> WSGIWrapper:
    """Return moto behind hypercorn's WSGI wrapper. Takes most of a second, for its imports."""
    dynamo_type.LimitedSizeDict.__setitem__ = _set_item  # type: ignore[method-assign]
    return WSGIWrapper(DomainDispatcherApplication(create_backend_app), max_body_bytes)


def _set_item(self: dynamo_type.LimitedSizeDict, key: str, value: Any) -> None:
    """Check the item's size as moto does, without measuring the whole item again for each attribute.

    Half of the time of a BatchWriteItem went there.
    """
    replaced = _size_of(key) + _size_of(self[key]) if key in self else 0
    size = getattr(self, "_size", 0) + _size_of(key) + _size_of(value) - replaced
    if size > 405_000:  # noqa: PLR2004 - moto's own limit, between AWS's published and observed one
        raise ItemSizeTooLarge
    self._size = size  # type: ignore[attr-defined]
    dict.__setitem__(self, key, value)


def _size_of(value: Any) -> int:
    return value.size() if isinstance(value, dynamo_type.DynamoType) else len(str(value).encode())
