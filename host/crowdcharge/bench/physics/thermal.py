# SPDX-License-Identifier: MIT
"""A lump of heat capacity that cools to the ambient, and the thermistor that measures it."""

from dataclasses import dataclass
from math import exp

KELVIN = 273.15


@dataclass(slots=True)
class Lump:
    """A first-order lump, tau = resistance x capacity. `held_C` pins the temperature (a fault)."""

    ambient_C: float
    resistance_K_per_W: float
    capacity_J_per_K: float
    over_K: float = 0.0
    held_C: float | None = None

    def step(self, dt_s: float, heat_J: float) -> None:
        """Advance by `dt_s`; exact for a constant flow of heat."""
        if dt_s <= 0.0:
            return
        decay = exp(-dt_s / (self.resistance_K_per_W * self.capacity_J_per_K))
        final_K = heat_J / dt_s * self.resistance_K_per_W
        self.over_K = final_K + (self.over_K - final_K) * decay

    @property
    def temperature_C(self) -> float:
        return self.ambient_C + self.over_K if self.held_C is None else self.held_C


def ntc_share(temperature_C: float, r25_Ohm: float, beta_K: float, pullup_Ohm: float) -> float:
    """Voltage across an NTC to ground as a share of the supply at its pull-up (beta equation)."""
    ratio = exp(beta_K * (1 / (temperature_C + KELVIN) - 1 / (25.0 + KELVIN)))
    ntc_Ohm = r25_Ohm * ratio
    return ntc_Ohm / (ntc_Ohm + pullup_Ohm)
