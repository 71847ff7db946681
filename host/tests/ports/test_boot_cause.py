# SPDX-License-Identifier: MIT
"""Only what a board did not ask for counts as a failure, whatever its chip calls the reset."""

import pytest
from rig import Board

from wptcore import ept
from wptcore.persistence import ASKED, OTHER, POWER_ON, WATCHDOG

PWRON_RESET, HARD_RESET, WDT_RESET = 1, 2, 3


def booted(folder, cause: int) -> Board:
    return Board(folder, seen=lambda world: setattr(world, "cause", cause))


@pytest.mark.parametrize(
    ("reported", "note", "cause"),
    [
        (PWRON_RESET, "", POWER_ON),
        (WDT_RESET, "", WATCHDOG),
        (WDT_RESET, str(ASKED), ASKED),  # Ctrl-C, after which the watchdog goes on
        (HARD_RESET, "", OTHER),  # an ESP32's panic, or machine.reset() by who left no note
        (HARD_RESET, str(ASKED), ASKED),
        (WDT_RESET, "torn", WATCHDOG),
    ],
)
def test_what_the_chip_says_and_what_was_noted(tmp_path, reported, note, cause):
    if note:
        (tmp_path / "reset_note").write_text(note)
    assert booted(tmp_path, reported).loop.hal.boot_cause == cause
    assert not (tmp_path / "reset_note").exists(), "a note is for one boot"


def test_a_supply_that_fails_in_a_transfer_is_no_person_with_a_plug(tmp_path):
    booted(tmp_path, PWRON_RESET).transfer()
    board = booted(tmp_path, PWRON_RESET)
    assert board.loop.hal.saved.short_boots == 1
    board.run_passes(2)  # which store that the transfer has ended
    assert booted(tmp_path, PWRON_RESET).loop.hal.saved.short_boots == 1, "and no more"


def boots(folder, cause: int, count: int) -> bytes:
    for _ in range(count):
        board = booted(folder, cause)
        board.run_passes(20)
    return board.faults


def test_twenty_power_ons_latch_nothing(tmp_path):
    assert ept.BOOT_LOOP not in boots(tmp_path, PWRON_RESET, 20)


@pytest.mark.parametrize("cause", [WDT_RESET, HARD_RESET])
def test_a_boot_loop_latches(tmp_path, cause):
    """Also one of panics, which an ESP32 reports as HARD_RESET."""
    assert ept.BOOT_LOOP in boots(tmp_path, cause, 4)


def test_resets_by_the_console_latch_nothing_where_they_read_as_the_watchdogs(tmp_path):
    for boot in range(8):
        board = booted(tmp_path, WDT_RESET if boot else PWRON_RESET)
        board.run_passes(5)
        board.loop.hal.restart = lambda: None
        board.world.received = b"reset\n"
        board.run_passes(5)
        assert board.loop.hal.saved.asked_reset == 1
    assert ept.BOOT_LOOP not in board.faults
