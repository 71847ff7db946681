# SPDX-License-Identifier: MIT
"""Known contacts carried out on a bench, which lays boards together when it is time."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

from crowdcharge.bench.runs.rounds import Round
from crowdcharge.clock import BoardClock
from crowdcharge.errors import BenchError
from crowdcharge.orchestrator.contacts import Meeting, Pair
from crowdcharge.simulation.contacts import Contact

_PATIENCE_s = 120.0  # until every board has been heard and visited once


class LateClock(BoardClock):
    """A clock that stands at 0 until `begin`: a scenario begins once all are connected."""

    begun = False

    def begin(self) -> None:
        super().__init__(self.speed)
        self.begun = True

    def now_s(self) -> float:
        return super().now_s() if self.begun else 0.0


class Timetable:
    """Contacts for the orchestrator; time begins when all `boards` have been ready.

    The orchestrator is promised all `contacts`, but `arrange` does not lay those in `missed`.
    """

    def __init__(
        self,
        contacts: Sequence[Contact],
        boards: Collection[int],
        clock: LateClock,
        arrange: Callable[[Round], Awaitable[None]],
        missed: Collection[Contact] = (),
    ) -> None:
        self._contacts = contacts
        self._absent = set(boards)
        self._clock = clock
        self._arrange = arrange
        self._missed = missed
        self._laid: set[Pair] = set()
        self._since_s: float | None = None

    async def meetings(self, now_s: float, free: Collection[int]) -> Sequence[Meeting]:
        if not self._clock.begun and not self._is_ready(free):
            return []
        running = [
            (number, contact)
            for number, contact in enumerate(self._contacts)
            if contact.start_s <= now_s < contact.end_s
        ]
        pairs = {(each.a, each.b) for _, each in running if each not in self._missed}
        if pairs != self._laid:
            await self._arrange(tuple(sorted(pairs)))
            self._laid = pairs
        return [Meeting(each.a, each.b, number, each.end_s) for number, each in running]

    async def touching(self, _now_s: float) -> Collection[Pair]:
        return self._laid

    def _is_ready(self, free: Collection[int]) -> bool:
        now_s = asyncio.get_running_loop().time()
        self._since_s = now_s if self._since_s is None else self._since_s
        self._absent -= set(free)
        if not self._absent:
            self._clock.begin()
        elif now_s - self._since_s > _PATIENCE_s:
            raise BenchError(f"board {min(self._absent)} was not ready within {_PATIENCE_s:g} s")
        return not self._absent
