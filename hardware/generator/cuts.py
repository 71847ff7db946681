# SPDX-License-Identifier: MIT
"""Cuts without firmware: at which cell voltage and coil temperature they act, with tolerances.

The coil's comparator looks at a thermistor below a resistor against taps of a ladder on the same
supply, so the supply cancels out. Thermistor: R = R25 exp(B (1/T - 1/298.15 K)).
"""

from dataclasses import dataclass
from itertools import product
from math import log

from generator.circuit import Circuit, Part

SUPPLY_mV = 3300
T25_K, ZERO_K = 298.15, 273.15
NTC_TOLERANCE = 0.01  # of R25 and of B


@dataclass(frozen=True)
class Cuts:
    cell_mV: tuple[int, int]  # lowest and highest threshold
    hot_C: tuple[float, float]
    open_C: float  # colder than this at the most counts as broken off


def cuts(circuit: Circuit) -> Cuts | None:
    """None for a circuit without both cuts."""
    detector = _first(circuit, "undervoltage-2v93")
    comparator = _first(circuit, "comparator-2")
    if detector is None or comparator is None:
        return None
    low_mV, high_mV = _mV(circuit.parts[detector])
    sense = circuit.net_of(comparator, "INA+")
    hot = circuit.net_of(comparator, "INA-")
    opened = circuit.net_of(comparator, "INB+")
    top, middle = _between(circuit, "3V3", opened), _between(circuit, opened, hot)
    bottom, pull_up = _between(circuit, hot, "GND"), _between(circuit, "3V3", sense)
    ntc = next(p for r, _ in circuit.nets[sense] if "beta_K" in (p := circuit.parts[r]).ratings)
    offset = circuit.parts[comparator].ratings["offset_max_mV"] / SUPPLY_mV
    hots, colds = [], []
    for t, m, b, pull in product(*map(_ohms, (top, middle, bottom, pull_up))):
        for error, ntc_error in product((-offset, offset), (-NTC_TOLERANCE, NTC_TOLERANCE)):
            hots.append(_celsius(b / (t + m + b) + error, pull, ntc, ntc_error))
            colds.append(_celsius((m + b) / (t + m + b) + error, pull, ntc, ntc_error))
    return Cuts((low_mV, high_mV), (min(hots), max(hots)), max(colds))


def _celsius(share: float, pull_up_Ohm: float, ntc: Part, error: float) -> float:
    """Temperature at which the divider gives `share` of the supply."""
    ohms = pull_up_Ohm * share / (1 - share)
    r25_Ohm = ntc.ratings["r25_Ohm"] * (1 + error)
    beta_K = ntc.ratings["beta_K"] * (1 - error)
    return 1 / (1 / T25_K + log(ohms / r25_Ohm) / beta_K) - ZERO_K


def _first(circuit: Circuit, name: str) -> str | None:
    return next((ref for ref, part in circuit.parts.items() if part.name == name), None)


def _between(circuit: Circuit, one: str, two: str) -> Part:
    """Return the resistor between two nets."""
    refs = {ref for ref, _ in circuit.nets[one]} & {ref for ref, _ in circuit.nets[two]}
    return next(circuit.parts[ref] for ref in refs if circuit.parts[ref].resistance_Ohm)


def _ohms(part: Part) -> tuple[float, float]:
    share = part.ratings["tolerance_permille"] / 1000
    return part.resistance_Ohm * (1 - share), part.resistance_Ohm * (1 + share)


def _mV(part: Part) -> tuple[int, int]:
    share = part.ratings["threshold_mV"] * part.ratings["tolerance_permille"] // 1000
    return part.ratings["threshold_mV"] - share, part.ratings["threshold_mV"] + share
