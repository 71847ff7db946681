# SPDX-License-Identifier: MIT
"""A board whose memory is full says so, and goes on. Only the boards' VMs run out of it."""

import gc
import sys

from test_console import Line, told

SPARE = 3000  # bytes, enough to answer and too few for what `help` loads


def full():
    """Take all memory but SPARE; it is free again when the result is dropped."""
    held = []
    spare = bytearray(SPARE)
    size = 1 << 16
    while size >= 64:
        try:
            while True:
                held.append(bytearray(size))
        except MemoryError:
            size //= 2
    return held, spare[:0]


if hasattr(gc, "mem_alloc"):

    def test_a_command_without_room_is_answered_and_the_next_one_works():
        line = Line()
        told(line.ask("version"))
        sys.modules.pop("wptcore.console_help", None)
        held = full()
        answer = line.ask("help")
        held = None
        assert answer == "err memory the board has no room for that now"
        assert line.ask("help").startswith("ok help=")
        assert held is None
