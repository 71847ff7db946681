# SPDX-License-Identifier: MIT
"""Counters, clocks and fields at their ends.

CPython's struct refuses a number that does not fit, and so does CircuitPython's; MicroPython's
takes its low bits.
"""

import binascii

from support import KEY, Host, last_receipt, make_board, run
from wptcore import ept, persistence, transfer, wire
from wptcore.attendance import ALWAYS_s, WINDOW_MAX_s
from wptcore.journal import Journal, Saved

U32 = 1 << 32


def recorded(board):
    """Store what is due; return what the board finds after a reboot."""
    _, record = Journal([b"", b""], binascii.crc32).next_record(board.pop_save())
    return Journal([record, b""], binascii.crc32).saved


def test_a_window_longer_than_its_field_is_told_as_the_longest():
    for window_s in (ALWAYS_s, WINDOW_MAX_s, 65_536, 65_535):
        board = make_board(attended_s=window_s)
        assert Host(board).hello().ask(wire.ASK_LIMITS)[8] == 65_535
    assert Host(make_board(attended_s=65_534)).hello().ask(wire.ASK_LIMITS)[8] == 65_534


def test_what_was_received_since_a_mandate_stops_at_its_end_and_is_stored():
    board = make_board()
    board.consent.taken_mJ = U32 - 5
    host = Host(board).hello()
    assert host.grant(role=wire.PRX) == ept.NONE
    run(board, 3000, current_mA=-500, host=host)
    assert board.consent.taken_mJ > U32
    assert recorded(board).taken_mJ == U32 - 1


def test_a_transfer_across_the_end_of_both_clock_and_odometer():
    saved = Saved()
    saved.sent_mJ = U32 - 1000
    board = make_board(saved=saved)
    board.now_ms = U32 - 2000
    host = Host(board).hello()
    assert host.grant() == ept.NONE
    run(board, 4000, host=host)
    assert board.now_ms < 4000 and board.state == transfer.POWER, "renewed across the wrap"
    withheld = host.frame(wire.STOP, 1, life_ms=-3000)  # it expired before the wrap
    assert host.deliver(withheld)[1] == ept.EXPIRED
    assert host.send(wire.STOP, 1) == ept.NONE
    receipt = last_receipt(board)
    energy_mJ, odometer_mJ = receipt[5], receipt[12]
    assert 6000 < energy_mJ < 9000 and odometer_mJ == (U32 - 1000 + energy_mJ) % U32
    assert recorded(board).sent_mJ == odometer_mJ


def test_a_lease_that_is_not_renewed_ends_across_the_wrap():
    board = make_board()
    board.now_ms = U32 - 500
    host = Host(board).hello()
    assert host.grant(lease_ms=1000) == ept.NONE
    run(board, 900)
    assert board.coil_on and board.now_ms < 500
    run(board, 200)
    assert not board.coil_on and board.ended_by == ept.LEASE_LOST


def test_epochs_begin_anew_after_the_last_one():
    saved = Saved()
    saved.epoch = 0xFFFF
    board = make_board(saved=saved)
    assert board.figures[0] == 0
    host = Host(board).hello()
    assert host.grant() == ept.NONE and host.send(wire.STOP, 1) == ept.NONE
    assert last_receipt(board)[1] == 0
    assert recorded(board).epoch == 0


def test_every_time_of_a_board_that_ran_for_a_hundred_days_is_whole():
    """2**30 ms, where the ports' ticks begin anew, are 12.4 days, and 2**32 ms 49.7."""
    board = make_board(attended_s=ALWAYS_s)
    for _ in range(100 * 24):
        board.on_soc(600)
        board.on_sample(4000, 0, 250, 250, 20)
        board.on_elapsed(3_600_000)
    board.on_sample(4000, 0, 250, 250, 20)
    board.on_sample(4000, 0, 250, 250, 20)
    board.on_elapsed(20)
    board.on_soc(600)
    host = Host(board, key=KEY).hello()
    assert host.grant() == ept.NONE, board.faults
    run(board, 2000, host=host)
    assert board.state == transfer.POWER
    assert recorded(board).open_transfer_id == 1


def test_a_boot_loop_that_goes_on_for_days_writes_its_record_a_few_times_only():
    """A watchdog may restart a board ten thousand times a day."""
    journal = Journal([b"", b""], binascii.crc32)
    stored, written = [journal.next_record(Saved())[1], b""], 0
    for _ in range(1000):
        journal = Journal(stored, binascii.crc32)
        board = make_board(saved=journal.saved, boot_cause=persistence.WATCHDOG)
        due = board.pop_save()
        if due is not None:
            slot, stored[slot] = journal.next_record(due)
            written += 1
    assert ept.BOOT_LOOP in board.faults
    assert written == 4, "until it is latched"
    host = Host(board).hello()
    board.on_button(100)
    assert host.send(wire.CLEAR, ept.BOOT_LOOP) == ept.NONE
    board = make_board(saved=recorded(board), boot_cause=persistence.WATCHDOG)
    assert board.faults == b"" and board.pop_save().short_boots == 1
