# SPDX-License-Identifier: MIT
"""Voltages of the carrier, computed from the netlist: the interlock needs no firmware.

The solver is generator/voltages.py; load switches at the limits of the TPS22918's ON input.
"""

from itertools import product

import pytest
from generator.circuit import circuit
from generator.outputs import load
from generator.source import HARDWARE
from generator.voltages import solve

BOARDS, TABLES = load(HARDWARE / "boards")
BUILT = [name for name, board in BOARDS.items() if board["roles"] and board["build"] != "none"]

ON_HIGH_V, ON_LOW_V = 1.0, 0.5  # TPS22918: certainly on, certainly off
LOW, HIGH, OPEN, PULLED = "low", "high", "open", "pulled up"


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
    assert f"`CUT_HOT` about {usb['CUT_HOT']:.2f} V" in page
    assert f"`CUT_OPEN` about {usb['CUT_OPEN']:.2f} V" in page
    assert usb["TX_INHIBIT_2"] == pytest.approx(usb["TX_INHIBIT"], abs=0.01)
    assert usb["TX_ON"] < 0.1
    assert both["TX_ON"] < 0.1


@pytest.mark.parametrize(("field_V", "usb_V"), [(5.0, 0.0), (0.0, 5.0)])
def test_the_clamp_of_the_second_break_wins_against_a_hand_wire(field_V, usb_V):
    """Bring-up step 3: 3.3 V over 1 kOhm on TX_HELD."""
    node = circuit(BOARDS["feather_esp32s3_st"], TABLES)
    node.parts["RW"] = node.parts["R1"]
    node.nets["3V3"].append(("RW", "1"))
    node.nets["TX_HELD"].append(("RW", "2"))
    assert levels(node, HIGH, HIGH, field_V, usb_V)[2]["TX_HELD"] < 0.1
    assert levels(node, HIGH, LOW, 0.0, 0.0)[2]["TX_HELD"] > ON_HIGH_V


def _fields(part):
    return {name: getattr(part, name) for name in part.__dataclass_fields__}
