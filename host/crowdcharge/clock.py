# SPDX-License-Identifier: MIT
"""The boards' clock as the host sees it: the only place that reads the time for decisions."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    def now_s(self) -> float:
        """Seconds of board time since the start."""
        ...

    async def sleep(self, duration_s: float) -> None: ...

    def timeout(self, duration_s: float) -> asyncio.Timeout:
        """As asyncio.timeout, in board time."""
        ...


class BoardClock:
    """Wall time since its making, times `speed` (a virtual bench may run faster than life)."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._start_s = time.monotonic()

    def now_s(self) -> float:
        return (time.monotonic() - self._start_s) * self._speed

    async def sleep(self, duration_s: float) -> None:
        await asyncio.sleep(max(duration_s, 0.0) / self._speed)

    def timeout(self, duration_s: float) -> asyncio.Timeout:
        return asyncio.timeout(duration_s / self._speed)
