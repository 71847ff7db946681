# SPDX-License-Identifier: MIT
"""The loop on CircuitPython, without asyncio, because `_bleio` must be polled anyway."""

import supervisor

from board_loop import BoardLoop
from hal import Hal
from memory import load_identity
from sha import sha256

_TICKS_PERIOD = 1 << 29  # supervisor.ticks_ms wraps there


class App:
    """`pins`: the generated board module of this board."""

    def __init__(self, pins):
        supervisor.runtime.autoreload = False  # a copied file must not restart a transfer
        identity = load_identity()
        self.loop = BoardLoop(pins, identity, Hal(pins, identity), sha256)

    def run(self) -> None:
        loop = self.loop
        loop.start()
        last_ms = supervisor.ticks_ms()
        try:
            while True:
                loop.radio.wait(loop.period_ms)
                now_ms = supervisor.ticks_ms()
                loop.step((now_ms - last_ms) % _TICKS_PERIOD)
                last_ms = now_ms
        finally:
            loop.stop()
