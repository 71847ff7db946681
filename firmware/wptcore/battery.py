# SPDX-License-Identifier: MIT
"""State of charge where a board has no gauge: rest voltage sets it, counted charge moves it."""

from wptcore.compat import const
from wptcore.units import clamp
from wptcore.wire import SOC_UNKNOWN_permille

# Open-circuit voltage of a LiPo cell at rest, mV, at 0, 10, ... 100 %.
OCV_mV = (3270, 3610, 3690, 3730, 3770, 3800, 3840, 3910, 3980, 4080, 4200)
_REST_mA = const(20)
_REST_ms = const(2000)
_REST_CHARGED_ms = const(60_000)


def soc_from_rest_permille(bus_mV: int) -> int:
    """Interpolates linearly between the points of OCV_mV."""
    if bus_mV <= OCV_mV[0]:
        return 0
    for i in range(1, len(OCV_mV)):
        if bus_mV < OCV_mV[i]:
            step_mV = OCV_mV[i] - OCV_mV[i - 1]
            return (i - 1) * 100 + (bus_mV - OCV_mV[i - 1]) * 100 // step_mV
    return 1000


class CoulombCount:
    """SoC from the charge that passes the meters; unknown until the battery has once rested.

    After a charge it needs a longer rest, because the cell's voltage stays high for a while. What
    a cable brings passes no meter, so the count is unknown from then until the next rest.
    """

    def __init__(self, capacity_mJ: int):
        self._capacity_mJ = capacity_mJ
        self._energy_uJ = -1
        self._cell_mV = 0
        self._rest_ms = 0
        self._needed_ms = _REST_ms

    @property
    def soc_permille(self) -> int:
        if self._energy_uJ < 0:
            return SOC_UNKNOWN_permille
        return clamp(self._energy_uJ // self._capacity_mJ, 0, 1000)

    def add(
        self, bus_mV: int, current_mA: int, dt_ms: int, received: bool = False, cable: bool = False
    ) -> None:
        """Add one sample; `current_mA` > 0 leaves the battery. A rest corrects the drift.

        `received`: the sample is of the receiver's meter, in front of a linear charger: its
        current reaches the cell, its voltage does not. Only the battery lead shows a rest.
        """
        if cable:
            self._energy_uJ = -1
        if cable or (received and current_mA < 0):
            self._needed_ms = _REST_CHARGED_ms
        if not received:
            self._cell_mV = bus_mV
        rests = not received and not cable and -_REST_mA < current_mA < _REST_mA
        self._rest_ms = self._rest_ms + dt_ms if rests else 0
        if self._rest_ms >= self._needed_ms:
            self._needed_ms = _REST_ms
            self._energy_uJ = soc_from_rest_permille(bus_mV) * self._capacity_mJ
        elif self._energy_uJ >= 0:
            spent_uJ = self._cell_mV * current_mA * dt_ms // 1000
            self._energy_uJ = clamp(self._energy_uJ - spent_uJ, 0, 1000 * self._capacity_mJ)
