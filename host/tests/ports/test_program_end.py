# SPDX-License-Identifier: MIT
"""main.py as a whole: however and wherever the program ends in a transfer, the pins are off.

The trace function of CPython raises at a chosen line of any of the port's files, so each line of a
pass, of the loop and of main.py itself is tried.
"""

import pytest
from raising import Raise
from rig import COIL, RECEIVER, Board
from silicon import PATHS, Port, Restarted

from wptcore.persistence import ASKED

FILES = {str(path) for path in PATHS.values()}
MAIN = str(PATHS["main"])
WDT_RESET = 3
STRIDE = 97  # a prime, so that two starts reach many kinds of line; `long` tries each


class Program:
    """A board that main.py runs; `at_poll(number)` is called in asyncio's poll after each pass."""

    def __init__(self, folder) -> None:
        for path in folder.iterdir():  # the board is new each time
            path.unlink()
        self.board = Board(folder)  # writes the identity; it is the host's half, and does not run
        self.world = self.board.world
        self.board.now_ms = lambda: self.world.now_us // 1000  # since main.py began, nearly
        self.polls = 0
        self.at_poll = lambda number: None
        self.world.pins.clear()
        self.world.fail = self._called
        self.port = Port(self.world)

    def _called(self, name: str) -> None:
        if name != "asyncio poll":
            return
        self.polls += 1
        if self.polls == 20:
            self.board.connect()
        if self.polls == 21:
            self.board.send(*self.board.GRANT)
        self.at_poll(self.polls)

    def main(self) -> BaseException:
        """Run main.py until it ends, and return what ended it."""
        try:
            self.port.load("main")
        except BaseException as error:  # noqa: BLE001 - the test says which one is right
            return error
        raise AssertionError("main.py does not return")

    @property
    def power(self) -> tuple[int, int]:
        return self.world.pins.get(COIL, 0), self.world.pins.get(RECEIVER, 0)


def lines_of(folder, polls: int, files=FILES) -> int:
    """Count the lines that run in so many passes of a transfer."""
    program = Program(folder)
    counter = Raise(10**9, RuntimeError(), files)

    def at_poll(number):
        counter.armed = 25 <= number < 25 + polls
        if number == 25 + polls:
            raise KeyboardInterrupt

    program.at_poll = at_poll
    with counter:
        program.main()
    return 10**9 - counter.left


def run_with(folder, number, error):
    """Raise at one line while the coil is on; return the program, and what it ended with."""
    program = Program(folder)
    raising = Raise(number, error, FILES)
    seen = []

    def at_poll(count):
        if count == 25:
            assert program.power[0] == 1
            raising.armed = True
        if count == 40:
            raise KeyboardInterrupt
        if raising.where:
            seen.append(program.power[0])

    program.at_poll = at_poll
    with raising:
        ended = program.main()
    return program, raising, ended, seen


@pytest.mark.parametrize("first", [1, 49])
def test_an_exception_at_any_line_of_a_pass_leaves_no_coil_on(tmp_path, first):
    for number in range(first, lines_of(tmp_path, 4), STRIDE):
        program, raising, ended, _ = run_with(tmp_path, number, ValueError("a line"))
        assert program.power == (0, 0), raising.where
        assert isinstance(ended, (KeyboardInterrupt, ValueError)), raising.where


@pytest.mark.parametrize("first", [1, 49])
def test_ctrl_c_at_any_line_of_a_pass_switches_off(tmp_path, first):
    for number in range(first, lines_of(tmp_path, 4), STRIDE):
        program, raising, ended, seen = run_with(tmp_path, number, KeyboardInterrupt())
        assert program.power == (0, 0), raising.where
        assert isinstance(ended, KeyboardInterrupt), raising.where
        assert seen == [], f"{raising.where}: a pass ran after Ctrl-C"


def test_ctrl_c_in_the_poll_of_asyncio(tmp_path):
    program = Program(tmp_path)

    def at_poll(number):
        if number == 30:
            assert program.power[0] == 1
            raise KeyboardInterrupt

    program.at_poll = at_poll
    assert isinstance(program.main(), KeyboardInterrupt)
    assert program.power == (0, 0)
    assert (tmp_path / "reset_note").read_text() == str(ASKED), "the watchdog's reset is expected"


def test_a_second_ctrl_c_at_any_line_of_the_switching_off(tmp_path):
    """mpremote sends two at once."""
    reached = 0
    for number in range(1, 60):
        program = Program(tmp_path)
        second = Raise(number, KeyboardInterrupt(), {MAIN, str(PATHS["power_pins"])})

        def at_poll(count, program=program, second=second):
            if count == 30:
                assert program.power[0] == 1
                second.armed = True
                raise KeyboardInterrupt

        program.at_poll = at_poll
        with second:
            assert isinstance(program.main(), KeyboardInterrupt)
        assert program.power == (0, 0), second.where
        if not second.where:  # it was all switched off before that many lines
            break
        reached += 1
    assert reached > 10


# Imported before anything is switched off, or by no board of this test.
NOT_TRIED = {
    "main",
    "memory",
    "power_pins",
    "boards.virtual",
    "adverts",
    "peer_radio",
    "ina228_meter",
    "airfuel_radio",
}


@pytest.mark.parametrize("name", sorted(PATHS.keys() - NOT_TRIED))
def test_an_import_that_fails(tmp_path, name):
    program = Program(tmp_path)
    program.world.pins[COIL] = program.world.pins[RECEIVER] = 1  # as a soft reset may leave them

    def fail(called):
        if called == f"import {name}":
            raise ImportError(name)

    program.world.fail = fail
    assert isinstance(program.main(), ImportError)
    assert program.power == (0, 0)


def test_a_reset_that_is_asked_for_is_marked_and_dark(tmp_path):
    program = Program(tmp_path)

    def at_poll(number):
        if number == 30:
            assert program.power[0] == 1
            program.world.received = b"reset\n"

    program.at_poll = at_poll
    assert isinstance(program.main(), Restarted)
    assert program.power == (0, 0)
    assert Board(tmp_path, seen=watchdog).loop.hal.saved.short_boots == 0, "as an RP2 calls it"


def watchdog(world):
    world.cause = WDT_RESET


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_every_line(tmp_path):
    for error in (ValueError("a line"), KeyboardInterrupt()):
        for number in range(1, lines_of(tmp_path, 8)):
            program, raising, _, _ = run_with(tmp_path, number, error)
            assert program.power == (0, 0), raising.where
