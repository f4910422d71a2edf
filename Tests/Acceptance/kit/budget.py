"""The time for everything, and how much of it a program may take."""

from __future__ import annotations

import time
from typing import Callable

#: Kept for ending the daemon and writing the report.
RESERVE = 6.0


class Budget:
    """Counts down from the moment it is made."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._started = clock()
        self._seconds = seconds

    @property
    def spent(self) -> float:
        return self._clock() - self._started

    def left(self, also_kept: float = 0.0) -> float:
        """Seconds that may still be used, besides the reserve and `also_kept`."""
        return max(0.0, self._seconds - self.spent - RESERVE - also_kept)

    def limit(self, wanted: float, also_kept: float = 0.0) -> tuple[float, bool]:
        """How long something may take that wants so long, and whether time cuts it short."""
        left = self.left(also_kept)
        return (wanted, False) if wanted <= left else (left, True)
