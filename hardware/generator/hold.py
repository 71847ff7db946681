# SPDX-License-Identifier: MIT
"""The pulse-fed break: how long it stays on when its pulses stop, how often it must be fed.

A Dickson pump: C from the pin, two diodes, a holding capacitor, and a resistor that empties it.
After each period T the holding capacitor C2 has

    v' = (C2 v exp(-T / R C2) + C1 (U - 2 Ud)) / (C1 + C2)

and after the last pulse it falls as exp(-t / R C2). The worst corner of all tolerances counts.
"""

from dataclasses import dataclass
from itertools import product
from math import exp, log

from generator.circuit import Circuit, Part

SUPPLY_V = (3.2, 3.4)
DIODE_V = (0.15, 0.40)  # BAT54S at microamperes, cold and hot
LEAK_A = 2e-6  # open-drain outputs and the clamp, hot, together
PERIODS = 200


@dataclass(frozen=True)
class Hold:
    """`net`: the ON input that is fed by pulses."""

    net: str
    off_max_ms: float  # from the last pulse until the switch is certainly off
    period_max_ms: float  # longest period at which it certainly stays on


def hold(circuit: Circuit) -> Hold | None:
    """None for a circuit without a pulse-fed load switch."""
    for net, pins in circuit.nets.items():
        switches = [circuit.parts[ref] for ref, pin in pins if pin == "ON"]
        if not switches or "schottky-series" not in _names(circuit, net):
            continue
        store = _part(circuit, net, "capacitance_nF")
        pump = _part(circuit, _pumped(circuit, net), "capacitance_nF")
        bleed = _part(circuit, net, "resistance_Ohm")
        if store is None or pump is None or bleed is None:
            return None
        return _hold(net, switches[0], pump, store, bleed)
    return None


def _hold(net: str, switch: Part, pump: Part, store: Part, bleed: Part) -> Hold:
    high_V = switch.ratings["on_high_mV"] / 1000
    low_V = switch.ratings["on_low_mV"] / 1000
    corners = list(product(_nF(pump), _nF(store), _ohms(bleed)))
    full_V = SUPPLY_V[1] - 2 * DIODE_V[0]
    off_ms = max(ohms * c2 * 1e-6 * log(full_V / low_V) for _, c2, ohms in corners)
    period_ms = 1.0
    while all(_trough_V(*corner, period_ms + 1) >= high_V for corner in corners):
        period_ms += 1
    return Hold(net, off_ms, period_ms)


def _trough_V(pump_nF: float, store_nF: float, bleed_Ohm: float, period_ms: float) -> float:
    """Lowest voltage in the steady state."""
    drive_V = SUPPLY_V[0] - 2 * DIODE_V[1]
    decay = exp(-period_ms / (bleed_Ohm * store_nF * 1e-6))
    rest_V = -LEAK_A * bleed_Ohm
    low_V = 0.0
    for _ in range(PERIODS):
        if low_V < drive_V:
            low_V = (store_nF * low_V + pump_nF * drive_V) / (pump_nF + store_nF)
        low_V = rest_V + (low_V - rest_V) * decay
    return low_V


def _names(circuit: Circuit, net: str) -> set[str]:
    return {circuit.parts[ref].name for ref, _ in circuit.nets[net]}


def _pumped(circuit: Circuit, net: str) -> str:
    diode = next(r for r, _ in circuit.nets[net] if circuit.parts[r].name == "schottky-series")
    return circuit.net_of(diode, "M")


def _part(circuit: Circuit, net: str, key: str) -> Part | None:
    found = (circuit.parts[ref] for ref, _ in circuit.nets[net])
    return next((part for part in found if part.ratings.get(key)), None)


def _nF(part: Part) -> tuple[float, float]:
    return _corners(part, "capacitance_nF")


def _ohms(part: Part) -> tuple[float, float]:
    return _corners(part, "resistance_Ohm")


def _corners(part: Part, key: str) -> tuple[float, float]:
    share = part.ratings["tolerance_permille"] / 1000
    return part.ratings[key] * (1 - share), part.ratings[key] * (1 + share)
