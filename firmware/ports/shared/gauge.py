# SPDX-License-Identifier: MIT
"""State of charge from a MAX17048 where the board has one, else from counted charge."""

from adafruit_max1704x import MAX17048

from wptcore.battery import CoulombCount
from wptcore.wire import SOC_UNKNOWN_permille


class FuelGauge:
    def __init__(self, bus, address: int):
        self._bus = bus
        self._address = address
        self._chip = None

    def read_permille(self) -> int:
        """Returns the charge, or SOC_UNKNOWN_permille when the chip does not answer."""
        try:
            if self._chip is None:
                self._chip = MAX17048(self._bus, self._address)
            return min(int(self._chip.cell_percent * 10), 1000)
        except (OSError, ValueError, RuntimeError):
            self._chip = None  # found again once it answers
            return SOC_UNKNOWN_permille

    def add(self, bus_mV: int, current_mA: int, dt_ms: int) -> None:
        """Does nothing, because the chip models the cell by itself."""


class CountedCharge:
    def __init__(self, capacity_mJ: int):
        self._count = CoulombCount(capacity_mJ)

    def read_permille(self) -> int:
        return self._count.soc_permille

    def add(self, bus_mV: int, current_mA: int, dt_ms: int) -> None:
        self._count.add(bus_mV, current_mA, dt_ms)
