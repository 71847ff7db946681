# SPDX-License-Identifier: MIT
"""What the instruments showed during one test, for its plot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hil_tests.instruments import Instruments

_EVERY_s = 0.1  # real time


@dataclass(slots=True)
class Series:
    """Power over time; `points` are (time_s, sent_W, received_W) by the instruments' clock."""

    pair: str
    points: list[tuple[float, float, float]] = field(default_factory=list)

    @asynccontextmanager
    async def recording(
        self, instruments: Instruments, donor: int, receiver: int
    ) -> AsyncIterator[None]:
        task = asyncio.create_task(self._record(instruments, donor, receiver))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _record(self, instruments: Instruments, donor: int, receiver: int) -> None:
        while True:
            sent_W = await instruments.power_W(donor, "tx")
            received_W = await instruments.power_W(receiver, "rx")
            self.points.append((await instruments.time_s(), sent_W, received_W))
            await asyncio.sleep(_EVERY_s)
