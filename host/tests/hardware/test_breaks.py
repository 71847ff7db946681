# SPDX-License-Identifier: MIT
"""Two breaks in series, the second fed by pulses, and cuts that need no firmware."""

import copy
from dataclasses import replace
from itertools import pairwise
from math import exp

import pytest
from generator import breaks
from generator.circuit import circuit
from generator.cuts import cuts
from generator.hold import hold
from generator.outputs import load
from generator.source import HARDWARE

BOARDS, TABLES = load(HARDWARE / "boards")
BUILT = [name for name, board in BOARDS.items() if board["roles"] and board["build"] != "none"]
BOARD = BOARDS["feather_esp32s3_st"]
CHAIN = TABLES.builds["st"]["chain"]


@pytest.fixture
def node():
    return copy.deepcopy(circuit(BOARD, TABLES))


def rated(node, ref, **values):
    """Replaces ratings of one part."""
    part = node.parts[ref]
    node.parts[ref] = replace(part, ratings=part.ratings | values)


@pytest.mark.parametrize("name", BUILT)
def test_committed_circuits_have_both_breaks_and_both_cuts(name):
    chain = TABLES.builds[BOARDS[name]["build"]]["chain"]
    assert breaks.check(circuit(BOARDS[name], TABLES), BOARDS[name], chain) == []


def found(node):
    return "\n".join(breaks.check(node, BOARD, CHAIN))


def test_one_break_alone(node):
    node.nets["BAT_SWITCHED"][0] = ("U3", "VOUT")
    assert "1 break in front" in found(node)


def test_both_breaks_on_one_input(node):
    node.nets["TX_HELD"].remove(("U11", "ON"))
    node.nets["TX_ON"].append(("U11", "ON"))
    assert "share one ON input" in found(node)


def test_a_level_that_reaches_the_second_break(node):
    """A shorted or bridged pump capacitor must not be what is drawn."""
    node.nets["TX_HELD"] += node.nets.pop("TX_PUMP")
    node.nets["TX_PUMP"] = []
    assert "fed by pulses through a capacitor" in found(node)


def test_both_breaks_on_one_pin(node):
    node.nets["TX_CMD"].append(("R20", "1"))
    node.nets["TX_PULSE"].remove(("R20", "1"))
    assert "both breaks hang on D11" in found(node)


def test_a_break_that_stays_on_too_long(node):
    rated(node, "C5", capacitance_nF=10_000)
    assert "ms after the last pulse" in found(node)


def test_a_break_that_falls_off_between_two_passes(node):
    rated(node, "R21", resistance_Ohm=33_000)
    assert "may fall off between pulses" in found(node)


@pytest.mark.parametrize("pin", [("U12", "RESET"), ("U13", "OUTA"), ("U13", "OUTB")])
def test_a_cut_that_reaches_nothing(node, pin):
    node.nets["TX_HELD"].remove(pin)
    assert "does not reach TX_HELD" in found(node)


def test_a_detector_in_front_of_the_fuse(node):
    node.nets["BAT"].remove(("U12", "VDD"))
    node.nets["BAT_CELL"].append(("U12", "VDD"))
    assert "does not watch the cell behind its fuse" in found(node)


def test_a_cut_before_the_firmwares_limit(node):
    node.parts["R25"] = replace(node.parts["R25"], resistance_Ohm=6800)
    assert "before the firmware's limit" in found(node)


def test_a_cut_above_what_the_coil_bears(node):
    node.parts["R25"] = replace(node.parts["R25"], resistance_Ohm=1500)
    assert "it bears 85 C" in found(node)


def test_a_cell_that_is_cut_too_late(node):
    rated(node, "U12", threshold_mV=2300)
    assert "the cell is cut at 2243 mV only" in found(node)


@pytest.mark.parametrize("corner", [-1, 1])
def test_the_hold_time_against_a_stepwise_simulation(node, corner):
    """Euler steps of 10 us, with a pin of 3.3 V behind R20: no formula shared with hold.py."""
    computed = hold(node)
    share = 1 + corner * 0.2
    r_Ohm, store_F, pump_F = 150e3 * (1 + corner * 0.05), 1e-6 * share, 2.2e-6 * share
    period_s = computed.period_max_ms / 1000
    step_s, held_V, pump_V, lowest_V = 1e-5, 0.0, 0.0, 9.0
    end_s, t_s = 3.0, 0.0
    while t_s < end_s:
        pin_V = 3.3 if t_s % period_s < period_s / 2 else 0.0
        node_V = pin_V - pump_V
        current_A = 0.0
        if node_V > held_V + 0.3:
            current_A = (node_V - held_V - 0.3) / 1000
            held_V += current_A * step_s / store_F
        elif node_V < -0.3:
            current_A = (node_V + 0.3) / 1000
        pump_V += current_A * step_s / pump_F
        held_V -= held_V / r_Ohm * step_s / store_F
        t_s += step_s
        if t_s > end_s - period_s:
            lowest_V = min(lowest_V, held_V)
    assert lowest_V > 1.0  # certainly on at the longest period
    off_ms = 0.0
    while held_V > 0.5:
        held_V -= held_V / r_Ohm * step_s / store_F
        off_ms += step_s * 1000
    assert off_ms < computed.off_max_ms <= 500


def test_a_pin_that_stands_still_lets_go_whatever_its_level(node):
    """After one edge the pump passes nothing: a level is not a pulse."""
    pump_nF, store_nF = (node.parts[ref].ratings["capacitance_nF"] for ref in ("C4", "C5"))
    once_V = 3.4 * pump_nF / (pump_nF + store_nF)
    assert once_V * exp(-0.5 / (150e3 * 1.05 * store_nF * 1.2e-9)) < 0.5


def test_the_thermistors_threshold_against_a_table(node):
    """70 C: B 3950 gives 1760 Ohm, so 1760 / 11760 of the supply; the ladder taps 3300 / 22300."""
    low_C, high_C = cuts(node).hot_C
    assert low_C < 70.4 < high_C
    assert high_C - low_C < 6


def test_worse_tolerances_never_narrow_the_cut(node):
    widths = []
    for offset_mV in (1, 5, 10, 20):
        rated(node, "U13", offset_max_mV=offset_mV)
        low_C, high_C = cuts(node).hot_C
        widths.append(high_C - low_C)
    assert all(one < two for one, two in pairwise(widths))
