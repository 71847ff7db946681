# SPDX-License-Identifier: MIT
"""The serial console on the board's own USB port.

It shares the port with MicroPython's prompt: Ctrl-C ends the firmware (app.py switches the coil
off on its way out), and mpremote finds its raw REPL.
"""

import select
import sys

from board_console import BoardConsole


class SerialConsole(BoardConsole):
    def __init__(self, board, backend, sha256):
        super().__init__(board, backend, sha256)
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)

    def _read(self, _size_max: int) -> bytes:
        """One byte at a time, because a longer read waits until it is full."""
        for _, event in self._poll.ipoll(0):
            if event & select.POLLIN:
                return sys.stdin.buffer.read(1)
        return b""

    def _write(self, line: bytes) -> None:
        sys.stdout.buffer.write(line)
