# SPDX-License-Identifier: MIT
"""The table of what differs from chip to chip, against what the ports' sources say."""

import pytest

from crowdcharge.bench.board import silicon
from crowdcharge.bench.board.silicon import BROWN_OUT, BUTTON, COMMAND, CRASH, POWER_ON, WATCHDOG

CAUSES = {POWER_ON, WATCHDOG, BROWN_OUT, BUTTON, COMMAND, CRASH}
BOARDS = ("virtual", "feather_esp32s3", "xiao_esp32s3", "pico_w", "feather_nrf52840")


@pytest.mark.parametrize("board", BOARDS)
def test_every_cause_of_a_reset_reads_as_something(board):
    chip = silicon.of_board(board)
    assert set(chip.reset_causes) == CAUSES | ({silicon.DEEP_SLEEP} if chip.sleeps else set())


def test_an_rp2_cannot_tell_an_asked_for_reset_from_its_watchdog():
    causes = silicon.of_board("pico_w").reset_causes
    assert causes[COMMAND] == causes[WATCHDOG] == silicon.WDT
    assert causes[BUTTON] == causes[BROWN_OUT] == causes[POWER_ON]


@pytest.mark.parametrize("board", BOARDS)
def test_no_chip_tells_a_brown_out_from_a_power_on(board):
    causes = silicon.of_board(board).reset_causes
    assert causes[BROWN_OUT] == causes[POWER_ON]


def test_an_esp32_cannot_tell_a_panic_from_a_reset_by_software_and_neither_is_a_power_on():
    causes = silicon.of_board("feather_esp32s3").reset_causes
    assert causes[CRASH] == causes[COMMAND] == silicon.HARD != causes[POWER_ON]


def test_only_an_esp32_ends_below_the_supply():
    scales = {board: silicon.of_board(board).adc.full_scale_mV for board in BOARDS}
    assert scales["virtual"] == scales["feather_esp32s3"] == 3100
    assert scales["pico_w"] == scales["feather_nrf52840"] == 3300
