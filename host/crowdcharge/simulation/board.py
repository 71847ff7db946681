# SPDX-License-Identifier: MIT
"""PURE: a simulated board and its battery, under constant powers between two events."""

from dataclasses import dataclass, field
from math import inf

TINY = 1e-9  # of the capacity: less than this is rounding


@dataclass(slots=True)
class SimulatedBoard:
    """One board; energies are exact, because all powers are constant between two `advance`s."""

    id: int
    capacity_J: float
    energy_J: float
    gives_J: float = inf
    wants_J: float = inf
    coil_C: float = 25.0
    load_W: float = 0.0
    arrives_s: float = 0.0
    leaves_s: float = inf
    cords: tuple[tuple[float, float], ...] = ()
    pad: bool = False  # may give to several at once
    present: bool = True
    cord_W: float = 0.0
    tx_W: float = 0.0
    rx_W: float = 0.0
    now_s: float = 0.0
    sent_J: float = 0.0
    received_J: float = 0.0
    used_J: float = 0.0
    cord_J: float = 0.0
    outages: int = 0
    outage_s: float = 0.0
    starved: bool = False
    sessions: int = 0
    version: int = field(default=0, repr=False)

    @property
    def soc(self) -> float:
        return self.energy_J / self.capacity_J

    @property
    def net_W(self) -> float:
        return self.rx_W + self.cord_W - self.tx_W - self.load_W

    def advance(self, now_s: float) -> None:
        """Move on to `now_s`; a full battery throttles its cord and an empty one feeds no load."""
        dt_s, self.now_s = now_s - self.now_s, now_s
        if not self.present or dt_s <= 0:
            return
        net_W = self.net_W
        after_J = self.energy_J + net_W * dt_s
        self.sent_J += self.tx_W * dt_s
        self.received_J += self.rx_W * dt_s
        self.cord_J += self.cord_W * dt_s
        self.used_J += self.load_W * dt_s
        self.energy_J = min(max(after_J, 0.0), self.capacity_J)
        if self.cord_W and after_J > self.capacity_J:
            self.cord_J -= after_J - self.capacity_J
        if self.load_W and after_J < 0:
            self._starve(-after_J, net_W)
        elif self.energy_J > 0:
            self.starved = False

    def _starve(self, short_J: float, net_W: float) -> None:
        self.used_J -= short_J
        self.outage_s += short_J / -net_W
        if not self.starved and short_J > TINY * self.capacity_J:
            self.starved = True
            self.outages += 1
