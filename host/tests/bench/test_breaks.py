# SPDX-License-Identifier: MIT
"""Two breaks in series: each alone opens the transmitter's supply, whatever the other does."""

from dataclasses import replace

import pytest

from crowdcharge.bench.physics.breaks import (
    CELL,
    CELL_CUT_V,
    COIL,
    COIL_CUT_C,
    FIRST,
    RECEIVER,
    SECOND,
    Breaks,
    Surroundings,
)

CALM = Surroundings(cable=False, received_V=0.0, coil_C=25.0, cell_V=3.8)
HOLD_s = 0.4


@pytest.fixture
def breaks():
    """Told to transmit, the last edge at 10 s."""
    found = Breaks(HOLD_s)
    found.level = True
    assert found.pulse(True, 10.0)
    return found


def test_the_second_break_lets_go_when_the_edges_stop(breaks):
    assert breaks.transmits(10.39, CALM)
    assert not breaks.transmits(10.41, CALM)
    assert not breaks.pulse(True, 10.5), "a level is no edge"
    assert not breaks.transmits(10.5, CALM)
    assert breaks.pulse(False, 10.6)
    assert breaks.transmits(10.6, CALM)


def test_what_the_machine_takes_while_the_board_transmits_does_not_count(breaks):
    breaks.pulse(False, 11.0, lost_s=3.0)
    assert breaks.transmits(11.7, CALM, lambda: 3.4)
    assert not breaks.transmits(11.9, CALM, lambda: 3.4)
    assert not breaks.transmits(11.7, CALM, lambda: 3.0)
    breaks.level = False
    breaks.level = True
    assert not breaks.transmits(11.7, CALM, lambda: 3.4), "the firmware counts its own time then"


def test_one_stuck_break_leaves_the_other(breaks):
    breaks.stuck = {FIRST}
    breaks.level = False
    assert breaks.transmits(10.1, CALM)
    assert not breaks.transmits(10.5, CALM)
    breaks.stuck = {SECOND}
    assert not breaks.transmits(10.1, CALM)
    breaks.level = True
    assert breaks.transmits(99.0, CALM)


@pytest.mark.parametrize("which", [FIRST, SECOND])
def test_an_open_break_is_enough(breaks, which):
    breaks.open = {which}
    assert not breaks.transmits(10.1, CALM)


@pytest.mark.parametrize(
    "around", [replace(CALM, cable=True), replace(CALM, received_V=5.0)], ids=["usb", "field"]
)
def test_the_interlock_holds_each_break_alone(breaks, around):
    for lost in (set(), {FIRST}, {SECOND}):
        breaks.unlocked = lost
        assert not breaks.transmits(10.1, around)
    breaks.unlocked = {FIRST, SECOND}
    assert breaks.transmits(10.1, around)


@pytest.mark.parametrize(
    ("cut", "around"),
    [
        (COIL, replace(CALM, coil_C=COIL_CUT_C + 0.1)),
        (CELL, replace(CALM, cell_V=CELL_CUT_V - 0.01)),
    ],
)
def test_a_cut_acts_until_it_is_lost(breaks, cut, around):
    assert not breaks.transmits(10.1, around)
    breaks.lost_cuts = {cut}
    assert breaks.transmits(10.1, around)
    breaks.lost_cuts, breaks.stuck = set(), {SECOND}
    assert breaks.transmits(10.1, around), "a cut that reaches a shorted switch is no cut"


def test_the_receivers_switch_is_held_off_while_the_board_transmits():
    breaks = Breaks(HOLD_s, receive=True)
    assert breaks.receives(CALM)
    assert not breaks.receives(replace(CALM, cable=True))
    breaks.level = True
    assert not breaks.receives(CALM)
    breaks.unlocked = {RECEIVER}
    assert breaks.receives(CALM)
    breaks.receive, breaks.stuck = False, {RECEIVER}
    assert breaks.receives(CALM)
