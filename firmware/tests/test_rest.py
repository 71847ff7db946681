# SPDX-License-Identifier: MIT
"""A board sleeps only when its cell is nearly flat and nobody needs it."""

from support import Host, make_board, run
from wptcore import ept, wire
from wptcore.rest import AWAKE_ms, FLOOR_permille, Rest

STEP_ms = 200
LOW_permille = FLOOR_permille - 1


def idle_board():
    """Make a board whose breaks have been looked at after its start."""
    board = make_board()
    run(board, 2000, current_mA=0)
    return board


def passes(board, rest, duration_ms, busy=False, soc_permille=LOW_permille):
    """Return whether a pass of so long a time said that the board may sleep."""
    due = False
    for _ in range(duration_ms // STEP_ms):
        run(board, STEP_ms, current_mA=0)
        board.on_soc(soc_permille)
        due = rest.due_ms(board, busy, STEP_ms) > 0 or due
    return due


def test_a_low_board_that_nobody_needs_sleeps_after_a_while():
    board, rest = idle_board(), Rest()
    assert not passes(board, rest, AWAKE_ms - STEP_ms)
    assert passes(board, rest, STEP_ms)


def test_above_the_floor_or_of_unknown_charge_it_stays_awake():
    for soc_permille in (FLOOR_permille, 1000, wire.SOC_UNKNOWN_permille):
        assert not passes(idle_board(), Rest(), 3 * AWAKE_ms, soc_permille=soc_permille)


def test_a_cable_or_a_console_keeps_it_awake_and_the_time_begins_anew():
    board, rest = idle_board(), Rest()
    assert not passes(board, rest, AWAKE_ms - STEP_ms)
    assert not passes(board, rest, 3 * AWAKE_ms, busy=True)
    assert not passes(board, rest, AWAKE_ms - STEP_ms)
    board.on_cable(True)
    assert not passes(board, rest, 3 * AWAKE_ms)
    board.on_cable(False)
    assert not passes(board, rest, AWAKE_ms - STEP_ms)
    assert passes(board, rest, STEP_ms)


def test_a_host_keeps_it_awake_and_a_stranger_does_not():
    board, rest = idle_board(), Rest()
    Host(board).hello()
    assert not passes(board, rest, AWAKE_ms)
    board = idle_board()
    board.on_link(9, bytes(16))
    assert passes(board, Rest(), AWAKE_ms)


def test_a_board_that_receives_stays_awake():
    board, rest = idle_board(), Rest()
    host = Host(board).hello()
    assert host.grant(role=wire.PRX) == ept.NONE
    assert rest.due_ms(board, False, AWAKE_ms) == 0
