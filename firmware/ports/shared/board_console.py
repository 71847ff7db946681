# SPDX-License-Identifier: MIT
"""What both ports' console.py share: bytes to the core's console, its lines back."""

import binascii

from wptcore.console import Console
from wptcore.console_commands import ConsoleCommands

_BYTES_PER_PASS = 256


class BoardConsole:
    """`board`: board.Board; `backend`: console_backend.ConsoleBackend; `sha256`: of the port.

    A port's SerialConsole adds `_read(size_max)`, which returns some of the bytes that wait, or
    none, and `_write(line)`.
    """

    def __init__(self, board, backend, sha256):
        self._commands = ConsoleCommands(board, backend, sha256)
        self._console = Console(self._commands, binascii.crc32)
        self._console.announce(
            (("board", backend.name), ("firmware", backend.revision), ("vm", backend.vm))
        )

    @property
    def reset_due(self) -> bool:
        """A command asked for a reboot, and its answer has left."""
        return self._commands.reset_due

    @property
    def streaming(self) -> bool:
        """A stream sends one line each pass, so passes should be short."""
        return self._commands.streaming

    def step(self, dt_ms: int) -> None:
        """Takes what has come and answers it; never waits."""
        self._commands.on_elapsed(dt_ms)
        left = _BYTES_PER_PASS
        while left > 0:
            data = self._read(left)
            if not data:
                break
            self._console.feed(data)
            left -= len(data)
        self._console.step()
        line = self._console.pop_line()
        while line is not None:
            self._write(line)
            line = self._console.pop_line()
