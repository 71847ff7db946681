# SPDX-License-Identifier: MIT
"""Direct voltages of a circuit's switch inputs, computed from its nets.

Nodal analysis with resistors as they are, diodes as 0.3 V drops, transistors as switches at the
worst threshold of the BSS138. Capacitors pass nothing here; the pulse-fed input is `pump.py`'s.
Not modelled: timing, leakage, and modules behind the load switches.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from generator.circuit import Circuit

GATE_ON_V, DIODE_V = 1.5, 0.3
SWITCH_S, SHORT_S, LEAK_S = 1 / 10, 10.0, 1e-9
PULL_UP_Ohm = 30_000  # strongest internal pull-up of a pin in reset
STEPS = 20

Terminal = tuple[str, str]
Joint = tuple[str, str, float, float]  # net, net, conductance, voltage drop


@dataclass(frozen=True)
class Defect:
    """Parts that pass nothing, and pairs of a part's pins that are joined."""

    dead: frozenset[Terminal] = frozenset()  # (reference, pin), "" for all pins
    shorts: tuple[tuple[str, str, str], ...] = field(default=())  # (reference, pin, pin)

    def kills(self, ref: str, pin: str = "") -> bool:
        return (ref, "") in self.dead or (ref, pin) in self.dead


SOUND = Defect()


def solve(
    circuit: Circuit,
    fixed_V: dict[str, float],
    pull_ups: Iterable[str] = (),
    defect: Defect = SOUND,
) -> dict[str, float]:
    """Net -> voltage. `fixed_V`: ideal sources; `pull_ups`: nets with a pin's weak pull-up.

    RuntimeError when transistors and diodes find no stable state: the circuit would oscillate.
    """
    diodes = {
        (ref, pin): False
        for ref, part in circuit.parts.items()
        for pin in part.pins
        if part.name == "schottky-pair"
        and pin != "K"
        and not defect.kills(ref, pin)
        and (ref, pin) not in circuit.unused
    }
    gates = {
        ref: False
        for ref, part in circuit.parts.items()
        if part.name == "nmos" and not defect.kills(ref)
    }
    at = circuit.places()
    fixed = list(_fixed_joints(circuit, at, pull_ups, defect))
    for _ in range(STEPS):
        joints = [
            *fixed,
            *((at[ref, pin], at[ref, "K"], SWITCH_S, DIODE_V)
              for (ref, pin), on in diodes.items() if on),
            *((at[ref, "D"], at[ref, "S"], SWITCH_S, 0.0) for ref, on in gates.items() if on),
        ]  # fmt: skip
        volts = _linear(list(circuit.nets), joints, fixed_V)
        new_gates = {ref: volts[at[ref, "G"]] > GATE_ON_V for ref in gates}
        new_diodes = {
            (ref, pin): volts[at[ref, pin]] - volts[at[ref, "K"]]
            > (DIODE_V - 1e-6 if on else DIODE_V)
            for (ref, pin), on in diodes.items()
        }
        if (new_gates, new_diodes) == (gates, diodes):
            return volts
        gates, diodes = new_gates, new_diodes
    raise RuntimeError(f"{circuit.board}: no stable state")


def _linear(nets: list[str], joints: list[Joint], fixed_V: dict[str, float]) -> dict[str, float]:
    row = {net: number for number, net in enumerate(nets)}
    conductance: npt.NDArray[np.float64] = np.eye(len(nets)) * LEAK_S
    current: npt.NDArray[np.float64] = np.zeros(len(nets))
    for one, two, siemens, drop_V in joints:
        i, j = row[one], row[two]
        conductance[i, i] += siemens
        conductance[j, j] += siemens
        conductance[i, j] -= siemens
        conductance[j, i] -= siemens
        current[i] += siemens * drop_V
        current[j] -= siemens * drop_V
    for net, volt in fixed_V.items():
        conductance[row[net]] = 0
        conductance[row[net], row[net]] = 1
        current[row[net]] = volt
    return dict(zip(nets, map(float, np.linalg.solve(conductance, current)), strict=True))


def _fixed_joints(
    circuit: Circuit, at: dict[Terminal, str], pull_ups: Iterable[str], defect: Defect
) -> Iterator[Joint]:
    """Return what does not depend on the voltages."""
    for ref, part in circuit.parts.items():
        if part.resistance_Ohm and not defect.kills(ref):
            yield at[ref, "1"], at[ref, "2"], 1 / part.resistance_Ohm, 0.0
    for net in pull_ups:
        yield net, "3V3", 1 / PULL_UP_Ohm, 0.0
    for ref, one, two in defect.shorts:
        if {(ref, one), (ref, two)} <= at.keys() and at[ref, one] != at[ref, two]:
            yield at[ref, one], at[ref, two], SHORT_S, 0.0
