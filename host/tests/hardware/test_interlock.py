# SPDX-License-Identifier: MIT
"""Voltages of the carrier, computed from the netlist: the interlock needs no firmware.

Nodal analysis with resistors as they are, diodes as 0.3 V drops, transistors as switches at the
worst threshold of the BSS138, load switches at the limits of the TPS22918's ON input. Not
modelled: timing, leakage, and modules behind the load switches.
"""

from itertools import product

import numpy as np
import pytest
from generator.circuit import circuit
from generator.outputs import load
from generator.source import HARDWARE

BOARDS, TABLES = load(HARDWARE / "boards")
BUILT = [name for name, board in BOARDS.items() if board["roles"] and board["build"] != "none"]

GATE_ON_V, DIODE_V = 1.5, 0.3
ON_HIGH_V, ON_LOW_V = 1.0, 0.5  # TPS22918: certainly on, certainly off
SWITCH_S, LEAK_S = 1 / 10, 1e-9
PULL_UP_Ohm = 30_000  # strongest internal pull-up of a pin in reset
LOW, HIGH, OPEN, PULLED = "low", "high", "open", "pulled up"


def solve(node, fixed_V, pull_ups):
    """Net -> voltage. `fixed_V`: ideal sources; `pull_ups`: nets with a pin's weak pull-up."""
    diodes = {
        (ref, pin): False
        for ref, part in node.parts.items()
        for pin in part.pins
        if part.name == "schottky-pair" and pin != "K"
    }
    gates = {ref: False for ref, part in node.parts.items() if part.name == "nmos"}
    for _ in range(20):
        volts = _linear(node, fixed_V, pull_ups, diodes, gates)
        new_gates = {ref: volts[node.net_of(ref, "G")] > GATE_ON_V for ref in gates}
        new_diodes = {
            (ref, pin): volts[node.net_of(ref, pin)] - volts[node.net_of(ref, "K")]
            > (DIODE_V - 1e-6 if on else DIODE_V)
            for (ref, pin), on in diodes.items()
        }
        if (new_gates, new_diodes) == (gates, diodes):
            return volts
        gates, diodes = new_gates, new_diodes
    raise AssertionError("no stable state: the interlock would oscillate")


def _linear(node, fixed_V, pull_ups, diodes, gates):
    nets = list(node.nets)
    at = {net: row for row, net in enumerate(nets)}
    conductance = np.eye(len(nets)) * LEAK_S
    current = np.zeros(len(nets))

    def join(one, two, siemens, drop_V=0.0):
        i, j = at[one], at[two]
        conductance[[i, j], [i, j]] += siemens
        conductance[[i, j], [j, i]] -= siemens
        current[i] += siemens * drop_V
        current[j] -= siemens * drop_V

    for ref, part in node.parts.items():
        if part.resistance_Ohm:
            join(node.net_of(ref, "1"), node.net_of(ref, "2"), 1 / part.resistance_Ohm)
    for net in pull_ups:
        join(net, "3V3", 1 / PULL_UP_Ohm)
    for (ref, pin), on in diodes.items():
        if on:
            join(node.net_of(ref, pin), node.net_of(ref, "K"), SWITCH_S, DIODE_V)
    for ref, on in gates.items():
        if on:
            join(node.net_of(ref, "D"), node.net_of(ref, "S"), SWITCH_S)
    for net, volt in fixed_V.items():
        conductance[at[net]] = 0
        conductance[at[net], at[net]] = 1
        current[at[net]] = volt
    return dict(zip(nets, np.linalg.solve(conductance, current), strict=True))


def levels(node, tx, rx, field_V, usb_V):
    fixed_V = {"GND": 0.0, "3V3": 3.3, "RX_5V": field_V, "USB_5V": usb_V}
    pull_ups = []
    for net, level in (("TX_CMD", tx), ("RX_CMD", rx)):
        if level in (LOW, HIGH):
            fixed_V[net] = 3.3 if level == HIGH else 0.0
        elif level == PULLED:
            pull_ups.append(net)
    volts = solve(node, fixed_V, pull_ups)
    for net in ("TX_ON", "RX_ON"):
        assert not ON_LOW_V <= volts[net] <= ON_HIGH_V, (net, volts[net], tx, rx, field_V, usb_V)
    return volts["TX_ON"] > ON_HIGH_V, volts["RX_ON"] > ON_HIGH_V, volts


@pytest.mark.parametrize("name", BUILT)
def test_the_truth_table_of_the_interlock(name):
    node = circuit(BOARDS[name], TABLES)
    states = (LOW, HIGH, OPEN, PULLED)
    for tx, rx, field_V, usb_V in product(states, states, (0.0, 5.0), (0.0, 5.0)):
        tx_on, rx_on, _ = levels(node, tx, rx, field_V, usb_V)
        wanted_tx = tx == HIGH and not field_V and not usb_V
        assert tx_on == wanted_tx, (tx, rx, field_V, usb_V)
        assert rx_on == (rx == HIGH and not wanted_tx and not usb_V), (tx, rx, field_V, usb_V)
        assert not (tx_on and rx_on)


@pytest.mark.parametrize("name", BUILT)
@pytest.mark.parametrize(("usb_V", "seen"), [(0.0, False), (4.5, True), (5.0, True), (5.5, True)])
def test_the_cable_is_a_clean_level_for_a_3v3_pin(name, usb_V, seen):
    node = circuit(BOARDS[name], TABLES)
    cable_V = levels(node, LOW, LOW, 0.0, usb_V)[2]["CABLE"]
    assert cable_V < 3.6
    assert cable_V > 0.75 * 3.3 if seen else cable_V < 0.25 * 3.3


def test_without_the_strong_pull_down_a_pin_in_reset_would_switch_the_coil_on():
    """Why R2 is 4.7 kOhm: the test can fail."""
    node = circuit(BOARDS["feather_esp32s3"], TABLES)
    weak = TABLES.parts["r-100k"]["resistance_Ohm"]
    part = node.parts["R2"]
    node.parts["R2"] = type(part)(**{**_fields(part), "resistance_Ohm": weak})
    with pytest.raises(AssertionError):
        assert levels(node, PULLED, LOW, 0.0, 0.0)[0] is False


def test_the_figures_of_the_bring_up_page():
    node = circuit(BOARDS["feather_esp32s3"], TABLES)
    page = (HARDWARE.parent / "docs/howto/bring-up.md").read_text()
    usb = levels(node, HIGH, LOW, 0.0, 5.0)[2]
    on = levels(node, HIGH, LOW, 0.0, 0.0)[2]
    both = levels(node, HIGH, LOW, 5.0, 0.0)[2]
    assert f"`TX_INHIBIT` about {usb['TX_INHIBIT']:.2f} V" in page
    assert f"`CABLE` about {usb['CABLE']:.2f} V" in page
    assert f"`TX_ON` about {on['TX_ON']:.2f} V" in page
    assert usb["TX_ON"] < 0.1
    assert both["TX_ON"] < 0.1


def _fields(part):
    return {name: getattr(part, name) for name in part.__dataclass_fields__}
