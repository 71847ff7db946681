# SPDX-License-Identifier: MIT
"""Electrical rule check of a circuit: KiCad's pin rules, and what makes a node of ours safe.

It does not check values and timing beyond the pull-downs, layout, thermal design, the parts' inner
circuits, or whether a data sheet was understood. Voltages of the interlock are computed in
host/tests/hardware/test_interlock.py.
"""

from collections.abc import Iterator
from itertools import combinations

from generator.circuit import Circuit, Pin

GROUND, SUPPLY = "GND", "3V3"
DRIVERS = {"output", "power_out"}
NEEDS_SWITCH_ON = "tps22918"


def check(circuit: Circuit) -> list[str]:
    """Check all rules; return one line for each fault."""
    places = list(_pins_in_nets(circuit))
    if places:
        return places  # the other rules need every pin in its place
    rules = (
        _single,
        _conflicts,
        _undriven,
        _pull_downs,
        _interlocked,
        _pull_ups,
        _fuse,
        _shunts,
        _dividers,
    )
    return [fault for rule in rules for fault in rule(circuit)]


def _pins_in_nets(circuit: Circuit) -> Iterator[str]:
    seen: dict[Pin, str] = {}
    for net, pins in circuit.nets.items():
        for ref, pin in pins:
            if ref not in circuit.parts or pin not in circuit.parts[ref].pins:
                yield f"{circuit.board}: {net}: there is no pin {ref}.{pin}"
            elif (ref, pin) in seen:
                yield f"{circuit.board}: {ref}.{pin} is on {seen[ref, pin]} and on {net}"
            seen[ref, pin] = net
    for ref, part in circuit.parts.items():
        for pin in part.pins:
            if (ref, pin) not in seen and (ref, pin) not in circuit.unused:
                yield f"{circuit.board}: {ref}.{pin} ({part.name}) is not connected"


def _single(circuit: Circuit) -> Iterator[str]:
    for net, pins in circuit.nets.items():
        if len(pins) < 2:
            yield f"{circuit.board}: {net} has one pin only"


def _types(circuit: Circuit, net: str) -> list[tuple[Pin, str]]:
    return [((ref, pin), circuit.parts[ref].pins[pin]) for ref, pin in circuit.nets[net]]


def _conflicts(circuit: Circuit) -> Iterator[str]:
    """Find two drivers on one net, except on ground, where cell and modules meet."""
    for net in circuit.nets:
        if net == GROUND:
            continue
        for (one, first), (two, second) in combinations(_types(circuit, net), 2):
            strong = first in DRIVERS and second in DRIVERS
            wired = {first, second} == {"output", "open_collector"}
            if strong or wired:
                yield (
                    f"{circuit.board}: {net}: {'.'.join(one)} ({first}) "
                    f"drives against {'.'.join(two)} ({second})"
                )


def _undriven(circuit: Circuit) -> Iterator[str]:
    for net in circuit.nets:
        types = {kind for _, kind in _types(circuit, net)}
        if "power_in" in types and "power_out" not in types and net not in circuit.fed:
            yield f"{circuit.board}: {net} feeds a supply pin but nothing feeds it"
        if types == {"input"}:
            yield f"{circuit.board}: {net} has inputs only"


def _beyond_resistors(circuit: Circuit, net: str) -> list[str]:
    """Nets that are one resistor away from `net`."""
    found = []
    for ref, pin in circuit.nets[net]:
        if circuit.parts[ref].resistance_Ohm:
            other = "2" if pin == "1" else "1"
            found.append(circuit.net_of(ref, other))
    return found


def _switch_inputs(circuit: Circuit) -> list[str]:
    """Nets that can turn power on: a load switch's ON, a chip's reset."""
    return [
        net
        for net, pins in circuit.nets.items()
        for ref, pin in pins
        if circuit.parts[ref].name == NEEDS_SWITCH_ON and pin == "ON"
    ]


def _pull_downs(circuit: Circuit) -> Iterator[str]:
    resets = [net for net, pins in circuit.nets.items() if any(pin == "RST" for _, pin in pins)]
    for net in _switch_inputs(circuit) + resets:
        if GROUND not in _beyond_resistors(circuit, net):
            yield f"{circuit.board}: {net} has no pull-down: undefined while nothing drives it"


def _interlocked(circuit: Circuit) -> Iterator[str]:
    """Every ON net needs a transistor to ground, and its pin a resistor that lets this win."""
    for net in _switch_inputs(circuit):
        kinds = {kind for _, kind in _types(circuit, net)}
        if "output" in kinds:
            yield f"{circuit.board}: {net} is driven without a series resistor"
        clamps = [ref for ref, pin in circuit.nets[net] if pin == "D"]
        if not any(circuit.net_of(ref, "S") == GROUND for ref in clamps):
            yield f"{circuit.board}: {net} has no interlock transistor to ground"


def _pull_ups(circuit: Circuit) -> Iterator[str]:
    for net, pins in circuit.nets.items():
        on_bus = any(pin in ("SDA", "SCL") and ref != "U1" for ref, pin in pins)
        if on_bus and SUPPLY not in _beyond_resistors(circuit, net):
            yield f"{circuit.board}: {net} has no pull-up"


def _dividers(circuit: Circuit) -> Iterator[str]:
    """Check that the pull-ups are there from which the firmware computes temperatures."""
    for net, wanted_Ohm in sorted(circuit.pull_ups_Ohm.items()):
        found = [circuit.parts[ref].resistance_Ohm for ref, _ in circuit.nets[net]]
        if wanted_Ohm not in found:
            yield f"{circuit.board}: {net}: ntc.pullup_Ohm = {wanted_Ohm}, but no such resistor"


def _fuse(circuit: Circuit) -> Iterator[str]:
    for ref, part in circuit.parts.items():
        if not part.name.startswith("lipo"):
            continue
        others = [other for other, _ in circuit.nets[circuit.net_of(ref, "+")] if other != ref]
        if [circuit.parts[other].name.partition("-")[0] for other in others] != ["fuse"]:
            yield f"{circuit.board}: {ref}.+ must go to a fuse and nowhere else"


def _shunts(circuit: Circuit) -> Iterator[str]:
    for ref, part in circuit.parts.items():
        if "VIN+" in part.pins and circuit.net_of(ref, "VIN+") == circuit.net_of(ref, "VIN-"):
            yield f"{circuit.board}: {ref}: both sides of the shunt are on one net"
