# SPDX-License-Identifier: MIT
"""The sensors of a board in a random life."""

from random import Random


class Plant:
    """What the sensors of the board see; each value may be made wrong and right again."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.soc_permille = rng.choice((190, 210, 260, 600, 600, 990))
        self.gauge = True
        self.meter = "good"  # "silent", or a code of a bad sample
        self.bus_mV = 4000
        self.current_mA = 800
        self.coil_dC = 300
        self.battery_dC = 250
        self.cable = False
        self.stuck = False
        self.hot_ms = 0  # how long a limit has been broken, as sampled
        self.unmetered_ms = 0

    def beyond(self) -> bool:
        outside = not 0 <= self.battery_dC <= 450 or self.coil_dC > 600
        return outside or self.bus_mV > 5500 or self.current_mA > 3000
