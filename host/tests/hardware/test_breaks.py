# SPDX-License-Identifier: MIT
"""Two breaks in series, the second fed by pulses, and cuts that need no firmware."""

import copy
from dataclasses import replace
from itertools import pairwise, product
from math import exp

import pytest
from generator import breaks
from generator.circuit import circuit
from generator.cuts import cuts
from generator.hold import HOLD, OFF, hold, pump_of, times
from generator.outputs import load
from generator.pump import Pump, reaction
from generator.source import HARDWARE

BOARDS, TABLES = load(HARDWARE / "boards")
BUILT = [name for name, board in BOARDS.items() if board["roles"] and board["build"] != "none"]
BOARD = BOARDS["feather_esp32s3_st"]
CHAIN = TABLES.builds["st"]["chain"]


@pytest.fixture
def node():
    return copy.deepcopy(circuit(BOARD, TABLES))


def rated(node, ref, **values):
    """Replace ratings of one part."""
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
    assert "more than 500 ms after the last pulse" in found(node)


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


def corners(node):
    """Every corner of the tolerances, not only the two that hold.py takes for the worst."""
    held = hold(node)
    keys = ("series_Ohm", "pump_uF", "drain_Ohm", "store_uF", "bleed_Ohm", "diode_V", "high_V")
    low, high = (pump_of(node, held, corner) for corner in (HOLD, OFF))
    for picks in product((low, high), repeat=len(keys)):
        values = {key: getattr(pick, key) for key, pick in zip(keys, picks, strict=True)}
        if values["series_Ohm"] == low.series_Ohm:
            yield Pump(**values)


def test_the_two_corners_are_the_worst_of_all(node):
    reactions = [reaction(pump) for pump in corners(node)]
    assert len(reactions) == 64
    worst = times(node, hold(node))
    assert max(each.off_ms for each in reactions) == pytest.approx(worst.off_max_ms, abs=1)
    assert all(each.holds for each in reactions)
    assert worst.off_max_ms <= 500


def test_without_the_drain_a_pin_that_stands_high_would_hold_the_break_on_too_long(node):
    """What the pump capacitor would do: this is why R28 is there."""
    pump = pump_of(node, hold(node), OFF)
    assert reaction(replace(pump, drain_Ohm=1e9)).off_ms > 500


def test_the_decay_against_the_formula(node):
    """With the pump cut off the store falls as exp(-t / R C)."""
    pump = pump_of(node, hold(node), OFF)
    alone = replace(pump, drain_Ohm=1.0)
    full_V = 0.5 * exp(reaction(pump).off_ms / (pump.bleed_Ohm * pump.store_uF / 1000))
    assert reaction(alone).off_ms == 0  # nothing is pumped at all
    assert 2.4 < full_V < 3.4 - 2 * 0.15 + 0.2


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
