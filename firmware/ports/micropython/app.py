# SPDX-License-Identifier: MIT
"""The loop on MicroPython: asyncio waits for the radio, the button or the next pass."""

import hashlib
import time

from board_loop import BoardLoop
from hal import Hal
from wptcore.compat import const

_LOOK_ms = const(40)  # at the button: a tap may last 60 ms, and an idle pass takes 200


class App:
    """`pins`: the generated board module of this board; `power`: power_pins.PowerPins."""

    def __init__(self, pins, identity: dict, power):
        self.loop = BoardLoop(pins, identity, Hal(pins, identity, power), hashlib.sha256)

    async def run(self) -> None:
        loop = self.loop
        last_ms = time.ticks_ms()
        while True:
            await self._wait(loop.period_ms)
            now_ms = time.ticks_ms()
            loop.step(time.ticks_diff(now_ms, last_ms))
            last_ms = now_ms

    async def _wait(self, time_ms: int) -> None:
        """Return when something came from the air, the button is down, or the time is over."""
        loop = self.loop
        for at_ms in range(0, time_ms, _LOOK_ms):
            heard = await loop.radio.wait(min(_LOOK_ms, time_ms - at_ms))
            if heard or loop.is_touched:
                return
