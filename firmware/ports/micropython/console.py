# SPDX-License-Identifier: MIT
"""The serial console on the board's own USB: bytes to the core's console, its lines back.

It shares the port with MicroPython's prompt: Ctrl-C ends the firmware (app.py switches the coil
off on its way out), and mpremote finds its raw REPL.
"""

import binascii
import select
import sys

from console_backend import ConsoleBackend
from wptcore.console import Console
from wptcore.console_commands import ConsoleCommands

_BYTES_PER_PASS = 256


class SerialConsole:
    def __init__(self, board, backend: ConsoleBackend, sha256):
        self._commands = ConsoleCommands(board, backend, sha256)
        self._console = Console(self._commands, binascii.crc32)
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._console.announce(
            (("board", backend.name), ("firmware", backend.revision), ("vm", backend.vm))
        )

    @property
    def reset_due(self) -> bool:
        """A command asked for a reboot, and its answer has left."""
        return self._commands.reset_due

    @property
    def streaming(self) -> bool:
        """One line a pass: then passes should be short."""
        return self._commands.streaming

    def step(self, dt_ms: int) -> None:
        """Takes what has come, answers; never waits."""
        self._commands.on_elapsed(dt_ms)
        for _ in range(_BYTES_PER_PASS):
            byte = self._read()
            if not byte:
                break
            self._console.feed(byte)
        self._console.step()
        line = self._console.pop_line()
        while line is not None:
            sys.stdout.buffer.write(line)
            line = self._console.pop_line()

    def _read(self) -> bytes:
        for _, event in self._poll.ipoll(0):
            if event & select.POLLIN:
                return sys.stdin.buffer.read(1)
        return b""
