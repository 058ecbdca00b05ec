"""Which of the null Kinesis's records were written, and when: a byte for each record, found in raw requests."""

from collections import defaultdict

from benchmarks.load.identity import IN_BYTES

GROWTH = 1 << 16


class Written:
    """The records written until now.

    :ivar distinct: how many, each counted once.
    :ivar rewritten: how often a record came that had been written by an earlier call.
    """

    def __init__(self) -> None:
        self.distinct = 0
        self.rewritten = 0
        self._shards: defaultdict[int, bytearray] = defaultdict(bytearray)
        self._samples: list[tuple[int, int, float]] = []
        self._turn = 0

    def note(self, items: bytes, now: float) -> None:
        """Enter the records whose sequence numbers stand anywhere in `items`."""
        found = set(IN_BYTES.findall(items))  # a number stands in the sort key, and once more beside it
        for shard_text, index_text in found:
            seen, index = self._shards[int(shard_text)], int(index_text)
            if index >= len(seen):
                seen.extend(bytes(index - len(seen) + GROWTH))
            if seen[index]:
                self.rewritten += 1
            else:
                seen[index] = 1
                self.distinct += 1
        if found:
            # One of each call, in no order: sets of bytes are shuffled.
            shard_text, index_text = found.pop()
            self._samples.append((int(shard_text), int(index_text), now))

    def take_samples(self) -> list[tuple[int, int, float]]:
        """Return (shard, index, epoch seconds) of the records sampled since the last time."""
        samples, self._samples = self._samples, []
        return samples
