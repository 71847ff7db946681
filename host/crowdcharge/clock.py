# SPDX-License-Identifier: MIT
"""The boards' clock: the only place that reads the time for decisions.

A virtual bench and the host that runs on it each have a clock of their own, at the same speed.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Protocol


def unix_s() -> int:
    """Return the seconds since 1970, for numbers that only have to rise."""
    return int(time.time())


def today() -> date:
    """Return the date in UTC."""
    return datetime.now(UTC).date()


def minute_of_day() -> int:
    """Return the minute of the day on this computer's wall clock."""
    now = time.localtime()
    return now.tm_hour * 60 + now.tm_min


class Clock(Protocol):
    def now_s(self) -> float:
        """Return the board time since the start."""
        ...

    async def sleep(self, duration_s: float) -> None:
        """Wait in board time; not at all if the duration is negative."""
        ...

    def timeout(self, duration_s: float) -> asyncio.Timeout:
        """Like asyncio.timeout, in board time."""
        ...


class BoardClock:
    """Wall time since the start, times `speed`: a virtual bench may run faster than life."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._start_s = time.monotonic()

    def now_s(self) -> float:
        return (time.monotonic() - self._start_s) * self.speed

    async def sleep(self, duration_s: float) -> None:
        await asyncio.sleep(max(duration_s, 0.0) / self.speed)

    def timeout(self, duration_s: float) -> asyncio.Timeout:
        return asyncio.timeout(duration_s / self.speed)


class SteadyUnix:
    """The unix clock as it was at the start, going on steadily, in seconds.

    Somebody, or NTP, may set the wall clock at any time; ages would be wrong by that much.
    """

    def __init__(
        self,
        unix_s: Callable[[], float] = time.time,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steady_s = steady_s
        self._offset_s = unix_s() - steady_s()

    def now_s(self) -> float:
        return self.at_s(self._steady_s())

    def at_s(self, steady_s: float) -> float:
        """Return what a time of the steady clock, which is the event loop's too, is here."""
        return round(steady_s + self._offset_s, 3)
