# SPDX-License-Identifier: MIT
"""Memory is full at any line of the passes that begin or end a transfer: no receipt is lost.

CPython's trace function raises MemoryError once, at a line of the port's or the core's files. What
leaves the pass ends the program, so the board starts again; a power cut does that to the others.
"""

import pytest
import silicon
from raising import Raise
from rig import LINK, Board, LEASE_ms
from silicon import PATHS, TREE

from wptcore import ept, wire
from wptcore.links import HELLO_MAX_ms

# A file whose `with` was cut short is left to the collector, here as on a board.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
FILES = {str(path) for path in (*PATHS.values(), *(TREE / "wptcore").glob("*.py"))}
TRANSFER, CODE = 7, 9  # the number that the rig grants; where a receipt has its code
PASSES = 3  # in which memory may be full
LEASE_PASSES = LEASE_ms // 20
STORED_PASSES = 55  # a record that was refused is tried again after a second
UNSENSED = ept.ROLE_CONFLICT  # the cable could not be asked for, so there may be one


def stop(board, _monkeypatch):
    board.send(wire.STOP, TRANSFER)


def too_much_power(board, monkeypatch):
    """More than was granted: a sample ends it."""
    monkeypatch.setattr(silicon, "LOAD_mA", 1000)
    board.run_passes(5)


def host_falls_silent(board, _monkeypatch):
    board.run_passes(LEASE_PASSES - 4)
    assert board.coil == 1


ENDS = {"STOPPED": stop, "POWER_BUDGET": too_much_power, "LEASE_LOST": host_falls_silent}


def run(board, number):
    """Run the passes of which one line finds memory full; return the line, and if all went on."""
    full = Raise(number, MemoryError(), FILES)
    full.armed = True
    try:
        with full:
            board.run_passes(PASSES)
    except MemoryError:
        board.power.off()  # as main.py does
        return full.where, False
    return full.where, True


def receipts_after_a_restart(folder):
    board = Board(folder)
    receipts = map(wire.unpack_receipt, wire.split_receipts(board.loop.board.receipts))
    return [receipt[CODE] for receipt in receipts if receipt[2] == TRANSFER]


def a_full_memory_loses_nothing(folder, monkeypatch, name, number) -> str:
    """Return the line at which memory was full, or "" if fewer lines run."""
    with monkeypatch.context() as patch:
        board = Board(folder)
        board.transfer()
        ENDS[name](board, patch)
        where, went_on = run(board, number)
        lost = went_on and board.coil  # the frame that would have ended it
        if went_on:
            board.run_passes(LEASE_PASSES if lost else STORED_PASSES)
        assert board.coil == 0, where
        (code,) = receipts_after_a_restart(folder)
    known = code in {getattr(ept, name), UNSENSED}
    assert known or lost or (code == ept.REBOOTED and not went_on), where
    return where


def a_coil_that_is_on_has_its_record(folder, number) -> str:
    board = Board(folder)
    board.run_passes(60)
    board.connect()
    board.run_pass()
    board.send(*Board.GRANT)
    where, went_on = run(board, number)
    if went_on:
        board.run_passes(STORED_PASSES)
    assert board.loop.board.is_running or not board.coil, where
    stored = receipts_after_a_restart(folder)
    assert stored == [ept.REBOOTED] or not (went_on and board.coil), where
    return where


def try_lines(folder, stride, trial):
    number = 1
    while True:
        for path in folder.iterdir():  # the board is new each time
            path.unlink()
        if not trial(number):
            break
        number += stride
    assert number > 1000


STRIDES = [  # a prime meets many kinds of line
    pytest.param(97, id="some-lines"),
    pytest.param(1, id="every-line", marks=[pytest.mark.long, pytest.mark.timeout(7200)]),
]


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("name", ENDS)
def test_the_end_of_a_transfer(tmp_path, monkeypatch, name, stride):
    try_lines(
        tmp_path,
        stride,
        lambda number: a_full_memory_loses_nothing(tmp_path, monkeypatch, name, number),
    )


@pytest.mark.parametrize("stride", STRIDES)
def test_the_beginning_of_a_transfer(tmp_path, stride):
    try_lines(tmp_path, stride, lambda number: a_coil_that_is_on_has_its_record(tmp_path, number))


class NoRoom(dict):
    """Counts that find no memory."""

    def __setitem__(self, *_):
        raise MemoryError


def linked(board):
    """Return the links that the core knows."""
    return [link.handle for link in board.loop.board._commands.links._links]


@pytest.mark.parametrize("line", ["_nonces", "_events"])
@pytest.mark.parametrize("event", [1, 2])
def test_a_link_whose_event_found_no_memory_is_no_squatter(tmp_path, monkeypatch, event, line):
    """It comes and nobody serves it, or goes and its place stays taken: neither for good."""
    board = Board(tmp_path)
    board.loop.guard.drops = NoRoom()
    board.run_passes(3)
    if event == 2:
        board.irq(1, LINK, 0, b"\1" * 6)
        board.run_pass()
        assert linked(board) == [LINK]
    with monkeypatch.context() as patch:
        kept = getattr(board.loop.radio, line)
        patch.setattr(board.loop.radio, line, Full(kept))
        assert board.irq(event, LINK, 0, b"\1" * 6) is None, "else the handler is off for good"
    board.run_passes(2)
    if event == 1:
        assert board.world.calls.count("BLE.gap_disconnect") == 1
        board.irq(2, LINK, 0, b"\1" * 6)
    board.run_passes((HELLO_MAX_ms + 11_000) // 20)
    assert linked(board) == []


def test_a_link_that_the_core_found_no_memory_for_is_ended(tmp_path, monkeypatch):
    board = Board(tmp_path)
    board.run_passes(3)
    links = board.loop.board._commands.links
    with monkeypatch.context() as patch:
        patch.setattr(links, "_links", Full(links._links))
        board.irq(1, LINK, 0, b"\1" * 6)
        board.run_pass()
    assert board.world.calls.count("BLE.gap_disconnect") == 1


class Full:
    """A list or dict that cannot grow; all else goes to the one behind it."""

    def __init__(self, kept):
        self._kept = kept

    def append(self, _):
        raise MemoryError

    def __setitem__(self, *_):
        raise MemoryError

    def __iter__(self):
        return iter(self._kept)

    def __len__(self):
        return len(self._kept)

    def __getattr__(self, name):
        return getattr(self._kept, name)
