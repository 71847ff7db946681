# SPDX-License-Identifier: MIT
"""The serial console on the board's own USB port, as bytes.

`sys.stdin` would be text, and a read of it waits for the rest of a character. The port is shared
with CircuitPython's prompt: Ctrl-C ends the firmware, and code.py switches the coil off.
"""

import usb_cdc

from board_console import BoardConsole


class SerialConsole(BoardConsole):
    def __init__(self, board, backend, sha256):
        super().__init__(board, backend, sha256)
        self._port = usb_cdc.console  # None where boot.py has switched it off
        if self._port is not None:
            self._port.timeout = 0
            self._port.write_timeout = 0  # the default waits for ever

    def _read(self, size_max: int) -> bytes:
        if self._port is None or not self._port.in_waiting:
            return b""
        return self._port.read(min(self._port.in_waiting, size_max)) or b""

    def _write(self, data: bytes) -> int:
        return len(data) if self._port is None else self._port.write(data) or 0
