# SPDX-License-Identifier: MIT
"""A board whose memory is full says so, and goes on. Only the boards' VMs run out of it."""

import gc

from support import Host, last_receipt, make_board
from test_console import Line, told
from wptcore.wire import RECEIPT_SIZE

SPARE = 3000  # bytes, enough to answer and too few for what `help` loads


def full(spare_size=SPARE):
    """Take all memory but so many bytes; it is free again when the result is dropped."""
    held = None
    spare = [bytearray(spare_size)]
    size = 1 << 16
    while size >= 32:
        try:
            while True:
                held = (bytearray(size), held)
        except MemoryError:
            size //= 2
    spare.clear()
    return held


if hasattr(gc, "mem_alloc"):

    def test_a_command_without_room_is_answered_and_the_next_one_works():
        line = Line()
        told(line.ask("version"))
        held = full()
        answer = line.ask("help")
        held = None
        assert answer == "err memory the board has no room for that now"
        assert line.ask("help").startswith("ok help=")
        assert held is None

    def test_a_transfer_that_ends_without_room_has_its_receipt():
        """With a little more room each time, the memory ends at another step."""
        short = 0
        for spare in range(0, 4000, 100):
            host = Host(make_board()).hello()
            board = host.board
            assert host.grant() == 0
            held = full(spare)
            try:
                board.stop(1)
            except MemoryError:
                short += 1
            held = None
            board.on_elapsed(20)
            assert held is None and not board.coil_on
            assert last_receipt(board)[2] == 1 and len(board.receipts) == RECEIPT_SIZE, spare
            assert board.pop_save().open_transfer_id == 0
        assert 0 < short < 40, short
