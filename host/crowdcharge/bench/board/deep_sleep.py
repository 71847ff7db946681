# SPDX-License-Identifier: MIT
"""A chip's deep sleep: dark until its time is over or one of its inputs calls."""

import asyncio
from collections.abc import Callable, Mapping


class DeepSleep:
    """`wake` starts the chip anew; `levels` returns what its inputs read now."""

    def __init__(
        self, wake: Callable[[], None], levels: Callable[[], Mapping[str, int]], speed: float
    ) -> None:
        self._wake = wake
        self._levels = levels
        self._speed = speed
        self._timer: asyncio.TimerHandle | None = None
        self._wakes: Mapping[str, int] = {}

    @property
    def goes_on(self) -> bool:
        return self._timer is not None

    def begin(self, time_s: float, wakes: Mapping[str, int]) -> None:
        """Sleep so long in bench time; `wakes` has the levels of inputs that end it earlier."""
        self._wakes = wakes
        self._timer = asyncio.get_running_loop().call_later(time_s / self._speed, self._wake)

    def end(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def look(self) -> None:
        """Wake if an input says so."""
        if self.goes_on and any(item in self._wakes.items() for item in self._levels().items()):
            self._wake()
