# SPDX-License-Identifier: MIT
"""The table of what differs from chip to chip, against what the ports' sources say."""

import tomllib
from pathlib import Path

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
def test_a_brown_out_reads_as_a_power_on_unless_the_chip_goes_to_safe_mode(board):
    chip = silicon.of_board(board)
    after = chip.start(BROWN_OUT, vbus=False)
    assert (after == chip.start(POWER_ON, vbus=False)) is (board != "feather_nrf52840")
    assert after.safe_mode == ("BROWNOUT" if board == "feather_nrf52840" else "NONE")


def test_an_nrf52840_enters_safe_mode_after_its_watchdog_only_on_usb_and_always_when_it_crashed():
    chip = silicon.of_board("feather_nrf52840")
    modes = [chip.start(WATCHDOG, vbus).safe_mode for vbus in (False, True)]
    assert modes == ["NONE", "WATCHDOG"]
    assert chip.start("signal 11", vbus=False).safe_mode == "HARD_FAULT"
    assert chip.start(COMMAND, vbus=True).safe_mode == "NONE"


def test_an_esp32_cannot_tell_a_panic_from_a_reset_by_software_and_neither_is_a_power_on():
    causes = silicon.of_board("feather_esp32s3").reset_causes
    assert causes[CRASH] == causes[COMMAND] == silicon.HARD != causes[POWER_ON]


def test_a_circuitpython_board_has_the_silicon_of_its_own_chip():
    esp32, nrf = (
        silicon.of_board(name, "circuitpython") for name in ("feather_esp32s3_cp", "virtual")
    )
    assert nrf == silicon.of_board("feather_nrf52840", "circuitpython")
    assert esp32.reset_causes[BROWN_OUT] != esp32.reset_causes[POWER_ON]
    assert not esp32.sleeps, "CircuitPython's deep sleep is another"
    for chip in (esp32, nrf):
        assert set(chip.reset_causes) == CAUSES
        assert chip.start(BROWN_OUT, vbus=False).safe_mode == "BROWNOUT"
        assert chip.start(CRASH, vbus=False).safe_mode == "HARD_FAULT"
    modes = [chip.start(WATCHDOG, vbus=True).safe_mode for chip in (esp32, nrf)]
    assert modes == ["NONE", "WATCHDOG"]


def test_only_an_esp32_ends_below_the_supply():
    scales = {board: silicon.of_board(board).adc.full_scales_mV[-1] for board in BOARDS}
    assert scales["virtual"] == scales["feather_esp32s3"] == 3100
    assert scales["pico_w"] == scales["feather_nrf52840"] == 3300


def of_hardware(board: str) -> tuple[str, dict[str, list]]:
    """Return the part and the pins of a board's module, as hardware/ describes it."""
    tables = Path(__file__).parents[3] / "hardware"
    values = tomllib.loads((tables / "boards" / f"{board}.toml").read_text())
    if "mcu" not in values:
        return of_hardware(values["extends"])
    part = values["mcu"]
    return part, tomllib.loads((tables / "mcus.toml").read_text())[part]["pins"]


@pytest.mark.parametrize("board", ["feather_esp32s3", "xiao_esp32s3", "pico_w"])
def test_every_pin_of_a_module_is_one_that_the_port_takes_and_reads_as_hardware_says(board):
    pins = silicon.of_board(board).pins
    for label, (number, *marks) in of_hardware(board)[1].items():
        assert pins.gpio >> number & 1, label
        assert pins.analogue >> number & 1 or "adc" not in marks, label


@pytest.mark.parametrize("board", ["feather_esp32s3_cp", "feather_nrf52840", "xiao_nrf52840"])
def test_the_named_pins_with_an_adc_are_those_of_hardware(board):
    named = {label for label, (_, *marks) in of_hardware(board)[1].items() if "adc" in marks}
    assert set(silicon.ANALOGUE_NAMES[board]) == named
