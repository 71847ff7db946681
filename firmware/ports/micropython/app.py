# SPDX-License-Identifier: MIT
"""The loop on MicroPython: asyncio waits for the radio or for the next pass."""

import hashlib
import time

from board_loop import BoardLoop
from hal import Hal


class App:
    """`pins`: the generated board module of this board; `power`: power_pins.PowerPins."""

    def __init__(self, pins, identity: dict, power):
        self.loop = BoardLoop(pins, identity, Hal(pins, identity, power), hashlib.sha256)

    async def run(self) -> None:
        loop = self.loop
        last_ms = time.ticks_ms()
        while True:
            await loop.radio.wait(loop.period_ms)
            now_ms = time.ticks_ms()
            loop.step(time.ticks_diff(now_ms, last_ms))
            last_ms = now_ms
