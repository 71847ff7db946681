# SPDX-License-Identifier: MIT
"""What stands between a fault and a live coil: two breaks in series, and cuts without firmware.

The transmitter's supply passes two load switches. One follows a level, the other is held on by
pulses alone, from another pin; cuts for a hot coil and an empty cell act on the second.
"""

from collections.abc import Iterator
from typing import Any

from generator.circuit import Circuit
from generator.cuts import cuts
from generator.hold import hold, times
from generator.pump import PERIOD_ms

SWITCH = "tps22918"
OFF_MAX_ms = 500  # from the last pulse until power is off
CELL_MIN_mV = 2500  # below it a LiPo cell is harmed
RAILS = ("GND", "3V3")


def check(circuit: Circuit, board: dict[str, Any], chain: dict[str, Any]) -> list[str]:
    """One line a fault; a safe circuit gives an empty list."""
    faults = [*_two_breaks(circuit, chain), *_pulse_fed(circuit), *_cuts(circuit, board, chain)]
    return [f"{circuit.board}: {fault}" for fault in faults]


def series_switches(circuit: Circuit, chain: dict[str, Any]) -> list[str]:
    """Load switches between the cell and the boost converter, from the converter back."""
    found: list[str] = []
    net = circuit.net_of(chain["boost"], "VIN")
    while True:
        pins = circuit.nets[net]
        refs = [r for r, p in pins if p == "VOUT" and circuit.parts[r].name == SWITCH]
        if not refs or refs[0] in found:
            return found
        found.append(refs[0])
        net = circuit.net_of(refs[0], "VIN")


def drivers(circuit: Circuit, net: str, *, pulses: bool) -> set[str]:
    """Output pins of the microcontroller that reach `net` through resistors and diodes.

    With `pulses` also through capacitors: what a level cannot pass, an edge can.
    """
    seen, todo, pins = {net}, [net], set()
    while todo:
        for ref, pin in circuit.nets[todo.pop()]:
            part = circuit.parts[ref]
            if ref == "U1" and part.pins[pin] == "output":
                pins.add(pin)
            passes = part.resistance_Ohm or part.name.startswith("schottky")
            if passes or (pulses and part.ratings.get("capacitance_nF")):
                beyond = {circuit.net_of(ref, other) for other in part.pins} - seen - set(RAILS)
                seen |= beyond
                todo += beyond
    return pins


def _two_breaks(circuit: Circuit, chain: dict[str, Any]) -> Iterator[str]:
    refs = series_switches(circuit, chain)
    if len(refs) < 2:
        yield f"{len(refs)} break in front of the boost converter: one that sticks would be enough"
        return
    inputs = [circuit.net_of(ref, "ON") for ref in refs]
    if len(set(inputs)) < len(inputs):
        yield f"{' and '.join(refs)} share one ON input"
        return
    by_level = [net for net in inputs if drivers(circuit, net, pulses=False)]
    by_pulse = [
        net for net in inputs if net not in by_level and drivers(circuit, net, pulses=True)
    ]
    if len(by_level) != 1 or len(by_pulse) != 1:
        yield "one break must follow a level, the other must be fed by pulses through a capacitor"
        return
    shared = drivers(circuit, by_level[0], pulses=False)
    shared &= drivers(circuit, by_pulse[0], pulses=True)
    if shared:
        yield f"both breaks hang on {', '.join(sorted(shared))}"


def _pulse_fed(circuit: Circuit) -> Iterator[str]:
    found = hold(circuit)
    if found is None:
        yield "no break is fed by pulses"
        return
    found_times = times(circuit, found)
    if found_times.off_max_ms is None or found_times.off_max_ms > OFF_MAX_ms:
        yield f"{found.net} may stay on for more than {OFF_MAX_ms} ms after the last pulse"
    if not found_times.holds:
        yield f"{found.net} may fall off between pulses {PERIOD_ms:.0f} ms apart"


def _cuts(circuit: Circuit, board: dict[str, Any], chain: dict[str, Any]) -> Iterator[str]:
    found, held = cuts(circuit), hold(circuit)
    if found is None or held is None:
        yield "no cut for a hot coil or an empty cell that works without firmware"
        return
    on_input = {circuit.parts[ref].name + "." + pin for ref, pin in circuit.nets[held.net]}
    for output in ("undervoltage-2v93.RESET", "comparator-2.OUTA", "comparator-2.OUTB"):
        if output not in on_input:
            yield f"{output} does not reach {held.net}"
    detector = next(r for r, part in circuit.parts.items() if part.name == "undervoltage-2v93")
    if circuit.net_of(detector, "VDD") != circuit.net_of(chain["cell"][-1], "2"):
        yield f"{detector} does not watch the cell behind its fuse"
    if found.hot_C[0] * 10 <= board["limits"]["coil_max_dC"]:
        yield f"the coil is cut at {found.hot_C[0]:.0f} C, before the firmware's limit"
    coil_max_dC = min(p.ratings.get("coil_max_dC", 10_000) for p in circuit.parts.values())
    if found.hot_C[1] * 10 >= coil_max_dC:
        yield f"the coil is cut at {found.hot_C[1]:.0f} C only; it bears {coil_max_dC // 10} C"
    if found.cell_mV[0] < CELL_MIN_mV:
        yield f"the cell is cut at {found.cell_mV[0]} mV only"
