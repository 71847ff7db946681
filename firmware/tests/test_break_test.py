# SPDX-License-Identifier: MIT
"""Each break is tested alone at every transfer: power that one alone lets through is a fault."""

from support import BATTERY_mV, Host, make_board, run
from wptcore import ept, wire
from wptcore.break_test import ALONE_ms, BreakTest, HOLD_MAX_ms

STEP_ms = 15
STOP = (wire.STOP, 1)


def at_rest():
    """Make a board whose second break has certainly let go, and its host."""
    board = make_board()
    run(board, HOLD_MAX_ms + 20, current_mA=0)
    return board, Host(board).hello()


def sample(board, current_mA, count=1):
    for _ in range(count):
        board.on_sample(BATTERY_mV, current_mA, 300, 250, STEP_ms)
        board.on_elapsed(STEP_ms)


def test_the_second_break_gets_no_pulse_at_first():
    board, host = at_rest()
    assert not board.is_attentive
    assert host.grant() == ept.NONE
    assert board.coil_on
    assert not board.pulses_on
    alone_ms = 0
    while not board.pulses_on:
        sample(board, 0)
        alone_ms += STEP_ms
    assert ALONE_ms <= alone_ms <= ALONE_ms + 2 * STEP_ms
    sample(board, 500, 10)
    assert board.faults == b""


def test_a_second_break_that_sticks_is_latched_before_it_is_fed():
    board, host = at_rest()
    assert host.grant() == ept.NONE
    while board.coil_on:
        assert not board.pulses_on
        sample(board, 100)
    assert board.faults == bytes((ept.STUCK_SWITCH,))
    assert host.grant(2) == ept.LATCHED


def test_one_sample_of_flow_is_no_fault():
    board, host = at_rest()
    assert host.grant() == ept.NONE
    sample(board, 100)
    sample(board, 0, 10)
    assert board.faults == b""
    assert board.pulses_on


def test_a_first_break_that_sticks_is_latched_while_the_second_still_holds():
    board, host = at_rest()
    assert host.grant() == ept.NONE
    sample(board, 0, 10)
    sample(board, 500, 10)
    assert host.send(*STOP) == ept.NONE
    assert not board.coil_on
    assert board.is_attentive, "the next samples come soon enough"
    sample(board, 500, 4)
    assert board.faults == bytes((ept.STUCK_SWITCH,))


def test_a_grant_within_the_hold_is_fed_at_once():
    """There the second break may conduct though it is sound."""
    board, host = at_rest()
    assert host.grant() == ept.NONE
    sample(board, 0, 10)
    assert host.send(*STOP) == ept.NONE
    sample(board, 0, 2)
    assert host.grant(2) == ept.NONE
    assert board.pulses_on
    sample(board, 500, 10)
    assert board.faults == b""


def test_the_time_before_a_grant_is_no_test():
    """A pass of an idle board lasts 200 ms, and the grant came at its end."""
    test = BreakTest()
    test.elapse(False, 1000)
    test.elapse(True, 200)
    assert not test.pulses
    test.elapse(True, ALONE_ms)
    assert test.pulses
    test.elapse(False, STEP_ms)
    assert test.watches
