# SPDX-License-Identifier: MIT
"""The pulse-fed break of a circuit: which parts feed it, how long it stays on without pulses."""

from dataclasses import dataclass

from generator.circuit import Circuit, Part
from generator.pump import Pump, reaction

DIODE_V = (0.40, 0.15)  # BAT54S at microamperes: the most and the least
HIGH_V = (3.2, 3.4)  # the pin's level: least and most
OFF, HOLD = 1, -1  # corner of the tolerances that is worst for letting go, for staying on


@dataclass(frozen=True)
class Hold:
    """`net`: the ON input that pulses feed; the others are references."""

    net: str
    series: str
    pump: str
    drain: str
    diodes: str
    store: str
    bleed: str


@dataclass(frozen=True)
class Times:
    """At the worst corner of all tolerances."""

    off_max_ms: float | None  # from the last pulse until the switch is certainly off
    holds: bool  # certainly on with the pulses of pump.PERIOD_ms


def hold(circuit: Circuit) -> Hold | None:
    """None for a circuit without a pulse-fed load switch."""
    for net, pins in circuit.nets.items():
        diodes = _named(circuit, net, "schottky-series")
        if not any(pin == "ON" for _, pin in pins) or diodes is None:
            continue
        middle = circuit.net_of(diodes, "M")
        pump = _rated(circuit, middle, "capacitance_nF")
        store = _rated(circuit, net, "capacitance_nF")
        bleed = _rated(circuit, net, "resistance_Ohm")
        drain = _rated(circuit, middle, "resistance_Ohm")
        if pump is None or store is None or bleed is None or drain is None:
            return None
        before = circuit.net_of(pump, "1")
        series = _rated(circuit, before, "resistance_Ohm")
        return None if series is None else Hold(net, series, pump, drain, diodes, store, bleed)
    return None


def times(circuit: Circuit, held: Hold) -> Times:
    return Times(
        off_max_ms=reaction(pump_of(circuit, held, OFF)).off_ms,
        holds=reaction(pump_of(circuit, held, HOLD)).holds,
    )


def pump_of(circuit: Circuit, held: Hold, corner: int) -> Pump:
    """Large parts let go late; small ones hold badly."""

    def at(ref: str, key: str) -> float:
        return corner_of(circuit.parts[ref], key, corner)

    return Pump(
        series_Ohm=at(held.series, "resistance_Ohm"),
        pump_uF=at(held.pump, "capacitance_nF") / 1000,
        drain_Ohm=at(held.drain, "resistance_Ohm"),
        store_uF=at(held.store, "capacitance_nF") / 1000,
        bleed_Ohm=at(held.bleed, "resistance_Ohm"),
        diode_V=DIODE_V[corner == OFF],
        high_V=HIGH_V[corner == OFF],
    )


def corner_of(part: Part, key: str, corner: int) -> float:
    return part.ratings[key] * (1 + corner * part.ratings["tolerance_permille"] / 1000)


def _named(circuit: Circuit, net: str, name: str) -> str | None:
    return next((ref for ref, _ in circuit.nets[net] if circuit.parts[ref].name == name), None)


def _rated(circuit: Circuit, net: str, key: str) -> str | None:
    found = (ref for ref, _ in circuit.nets[net] if circuit.parts[ref].ratings.get(key))
    return next(found, None)
