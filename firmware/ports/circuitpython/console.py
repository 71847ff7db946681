# SPDX-License-Identifier: MIT
"""The serial console on the board's own USB port.

It shares the port with CircuitPython's prompt: Ctrl-C ends the firmware, and app.py switches the
coil off on its way out.
"""

import sys

import supervisor

from board_console import BoardConsole


class SerialConsole(BoardConsole):
    def _read(self, size_max: int) -> bytes:
        waiting = min(supervisor.runtime.serial_bytes_available, size_max)
        return sys.stdin.read(waiting).encode() if waiting else b""

    def _write(self, line: bytes) -> None:
        sys.stdout.write(line.decode())
