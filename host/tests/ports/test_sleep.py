# SPDX-License-Identifier: MIT
"""The port's deep sleep: what it switches off first, and what may go wrong on the way."""

from pathlib import Path

import pytest
from rig import COIL, RECEIVER, Board
from silicon import Asleep, Port, World

from crowdcharge.bench.i2c.max17048 import CellTruth
from wptcore.persistence import ASKED
from wptcore.rest import ASLEEP_ms, AWAKE_ms

CABLE = 6
EMPTY = CellTruth(3.4, 0.01, 0.0, 0.0)
PASS_ms = 200


@pytest.fixture
def low(board, monkeypatch):
    """Give the board a cell of 1 %."""
    monkeypatch.setattr("silicon.CELL", EMPTY)
    board.run_passes(100)
    return board


def until_asleep(board, passes=2 * AWAKE_ms // PASS_ms):
    def run():
        for _ in range(passes):
            board.run_pass(PASS_ms)

    with pytest.raises(Asleep):
        run()


def main_until_its_end(folder: Path, ctrl_c_at: int = 0) -> tuple[World, BaseException]:
    """Run main.py on a new board; Ctrl-C comes in a call into the periphery, counted from 1."""
    for path in folder.iterdir():
        path.unlink()
    world = Board(folder).world
    world.pins.clear()
    world.calls.clear()

    def fail(_called):
        if len(world.calls) == ctrl_c_at:
            raise KeyboardInterrupt

    world.fail = fail
    with pytest.raises((Asleep, KeyboardInterrupt)) as ended:
        Port(world).load("main")
    return world, ended.value


def test_a_low_board_sleeps_with_its_switches_off_and_its_meters_down(low, tmp_path):
    until_asleep(low)
    world = low.world
    assert world.asleep_ms == ASLEEP_ms
    assert world.wakes == {CABLE: True}
    assert (world.pins[COIL], world.pins[RECEIVER]) == (0, 0)
    for address in (0x40, 0x41):
        world.chips[address].write(b"\0")  # the register of the mode
        assert world.chips[address].read(2)[1] & 7 == 0, "power-down"
    assert (tmp_path / "reset_note").read_text() == str(ASKED), "else ten naps look like a loop"


@pytest.mark.parametrize("name", ["esp32.wake_on_ext0", "deepsleep"])
def test_a_sleep_that_fails_is_counted_and_tried_again_later(low, name):
    failed = []

    def fail(called):
        if called == name and not failed:
            failed.append(called)
            raise OSError(5)

    low.world.fail = fail
    until_asleep(low)
    assert failed
    assert low.loop.guard.drops["sleep"] == 1


def test_without_its_note_in_flash_the_board_stays_awake(low, tmp_path):
    note = tmp_path / "reset_note"
    note.mkdir()
    for _ in range(2 * AWAKE_ms // PASS_ms):
        low.run_pass(PASS_ms)
    assert low.loop.guard.drops["sleep"] > 0
    note.rmdir()
    until_asleep(low)


def test_a_host_that_is_linked_keeps_a_low_board_awake(low):
    low.connect()
    for number in range(2 * AWAKE_ms // PASS_ms):
        low.run_pass(PASS_ms)
        if number % 5 == 0:
            low.send(low.GRANT[0] + 1, 7, 2000, 0, 0)
    assert low.world.asleep_ms == 0


def test_ctrl_c_anywhere_on_the_way_to_sleep_switches_off_and_is_no_failure(monkeypatch, tmp_path):
    monkeypatch.setattr("silicon.CELL", EMPTY)
    calls = main_until_its_end(tmp_path)[0].calls
    calls = calls[: calls.index("deepsleep") + 1]
    last_pass = len(calls) - calls[::-1].index("asyncio poll")
    assert len(calls) - last_pass > 10
    for number in range(last_pass + 1, len(calls) + 1):
        world, ended = main_until_its_end(tmp_path, number)
        assert isinstance(ended, KeyboardInterrupt), calls[number - 1]
        assert (world.pins[COIL], world.pins[RECEIVER]) == (0, 0), calls[number - 1]
        note = (tmp_path / "reset_note").read_text()
        assert note == str(ASKED), f"{calls[number - 1]}: the watchdog's reset is expected"
