# SPDX-License-Identifier: MIT
"""The serial console on the board's own USB port.

It shares the port with MicroPython's prompt: Ctrl-C ends the firmware (main.py switches the coil
off), and mpremote finds its raw REPL.
"""

import select
import sys

from board_console import BoardConsole


class SerialConsole(BoardConsole):
    """Reads and writes one byte at a time: a longer read waits until it is full, a longer write
    until the port has room for all of it, and `poll` promises room for one byte only.
    """

    def __init__(self, board, backend, sha256):
        super().__init__(board, backend, sha256)
        self._byte = bytearray(1)
        self._readable = select.poll()
        self._readable.register(sys.stdin, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(sys.stdout, select.POLLOUT)

    def _read(self, size_max: int) -> bytes:
        data = b""
        while len(data) < size_max and _ready(self._readable, select.POLLIN):
            byte = sys.stdin.buffer.read(1)
            if not byte:
                break
            data += byte
            if byte == b"\n":
                break
        return data

    def _write(self, data: bytes) -> int:
        written = 0
        while written < len(data) and _ready(self._writable, select.POLLOUT):
            self._byte[0] = data[written]
            sys.stdout.buffer.write(self._byte)
            written += 1
        return written


def _ready(poll, wanted: int) -> bool:
    for _, event in poll.ipoll(0):
        return bool(event & wanted)
    return False
