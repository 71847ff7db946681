# SPDX-License-Identifier: MIT
"""Electrical and thermal limits of one board, each with the number of samples that trips it."""

from wptcore import ept


class Limits:
    """Values come from hardware/boards through the generated board module."""

    def __init__(
        self,
        bus_min_mV: int,
        bus_max_mV: int,
        current_max_mA: int,
        power_max_mW: int,
        coil_max_dC: int,
        battery_max_dC: int,
        capacity_mJ: int,
        debounce: int = 3,
    ):
        self.bus_min_mV = bus_min_mV
        self.bus_max_mV = bus_max_mV
        self.current_max_mA = current_max_mA
        self.power_max_mW = power_max_mW
        self.coil_max_dC = coil_max_dC
        self.battery_max_dC = battery_max_dC
        self.capacity_mJ = capacity_mJ
        self.debounce = debounce
        self._code = ept.NONE
        self._count = 0

    def check(
        self, bus_mV: int, current_mA: int, coil_dC: int, battery_dC: int, on_battery: bool
    ) -> int:
        """The EPT code that `debounce` samples in a row agree on, else NONE.

        `on_battery`: the meter sits on the battery; a receiver's output may well be at 0 V.
        """
        code = self._instant(bus_mV, current_mA, coil_dC, battery_dC)
        if code == ept.UNDER_VOLTAGE and not on_battery:
            code = ept.NONE
        if code != self._code:
            self._code = code
            self._count = 0
        if code == ept.NONE:
            return ept.NONE
        self._count += 1
        return code if self._count >= self.debounce else ept.NONE

    def _instant(self, bus_mV: int, current_mA: int, coil_dC: int, battery_dC: int) -> int:
        if coil_dC > self.coil_max_dC:
            return ept.OVER_TEMPERATURE
        if battery_dC > self.battery_max_dC:
            return ept.BATTERY_FAILURE
        if bus_mV > self.bus_max_mV:
            return ept.OVER_VOLTAGE
        if bus_mV < self.bus_min_mV:
            return ept.UNDER_VOLTAGE
        if current_mA > self.current_max_mA or -current_mA > self.current_max_mA:
            return ept.OVER_CURRENT
        return ept.NONE
