"""Where the time of a batch goes."""

import time


class Laps:
    """Seconds by step, from its making on."""

    def __init__(self) -> None:
        self._began = self._at = time.perf_counter()
        self._seconds: dict[str, float] = {}

    def lap(self, step: str) -> None:
        """Enter the time since the last lap as the step's."""
        now = time.perf_counter()
        self._seconds[step] = self._seconds.get(step, 0.0) + now - self._at
        self._at = now

    def fields(self) -> dict[str, float]:
        """Return what the log has of it: ``seconds`` in all, and ``<step>_seconds``."""
        whole = {"seconds": round(time.perf_counter() - self._began, 6)}
        return whole | {f"{step}_seconds": round(seconds, 6) for step, seconds in self._seconds.items()}
