import random
import time
from collections.abc import Iterator

from consumer.documents import Document, Documents, Page, ReadFailed

PASSING = ("throttled", "unreachable", "service")


def patient(documents: Documents, partition: str, tries: int = 8) -> Iterator[Document]:
    page = _page(documents, partition, None, tries)
    yield from page.documents
    while page.token is not None:
        page = _page(documents, partition, page.token, tries)
        yield from page.documents


def _page(documents: Documents, partition: str, token: str | None, tries: int) -> Page:
    for failed in range(1, tries):
        try:
            return documents.page(partition, token=token)
        except ReadFailed as error:
            if error.reason not in PASSING:
                raise
        # Up to 1, 2, 4 ... 30 seconds: many that were throttled together shall not come back together.
        time.sleep(random.uniform(0, min(2 ** (failed - 1), 30)))
    return documents.page(partition, token=token)
