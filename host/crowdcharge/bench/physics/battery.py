# SPDX-License-Identifier: MIT
"""One Li-ion cell: open-circuit voltage by state of charge, internal resistance, CC/CV limit.

The model is pure. `capacity_J` scales how fast the state of charge moves; voltage and resistance
stay those of a usual cell, so a 100 J cell behaves like a 2 Ah cell whose clock runs fast.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

# Rest voltage of a 4.2 V LCO/NMC cell at 25 degC by state of charge: typical published curve,
# rounded to 10 mV (a given cell differs by some 30 mV).
_OCV_V = (
    (0.0, 3.00),
    (0.05, 3.45),
    (0.1, 3.58),
    (0.2, 3.67),
    (0.3, 3.71),
    (0.4, 3.75),
    (0.5, 3.80),
    (0.6, 3.87),
    (0.7, 3.95),
    (0.8, 4.03),
    (0.9, 4.11),
    (1.0, 4.20),
)
_SOCS = tuple(soc for soc, _ in _OCV_V)


def open_circuit_V(soc: float) -> float:
    """Interpolates the table linearly; `soc` is 0..1."""
    index = min(max(bisect_right(_SOCS, soc), 1), len(_OCV_V) - 1)
    (soc_0, voltage_0), (soc_1, voltage_1) = _OCV_V[index - 1], _OCV_V[index]
    share = min(max((soc - soc_0) / (soc_1 - soc_0), 0.0), 1.0)
    return voltage_0 + share * (voltage_1 - voltage_0)


def soc_at(voltage_V: float) -> float:
    """Return the inverse of `open_circuit_V`, 0..1: what a gauge guesses from a voltage."""
    for (soc_0, voltage_0), (soc_1, voltage_1) in pairwise(_OCV_V):
        if voltage_V <= voltage_1:
            share = max((voltage_V - voltage_0) / (voltage_1 - voltage_0), 0.0)
            return soc_0 + share * (soc_1 - soc_0)
    return 1.0


@dataclass(frozen=True, slots=True)
class Cell:
    capacity_J: float
    resistance_Ohm: float = 0.1
    charge_max_V: float = 4.2
    charge_max_A: float = 2.0

    def discharge_A(self, ocv_V: float, power_W: float, extra_Ohm: float = 0.0) -> float:
        """Return the current that leaves `power_W` behind the cell's resistance and `extra_Ohm`.

        It solves P = (E - I R) I for the root below E / 2R; more than the cell's maximum power is
        limited to that.
        """
        series_Ohm = self.resistance_Ohm + extra_Ohm
        root = max(ocv_V * ocv_V - 4 * series_Ohm * power_W, 0.0)
        return (ocv_V - sqrt(root)) / (2 * series_Ohm)

    def charge_A(self, ocv_V: float, power_W: float) -> float:
        """Charging current for `power_W` at the terminals: P = (E + I R) I, within CC and CV."""
        wanted_A = (sqrt(ocv_V * ocv_V + 4 * self.resistance_Ohm * power_W) - ocv_V) / (
            2 * self.resistance_Ohm
        )
        return min(wanted_A, self.acceptance_A(ocv_V))

    def acceptance_A(self, ocv_V: float) -> float:
        """Return the charger's limit: constant current, then the taper at `charge_max_V`."""
        return min(self.charge_max_A, max(self.charge_max_V - ocv_V, 0.0) / self.resistance_Ohm)
