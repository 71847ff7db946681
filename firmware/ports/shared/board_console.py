# SPDX-License-Identifier: MIT
"""What both ports' console.py share: bytes to the core's console, its lines back.

A computer may send what it likes and need not read, so a pass takes at most one line in, gives a
bounded number of bytes out, and never waits for either.
"""

import binascii

from wptcore.compat import const
from wptcore.console import Console
from wptcore.console_commands import ConsoleCommands

_READ_MAX = const(256)  # bytes a pass
_WRITE_MAX = const(128)
_STUCK_ms = const(1000)  # nobody reads: what waits is dropped
_ENDS = b"\r\n"


class BoardConsole:
    """`board`: board.Board; `backend`: console_backend.ConsoleBackend; `sha256`: of the port.

    A port's SerialConsole adds `_read(size_max)`, which returns some of the bytes that wait, or
    none, and `_write(data)`, which returns how many bytes there was room for. Neither waits.
    """

    def __init__(self, board, backend, sha256):
        self._guard = backend.guard
        self._commands = ConsoleCommands(board, backend, sha256)
        self._console = Console(self._commands, binascii.crc32)
        self._input = b""  # what came behind the line of this pass
        self._output = b""  # the rest of the line that is being written
        self._stuck_ms = 0
        self._console.announce(
            (("board", backend.name), ("firmware", backend.revision), ("vm", backend.vm))
        )

    @property
    def reset_due(self) -> bool:
        """A command asked for a reboot, and its answer has left."""
        return self._commands.reset_due and not self._output

    @property
    def busy(self) -> bool:
        """Lines wait or a stream runs, so passes should be short."""
        return bool(self._commands.streaming or self._input or self._output)

    def step(self, dt_ms: int) -> None:
        """Take what has come, without waiting; `give` is for what it is answered."""
        self._commands.on_elapsed(dt_ms)
        if not self._output:  # one answer at a time: the next command waits in the port
            self._take()
            self._console.step()
            self._output = self._console.pop_line() or b""

    def _take(self) -> None:
        """Feed the core up to the first line end, because one command a pass is enough."""
        data = self._input or self._read(_READ_MAX)
        length = 0
        while length < len(data):
            length += 1
            if data[length - 1] in _ENDS:
                break
        self._console.feed(data[:length])
        self._input = data[length:]

    def give(self, dt_ms: int) -> None:
        """Write what there is room for."""
        if not self._output:
            return
        written = self._write(self._output[:_WRITE_MAX])
        self._output = self._output[written:]
        self._stuck_ms = 0 if written else self._stuck_ms + dt_ms
        if self._stuck_ms >= _STUCK_ms:
            self._drop()
        elif not self._output:
            self._output = self._console.pop_line() or b""

    def _drop(self) -> None:
        self._stuck_ms = 0
        while self._output:
            self._guard.drop("console")
            self._output = self._console.pop_line() or b""
