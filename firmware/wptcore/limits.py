# SPDX-License-Identifier: MIT
"""What the parts of one board bear; the values come from hardware/boards."""

from wptcore.compat import const
from wptcore.units import TEMPERATURE_UNKNOWN_dC

_HYSTERESIS_dC = const(50)


class Limits:
    def __init__(
        self,
        bus_min_mV: int,
        bus_max_mV: int,
        current_max_mA: int,
        power_max_mW: int,
        coil_max_dC: int,
        battery_min_dC: int,
        battery_max_dC: int,
        capacity_mJ: int,
    ):
        self.bus_min_mV = bus_min_mV
        self.bus_max_mV = bus_max_mV
        self.current_max_mA = current_max_mA
        self.power_max_mW = power_max_mW
        self.coil_max_dC = coil_max_dC
        self.battery_min_dC = battery_min_dC
        self.battery_max_dC = battery_max_dC
        self.capacity_mJ = capacity_mJ

    def coil_is_hot(self, coil_dC: int, was_hot: bool) -> bool:
        return coil_dC > self.coil_max_dC - (_HYSTERESIS_dC if was_hot else 0)

    def battery_is_off(self, battery_dC: int, was_off: bool) -> bool:
        """Is the battery too hot or too cold? Unknown where no thermistor is fitted."""
        if battery_dC == TEMPERATURE_UNKNOWN_dC:
            return False
        inside_dC = _HYSTERESIS_dC if was_off else 0
        return (
            battery_dC > self.battery_max_dC - inside_dC
            or battery_dC < self.battery_min_dC + inside_dC
        )
