"""Stops the worker when it quarantines most of what it reads: a wrong deployment must not drain the stream."""

import threading
from collections.abc import Callable

from consumer.errors import SessionBroken


class QuarantineBreaker:
    """Judges the records of all shards of a process.

    :param max_share: of the records that may go to quarantine; 1: all.
    :param records: how many have to be seen before it is judged, and how far back it looks.
    :param pulled: called once, with the share, when there are more.
    """

    def __init__(self, max_share: float, records: int, pulled: Callable[[float], None]) -> None:
        self._max_share = max_share
        self._records = records
        self._pulled = pulled
        self._seen = 0
        self._quarantined = 0
        self._is_pulled = False
        self._lock = threading.Lock()

    def check(self, records: int, quarantined: int) -> None:
        """Judge a batch, before anything of it is written.

        :raises SessionBroken: too many go to quarantine; nothing more may be written by any shard.
        """
        with self._lock:
            self._seen += records
            self._quarantined += quarantined
            if self._seen >= self._records:
                if self._quarantined > self._max_share * self._seen and not self._is_pulled:
                    self._is_pulled = True
                    self._pulled(self._quarantined / self._seen)
                self._seen //= 2
                self._quarantined //= 2
            if self._is_pulled:
                msg = "too many records go to quarantine; nothing more is written"
                raise SessionBroken(msg)
