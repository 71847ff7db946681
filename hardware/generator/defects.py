# SPDX-License-Identifier: MIT
"""One part open or shorted, or one pin stuck -> what the three load switches then do.

States are computed by voltages.py (levels) and pump.py (pulses); the coil's cut by its divider.
"""

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from generator.breaks import series_switches
from generator.circuit import Circuit
from generator.hold import OFF, Hold, hold, pump_of
from generator.pump import Pump, reaction
from generator.voltages import GATE_ON_V, SOUND, Defect, solve

ON_V, OFF_V = 1.0, 0.5  # TPS22918, certainly on and certainly off
OPEN_Ohm, SHORT_Ohm = 1e9, 10.0
LOW, HIGH, FLOATING, PULLED = "low", "high", "floating", "pulled up"
ROOM_Ohm, HOT_Ohm = 10_000, 900  # the cut's thermistor at 25 C and at 93 C
SECOND_MAX_ms = 500


@dataclass(frozen=True)
class Behaviour:
    """Off when told, off when nothing tells, on when told, held by the interlock; cuts that act.

    `first`, `second`: the transmitter's breaks; `receiver`: its output switch;
    `gives_as_declared`: on a cable, where the board's file says so.
    """

    first_off: bool
    first_off_floating: bool
    second_off_ms: float | None
    first_on: bool
    second_on: bool
    first_guarded: bool
    second_guarded: bool
    receiver_off: bool
    receiver_on: bool
    receiver_guarded: bool
    gives_as_declared: bool
    coil_cut: bool
    cell_cut: bool


@dataclass(frozen=True)
class Case:
    """A circuit with one defect, ready to be asked."""

    circuit: Circuit
    held: Hold
    pump: Pump
    switches: dict[str, str]  # role -> reference
    defect: Defect = SOUND
    stuck: frozenset[tuple[str, bool]] = frozenset()  # (reference, conducts)
    pins: frozenset[tuple[str, str]] = frozenset()  # (net, level) that a pin is stuck at
    lost: frozenset[str] = frozenset()  # cuts whose output never pulls
    clamped: bool = False  # a cut's output that always pulls


def sound(circuit: Circuit, chain: dict[str, Any]) -> Case:
    held = hold(circuit)
    assert held is not None  # breaks.check refused the circuit before
    second, first = series_switches(circuit, chain)
    receiver = next(ref for ref in chain["received"] if circuit.parts[ref].name == "tps22918")
    roles = {"first": first, "second": second, "receiver": receiver}
    return Case(circuit, held, pump_of(circuit, held, OFF), roles)


def behaviour(case: Case) -> Behaviour:
    told_off = [_on(case, tx=LOW, rx=LOW)]
    floating = [_on(case, tx=tx, rx=rx) for tx, rx in product((FLOATING, PULLED), repeat=2)]
    transmit = _on(case, tx=HIGH, rx=LOW)
    receive = _on(case, tx=LOW, rx=HIGH, field_V=5.0)
    guards = GUARDS if case.circuit.vbus_interlock else GUARDS[:1]
    guarded = [_on(case, tx=HIGH, rx=HIGH, **volts) for volts in guards]
    on_cable = _on(case, tx=HIGH, rx=LOW, usb_V=5.0)
    receive_on_cable = _on(case, tx=LOW, rx=HIGH, usb_V=5.0)
    both = _on(case, tx=HIGH, rx=HIGH)
    answer = _second(case)
    return Behaviour(
        first_off=not any(on["first"] > OFF_V for on in told_off),
        first_off_floating=not any(on["first"] > OFF_V for on in floating),
        second_off_ms=answer[1],
        first_on=transmit["first"] > ON_V,
        second_on=answer[0] and not _clamps(case, transmit),
        first_guarded=not any(on["first"] > OFF_V for on in guarded),
        second_guarded=not answer[0] or all(_clamps(case, on) for on in guarded),
        receiver_off=not any(on["receiver"] > OFF_V for on in [*told_off, *floating]),
        receiver_on=receive["receiver"] > ON_V,
        receiver_guarded=both["receiver"] <= OFF_V and receive_on_cable["receiver"] <= OFF_V,
        gives_as_declared=case.circuit.vbus_interlock
        or (on_cable["first"] > ON_V and answer[0] and not _clamps(case, on_cable)),
        coil_cut=_cuts_when_hot(case) and not _cut_is_lost(case, "comparator-2"),
        cell_cut=not _cut_is_lost(case, "undervoltage-2v93"),
    )


GUARDS: tuple[dict[str, float], ...] = ({"field_V": 5.0}, {"usb_V": 5.0})


def _on(
    case: Case, *, tx: str, rx: str, field_V: float = 0.0, usb_V: float = 0.0
) -> dict[str, float]:
    """Voltages of the ON inputs by role, and of the second break's clamp."""
    circuit = case.circuit
    fixed_V = {"GND": 0.0, "3V3": 3.3, "RX_5V": field_V, "USB_5V": usb_V}
    pull_ups = []
    stuck_pins = dict(case.pins)
    for net, wanted in (("TX_CMD", tx), ("RX_CMD", rx)):
        level = stuck_pins.get(net, wanted)
        if level in (LOW, HIGH):
            fixed_V[net] = 3.3 if level == HIGH else 0.0
        elif level == PULLED:
            pull_ups.append(net)
    volts = solve(circuit, fixed_V, pull_ups, case.defect)
    conducts = dict(case.stuck)
    found = {
        role: (3.3 if conducts[ref] else 0.0)
        if ref in conducts
        else volts[circuit.net_of(ref, "ON")]
        for role, ref in case.switches.items()
    }
    return found | {"inhibit": volts[circuit.net_of(_clamp(case), "G")]}


def _second(case: Case) -> tuple[bool, float | None]:
    """(stays on while pulsed, milliseconds until off without pulses) of the second break."""
    conducts = dict(case.stuck).get(case.switches["second"])
    if conducts is not None:
        return conducts, None if conducts else 0.0
    if case.clamped or _clamp_is_shorted(case) or _cuts_when_cold(case):
        return False, 0.0
    pulsed = "TX_PULSE" not in dict(case.pins)
    answer = reaction(case.pump if pulsed else replace(case.pump, upper="open"))
    return answer.holds, answer.off_ms


def _clamp(case: Case) -> str:
    """Return the transistor that the interlock holds the second break with."""
    pins = case.circuit.nets[case.held.net]
    return next(ref for ref, _ in pins if case.circuit.parts[ref].name == "nmos")


def _clamps(case: Case, volts: dict[str, float]) -> bool:
    ref = _clamp(case)
    conducts = dict(case.stuck).get(case.switches["second"])
    if conducts is not None:
        return not conducts
    alive = not case.defect.kills(ref) and volts["inhibit"] > GATE_ON_V
    return alive or _clamp_is_shorted(case)


def _clamp_is_shorted(case: Case) -> bool:
    return any(ref == _clamp(case) for ref, _, _ in case.defect.shorts)


def _cut_is_lost(case: Case, name: str) -> bool:
    return any(case.circuit.parts[ref].name == name for ref in case.lost)


def _cuts_when_cold(case: Case) -> bool:
    return _cut_acts(case, ROOM_Ohm) and not _cut_is_lost(case, "comparator-2")


def _cuts_when_hot(case: Case) -> bool:
    return _cut_acts(case, HOT_Ohm)


def _cut_acts(case: Case, ntc_Ohm: int) -> bool:
    """Tell whether the comparators cut, with the thermistor at `ntc_Ohm`."""
    circuit = case.circuit
    ref = next(r for r, part in circuit.parts.items() if part.name == "comparator-2")
    sense = circuit.net_of(ref, "INA+")
    ntc = next(r for r, _ in circuit.nets[sense] if circuit.parts[r].name.startswith("ntc"))
    warm = replace(circuit.parts[ntc], resistance_Ohm=ntc_Ohm)
    parts = circuit.parts | {ntc: warm}
    volts = solve(replace(circuit, parts=parts), {"GND": 0.0, "3V3": 3.3}, (), case.defect)
    sense_V = volts[sense]
    return (
        sense_V < volts[circuit.net_of(ref, "INA-")]
        or sense_V > volts[circuit.net_of(ref, "INB+")]
    )
