# SPDX-License-Identifier: MIT
"""The rule check passes what is committed and finds each fault that is put in."""

import copy
from dataclasses import replace

import pytest
from generator import erc
from generator.circuit import circuit
from generator.outputs import load, outputs
from generator.source import HARDWARE, HardwareError

BOARDS, TABLES = load(HARDWARE / "boards")
BUILT = [name for name, board in BOARDS.items() if board["build"] != "none"]


@pytest.fixture
def node():
    """Return a circuit with transmitter, receiver and buses that a test may damage."""
    return copy.deepcopy(circuit(BOARDS["feather_esp32s3_st"], TABLES))


@pytest.mark.parametrize("name", BUILT)
def test_committed_circuits_are_clean(name):
    assert erc.check(circuit(BOARDS[name], TABLES)) == []


def drop(node, net, *pins):
    """Take pins off a net and mark them as open on purpose, so that only `net` is at fault."""
    for pin in pins:
        node.nets[net].remove(pin)
        node.unused.add(pin)


def test_a_pin_that_is_not_connected(node):
    node.nets["TX_5V"].remove(("U5", "5V"))
    assert erc.check(node) == ["feather_esp32s3_st: U5.5V (steval-wbc86tx) is not connected"]


def test_a_pin_that_does_not_exist(node):
    node.nets["TX_5V"].append(("U5", "12V"))
    assert erc.check(node) == ["feather_esp32s3_st: TX_5V: there is no pin U5.12V"]


def test_a_pin_on_two_nets(node):
    node.nets["SDA"].append(("U2", "SCL"))
    assert any("U2.SCL is on" in fault for fault in erc.check(node))


def test_a_net_with_one_pin(node):
    drop(node, "TX_5V", ("U5", "5V"))
    assert "feather_esp32s3_st: TX_5V has one pin only" in erc.check(node)


def test_two_outputs_on_one_net(node):
    node.nets["TX_5V"] += node.nets.pop("RX_SWITCHED")
    assert any("drives against" in fault for fault in erc.check(node))


def test_a_supply_pin_that_nothing_feeds(node):
    drop(node, "TX_5V", ("U4", "5V"))
    node.nets["TX_5V"].append(("C2", "1"))
    node.nets["BAT_SWITCHED"].remove(("C2", "1"))
    assert any("TX_5V feeds a supply pin" in fault for fault in erc.check(node))


def test_a_net_of_inputs_only(node):
    drop(node, "TX_INHIBIT", ("D1", "K"), ("R5", "1"))
    node.nets["TX_INHIBIT"].append(("U8", "ON"))
    node.nets["RX_ON"].remove(("U8", "ON"))
    assert any("TX_INHIBIT has inputs only" in fault for fault in erc.check(node))


@pytest.mark.parametrize(
    ("net", "resistor"), [("TX_ON", "R2"), ("RX_ON", "R4"), ("TX_RST", "R16")]
)
def test_a_switch_without_pull_down(node, net, resistor):
    """Pitfall 6: the enable must be low while no firmware runs."""
    drop(node, net, (resistor, "1"))
    assert any(f"{net} has no pull-down" in fault for fault in erc.check(node))


@pytest.mark.parametrize(
    ("net", "transistors"), [("TX_ON", ["Q1"]), ("TX_HELD", ["Q4"]), ("RX_ON", ["Q2", "Q3"])]
)
def test_a_switch_without_interlock(node, net, transistors):
    """Pitfall 3: never transmit while receiving."""
    drop(node, net, *((transistor, "D") for transistor in transistors))
    assert any(f"{net} has no interlock" in fault for fault in erc.check(node))


def test_a_switch_driven_past_the_interlock(node):
    node.nets["TX_ON"] += node.nets.pop("TX_CMD")
    assert any("without a series resistor" in fault for fault in erc.check(node))


@pytest.mark.parametrize(
    ("net", "resistor"), [("SDA", "R10"), ("TX_SCL", "R13"), ("RX_SDA", "R14")]
)
def test_a_bus_without_pull_up(node, net, resistor):
    drop(node, net, (resistor, "2"))
    assert any(f"{net} has no pull-up" in fault for fault in erc.check(node))


def test_a_cell_without_fuse(node):
    node.nets["BAT_CELL"].append(("U9", "LIPO"))
    node.nets["BAT"].remove(("U9", "LIPO"))
    assert any("must go to a fuse" in fault for fault in erc.check(node))


def test_a_bridged_shunt(node):
    node.nets["BAT"] += node.nets.pop("BAT_METERED")
    assert any("both sides of the shunt" in fault for fault in erc.check(node))


def test_a_thermistor_pull_up_that_firmware_does_not_know(node):
    node.parts["R8"] = replace(node.parts["R8"], resistance_Ohm=47_000)
    assert any("COIL_T: ntc.pullup_Ohm = 10000" in fault for fault in erc.check(node))


def test_a_faulty_circuit_is_not_written():
    tables = copy.deepcopy(TABLES)
    tables.builds["switched"]["nets"]["TX_ON"].remove("R2.1")
    with pytest.raises(HardwareError, match=r"R2\.1 \(r-4k7\) is not connected"):
        outputs(BOARDS, tables)


def test_a_build_that_names_what_the_board_has_not():
    tables = copy.deepcopy(TABLES)
    tables.builds["switched"]["nets"]["CABLE"].append("U1.@pins.nothing")
    with pytest.raises(HardwareError, match=r"builds/switched.*@pins\.nothing"):
        outputs(BOARDS, tables)
