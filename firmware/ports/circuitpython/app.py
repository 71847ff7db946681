# SPDX-License-Identifier: MIT
"""The loop on CircuitPython, without asyncio, because `_bleio` must be polled anyway."""

import supervisor

from board_loop import BoardLoop
from hal import Hal
from sha import sha256
from wptcore.compat import const

_TICKS_PERIOD = const(1 << 29)  # supervisor.ticks_ms wraps there


class App:
    """`pins`: the generated board module of this board; `power`: power_pins.PowerPins."""

    def __init__(self, pins, identity: dict, power):
        supervisor.runtime.autoreload = False  # a copied file must not restart a transfer
        supervisor.runtime.ble_workflow = False  # the radio is ours; older versions need it here
        self.loop = BoardLoop(pins, identity, Hal(pins, identity, power), sha256)

    def run(self) -> None:
        loop = self.loop
        last_ms = supervisor.ticks_ms()
        while True:
            loop.radio.wait(loop.period_ms)
            now_ms = supervisor.ticks_ms()
            loop.step((now_ms - last_ms) % _TICKS_PERIOD)
            last_ms = now_ms
