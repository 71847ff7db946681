# SPDX-License-Identifier: MIT
"""Who may clear what, what counts as a boot loop, and who must be near."""

from support import Host, last_receipt, make_board, run
from wptcore import ept, persistence, transfer, wire
from wptcore.attendance import ALWAYS_s, Attendance
from wptcore.declared import BY_HOST, CLEAR_BY, FAULTS, LATCH
from wptcore.journal import LATCHES_KEPT
from wptcore.overload import Overloads

LATCHES = [row[0] for row in FAULTS if row[1] == LATCH]
NONE = ept.NONE


def latched(code, **options):
    board = make_board(**options)
    board.on_fault(code)
    assert board.state == transfer.FAULT
    return board, Host(board).hello()


def test_every_latch_says_who_clears_it_and_nothing_else_does():
    assert sorted(CLEAR_BY) == sorted(LATCHES)
    assert len(LATCHES) <= LATCHES_KEPT  # all of them at once survive a reboot


def test_a_key_alone_clears_a_lost_lease_and_nothing_else():
    for code in LATCHES:
        board, host = latched(code)
        by_host = CLEAR_BY[code] == BY_HOST
        assert by_host == (code == ept.LEASE_LOST)
        assert host.send(wire.CLEAR, code) == (NONE if by_host else ept.NEEDS_PERSON)
        assert (code in board.faults) != by_host


def test_a_press_opens_a_minute_in_which_the_key_is_enough():
    board, host = latched(ept.FOREIGN_OBJECT)
    board.on_button(100)
    run(board, 60_000, current_mA=0)
    assert host.send(wire.CLEAR, ept.FOREIGN_OBJECT) == ept.NEEDS_PERSON
    board.on_button(100)
    run(board, 59_960, current_mA=0)
    assert host.send(wire.CLEAR, ept.FOREIGN_OBJECT) == NONE
    assert board.state == transfer.IDLE


def test_a_press_of_another_board_or_before_a_reboot_is_none():
    board, host = latched(ept.BOOT_LOOP)
    make_board().on_button(100)
    assert host.send(wire.CLEAR, ept.BOOT_LOOP) == ept.NEEDS_PERSON
    board.on_button(100)
    host = Host(make_board(saved=board.pop_save())).hello()
    assert host.send(wire.CLEAR, ept.BOOT_LOOP) == ept.NEEDS_PERSON


def test_the_console_clears_what_a_person_may_and_no_lost_lease():
    for code in LATCHES:
        board, _ = latched(code)
        by_host = CLEAR_BY[code] == BY_HOST
        assert board.clear_at_board(code) == (ept.LATCHED if by_host else NONE)
        assert (code in board.faults) == by_host


def test_a_stuck_switch_clears_only_while_no_power_flows():
    board, host = latched(ept.STUCK_SWITCH)
    board.on_button(100)
    for leak in (
        lambda: board.on_sample(4000, 500, 250, 250, 20),
        lambda: board.on_idle_side(5000, 200, 200),
        lambda: [board.on_elapsed(20) for _ in range(30)],  # the meter is silent
    ):
        leak()
        assert host.send(wire.CLEAR, ept.STUCK_SWITCH) == ept.STUCK_SWITCH
        assert board.clear_at_board(ept.STUCK_SWITCH) == ept.STUCK_SWITCH
        board.on_idle_side(0, 0, 200)
        for _ in range(60):
            board.on_sample(4000, 0, 250, 250, 20)
            board.on_elapsed(20)
    assert host.send(wire.CLEAR, ept.STUCK_SWITCH) == NONE


def test_a_host_that_clears_no_fault_is_told_nothing_new():
    host = Host(make_board()).hello()
    assert host.send(wire.CLEAR, ept.FOREIGN_OBJECT) == NONE
    board, host = latched(ept.FOREIGN_OBJECT)
    assert host.send(wire.CLEAR, ept.OVER_CURRENT) == ept.LATCHED
    assert host.send(wire.CLEAR, 0x77) == ept.LATCHED
    assert board.faults == bytes((ept.FOREIGN_OBJECT,))


# -- boots -----------------------------------------------------------------------------------


def boots(causes, between=lambda board: None):
    """Return a board after boots by these causes, each run a few seconds long."""
    saved = make_board().pop_save()
    board = None
    for cause in causes:
        board = make_board(saved=saved, boot_cause=cause)
        between(board)
        run(board, 5000, current_mA=0)
        saved = board.pop_save() or board._store.saved
    return board


def test_plugging_in_and_resets_that_were_asked_for_are_no_boot_loop():
    for cause in (persistence.POWER_ON, persistence.ASKED):
        assert boots([cause] * 20).faults == b""


def test_a_reset_that_the_board_marked_counts_for_nothing_whatever_the_chip_says():
    for cause in range(5):
        board = boots([cause] * 20, between=lambda board: board.on_reset_asked())
        assert board.faults == b"", cause


def test_work_on_a_board_in_maintenance_is_no_boot_loop():
    board = boots([persistence.WATCHDOG] * 10, between=lambda board: board.on_maintenance(True))
    assert ept.BOOT_LOOP not in board.faults


def test_what_nobody_asked_for_latches_at_the_fourth_boot():
    for cause in (persistence.WATCHDOG, persistence.BROWNOUT, persistence.OTHER):
        assert boots([cause] * 3).faults == b""
        assert boots([cause] * 4).faults == bytes((ept.BOOT_LOOP,))


def test_plugging_in_between_does_not_hide_a_loop():
    causes = [persistence.WATCHDOG, persistence.POWER_ON] * 4
    assert boots(causes).faults == bytes((ept.BOOT_LOOP,))


def test_a_power_on_that_ended_a_transfer_counts_as_a_brown_out():
    saved = make_board().pop_save()
    for number in range(1, 6):
        board = make_board(saved=saved, boot_cause=persistence.POWER_ON)
        refusal = Host(board).hello().grant(transfer_id=number)
        saved = board.pop_save()
        assert refusal == (ept.LATCHED if number == 5 else NONE), number


def test_a_cleared_boot_loop_begins_anew():
    board = boots([persistence.WATCHDOG] * 4)
    board.clear_at_board(ept.BOOT_LOOP)
    again = make_board(saved=board.pop_save(), boot_cause=persistence.WATCHDOG)
    assert again.faults == b""


# -- overloads -------------------------------------------------------------------------------


def overload(board, number, coil_dC=601, current_mA=500):
    host = Host(board, link=number).hello()
    refusal = host.grant(transfer_id=number, power_max_mW=12_000, lease_ms=5000)
    for i in range(6):
        board.on_sample(3900, current_mA + i, coil_dC, 250, 20)
    for i in range(120):
        board.on_sample(4000, i % 2, 250, 250, 20)
        board.on_soc(600)
        board.on_elapsed(20)
    return refusal


def test_the_second_overload_within_an_hour_latches_over_a_reboot():
    for second in ({}, {"coil_dC": 250, "current_mA": 3001}):
        board = make_board()
        assert overload(board, 1) == NONE
        assert board.faults == b""
        board = make_board(saved=board.pop_save())
        assert overload(board, 2, **second) == NONE
        assert board.faults == bytes((ept.REPEATED_OVERLOAD,))
        assert overload(board, 3) == ept.LATCHED


def test_overloads_more_than_an_hour_apart_do_not_latch():
    for time_ms, repeated in ((3_599_000, True), (3_600_000, False)):
        overloads = Overloads(0, 0)
        assert not overloads.repeated(ept.OVER_CURRENT)
        overloads.elapse(time_ms)
        again = Overloads(overloads.ends, overloads.age_s)
        assert again.repeated(ept.OVER_TEMPERATURE) == repeated
    assert not Overloads(1, 0).repeated(ept.FLOOR)


# -- attendance ------------------------------------------------------------------------------


def test_more_than_a_watt_needs_somebody_near():
    for role in (wire.PTX, wire.PRX):
        board = make_board(attended=False)
        host = Host(board).hello()
        assert host.grant(role=role, power_max_mW=1001) == ept.UNATTENDED
        board.on_button(100)
        assert host.grant(role=role, power_max_mW=1001) == NONE
        host.send(wire.STOP, 1)
    host = Host(make_board(attended=False)).hello()
    assert host.grant(power_max_mW=1000) == NONE


def test_the_window_closes_after_half_an_hour_and_ends_what_needs_it():
    board = make_board(attended=False, capacity_mJ=100_000_000)
    host = Host(board).hello()
    assert board.attend() == 1800
    board.on_elapsed(1_799_000)
    assert board.attended_left_s == 1
    board.on_soc(600)
    for _ in range(60):
        board.on_sample(4000, 0, 250, 250, 20)
    assert host.grant(power_max_mW=5000, lease_ms=5000) == NONE
    run(board, 1000, host=host)
    assert not board.coil_on and last_receipt(board)[9] == ept.UNATTENDED
    assert host.grant(transfer_id=2, power_max_mW=5000) == ept.UNATTENDED


def test_the_owner_sets_the_length_of_the_window():
    attendance = Attendance(60, False)
    assert not attendance.allows(1001)
    attendance.press(100)
    attendance.elapse(59_999)
    assert attendance.allows(1001)
    attendance.elapse(1)
    assert not attendance.allows(1001)
    assert Attendance(ALWAYS_s, False).allows(12_000)


def test_a_long_press_is_the_owner_s_off_over_reboots_until_the_next():
    board = make_board()
    host = Host(board).hello()
    assert host.grant() == NONE
    board.on_button(5000)
    assert not board.coil_on and last_receipt(board)[9] == ept.OWNER_OFF
    assert host.grant(transfer_id=2) == ept.OWNER_OFF
    board = make_board(saved=board.pop_save())
    board.on_button(4999)  # a short press neither switches on nor attends
    host = Host(board).hello()
    assert host.grant(transfer_id=3) == ept.OWNER_OFF
    board.on_button(5000)
    assert host.grant(transfer_id=3, power_max_mW=1000) == NONE
    assert host.grant(transfer_id=4, power_max_mW=1000) == ept.BUSY
