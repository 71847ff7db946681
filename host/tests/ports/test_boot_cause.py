# SPDX-License-Identifier: MIT
"""Only what a board did not ask for counts as a failure, whatever its chip calls the reset."""

import pytest
from rig import Board

from wptcore import ept

POWER_ON, HARD, WATCHDOG = 1, 2, 3


def booted(folder, cause: int) -> Board:
    return Board(folder, seen=lambda world: setattr(world, "cause", cause))


@pytest.mark.parametrize(
    ("reported", "note", "cause", "short"),
    [
        (POWER_ON, "", "power_on", False),
        (WATCHDOG, "", "watchdog", True),
        (WATCHDOG, "asked", "asked", False),  # an RP2 says so of machine.reset()
        (HARD, "", "other", False),
        (HARD, "asked", "asked", False),
    ],
)
def test_what_the_chip_says_and_what_was_noted(tmp_path, reported, note, cause, short):
    if note:
        (tmp_path / "reset_note").write_text(note)
    hal = booted(tmp_path, reported).loop.hal
    assert (hal.boot_cause, hal.short_boot) == (cause, short)
    assert not (tmp_path / "reset_note").exists(), "a note is for one boot"


def test_a_supply_that_fails_in_a_transfer_is_no_person_with_a_plug(tmp_path):
    booted(tmp_path, POWER_ON).transfer()
    board = booted(tmp_path, POWER_ON)
    assert board.loop.hal.boot_cause == "brownout"
    board.run_passes(2)  # which store that the transfer has ended
    assert booted(tmp_path, POWER_ON).loop.hal.boot_cause == "power_on"


def boots(folder, cause: int, count: int) -> bytes:
    for _ in range(count):
        board = booted(folder, cause)
        board.run_passes(20)
    return bytes(board.loop.board.faults)


def test_twenty_power_ons_latch_nothing(tmp_path):
    assert ept.BOOT_LOOP not in boots(tmp_path, POWER_ON, 20)


def test_a_boot_loop_latches(tmp_path):
    assert ept.BOOT_LOOP in boots(tmp_path, WATCHDOG, 4)


def test_resets_by_the_console_latch_nothing_where_they_read_as_the_watchdogs(tmp_path):
    for _ in range(8):
        board = booted(tmp_path, WATCHDOG if (tmp_path / "reset_note").exists() else POWER_ON)
        board.run_passes(5)
        board.loop.hal.restart = lambda: None
        board.world.received = b"reset\n"
        board.run_passes(5)
        assert (tmp_path / "reset_note").read_text() == "asked"
    assert ept.BOOT_LOOP not in board.loop.board.faults
