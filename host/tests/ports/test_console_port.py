# SPDX-License-Identifier: MIT
"""Any bytes on the USB port, in any rhythm, read or not: the coil is as it is without them.

A read or a write that would wait ends the test (`silicon.WouldWait`).
"""

import binascii
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from rig import Board

from wptcore import ept
from wptcore.journal import Journal

PASSES = 130  # more than a lease
# What a person or a machine may ask without touching a transfer.
COMMANDS = [
    b"help\n",
    b"status\r\n",
    b"\nwpt1 7 version *00000000\n",
    b"identity\n",
    b"selftest\n",
]
pieces = st.one_of(st.binary(max_size=60), st.sampled_from(COMMANDS), st.just(b"\xc3"))
# In each pass: what comes, and how much the computer reads (0: it holds the port and does not).
traffic = st.lists(st.tuples(pieces, st.sampled_from([0, 0, 1, 64, 10_000])), max_size=PASSES)


def coil_of_a_transfer(moves) -> list[int]:
    with tempfile.TemporaryDirectory() as folder:
        board = Board(Path(folder))
        board.transfer()
        board.world.room = 0 if moves else 10_000
        levels = []
        for number in range(PASSES):
            if number < len(moves):
                data, read = moves[number]
                board.world.received += data
                board.world.room = min(board.world.room + read, 512)
            if number == 20:
                board.renew()
            board.run_pass()
            levels.append(board.coil)
        assert board.world.watchdog_ms
        return levels


@settings(max_examples=25, deadline=None)
@given(traffic)
def test_the_coil_is_as_without_them(moves):
    assert coil_of_a_transfer(moves) == coil_of_a_transfer([])


def test_what_nobody_reads_is_dropped_and_counted(board):
    board.transfer()
    board.world.room = 40
    board.world.received = b"help\n" * 2
    board.run_passes(150)
    assert board.loop.guard.drops["console"] > 10
    assert len(board.world.received) == 0, "an answer that is lost holds up no command"
    board.world.room = 10_000
    board.world.sent = b""
    board.world.received = b"version\n"
    board.run_passes(20)
    assert board.world.sent.endswith(b"ok\r\n")


def test_a_pass_takes_one_line_and_gives_a_bounded_number_of_bytes(board):
    board.transfer()
    board.world.received = b"status\n" * 5
    sent = 0
    for _ in range(100):
        board.run_pass()
        assert len(board.world.sent) - sent <= 128
        sent = len(board.world.sent)
    assert board.world.sent.count(b"ok\r\n") == 5


def test_what_was_answered_outlasts_a_power_cut(board, tmp_path):
    """The first byte of an answer leaves after the flash has what it tells."""
    board.run_passes(60)
    board.loop.board.on_fault(ept.FOREIGN_OBJECT)
    board.run_passes(2)
    board.world.received = b"clear FOREIGN_OBJECT\n"

    def fail(name):
        if name == "stdout.write" and board.world.sent.count(b"\n") == told:
            slots = [(tmp_path / f"journal{slot}.bin").read_bytes() for slot in range(2)]
            assert Journal(slots, binascii.crc32).saved.latches == b""

    told = board.world.sent.count(b"\n")
    board.world.fail = fail
    board.run_passes(5)
    assert board.world.sent.endswith(b"ok\r\n") and not board.faults
    assert "console" not in board.loop.guard.drops
