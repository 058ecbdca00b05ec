"""Makes the tables of a service, and says what became of each."""

from consumer import tables
from consumer.settings import Settings


def created(settings: Settings) -> dict[str, str]:
    """Create what is missing; return what was said of each table."""
    told: dict[str, str] = {}
    tables.create(settings, told.__setitem__)
    return told
