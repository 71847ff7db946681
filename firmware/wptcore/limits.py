# SPDX-License-Identifier: MIT
"""What one board bears, from hardware/boards; its profile may only tighten that."""

from wptcore.compat import const
from wptcore.floor import FLOOR_MIN_pct
from wptcore.units import TEMPERATURE_UNKNOWN_dC

_HYSTERESIS_dC = const(50)

# What a profile may set, and which of two values is the tighter one.
TIGHTER = {
    "battery_min_dC": max,
    "battery_max_dC": min,
    "battery_resume_dC": min,
    "ping_ms": min,
    "quiet_ms": min,
    "floor_pct": max,
    "gives_mW": min,
    "cable_holds": max,
}


class Limits:
    """`vbus_interlock`: does the board give nothing while a cable is in?"""

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
        vbus_interlock=True,
    ):
        self.bus_min_mV = bus_min_mV
        self.bus_max_mV = bus_max_mV
        self.current_max_mA = current_max_mA
        self.power_max_mW = power_max_mW
        self.coil_max_dC = coil_max_dC
        self.battery_min_dC = battery_min_dC
        self.battery_max_dC = battery_max_dC
        self.battery_resume_dC = battery_max_dC - _HYSTERESIS_dC
        self.capacity_mJ = capacity_mJ
        self.ping_ms = 5000  # how long a donor looks for a receiver
        self.quiet_ms = 1800  # how long no power may flow then: Qi's control-error timeout
        self.floor_pct = FLOOR_MIN_pct
        self.gives_mW = power_max_mW
        self.cable_holds = 1 if vbus_interlock else 0

    def tighten(self, profile: dict) -> None:
        """Take values by the names of TIGHTER; a looser one changes nothing."""
        for name, tighter in TIGHTER.items():
            if name in profile:
                setattr(self, name, tighter(getattr(self, name), profile[name]))

    def quiet_max_ms(self, pinging: bool) -> int:
        """How long no power may flow; `pinging`: none has been seen yet."""
        return self.ping_ms if pinging else self.quiet_ms

    def coil_is_hot(self, coil_dC: int, was_hot: bool) -> bool:
        return coil_dC > self.coil_max_dC - (_HYSTERESIS_dC if was_hot else 0)

    def battery_is_off(self, battery_dC: int, was_off: bool) -> bool:
        """Is the battery too hot or too cold? Unknown where no thermistor is fitted."""
        if battery_dC == TEMPERATURE_UNKNOWN_dC:
            return False
        low_dC, high_dC = self.battery_min_dC, self.battery_max_dC
        if was_off:
            low_dC += _HYSTERESIS_dC
            high_dC = min(high_dC - _HYSTERESIS_dC, self.battery_resume_dC)
        return not low_dC <= battery_dC <= high_dC
