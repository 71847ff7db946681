# SPDX-License-Identifier: MIT
"""Pseudo-terminals: a board's serial port, and the console of its VM."""

import asyncio
import contextlib
import os
import termios
import tty
from collections.abc import Callable

_UNREAD_MAX = 65_536  # what a port that nobody reads may keep


class Pty:
    """A pty pair, both ends of which stay open; `on_input` gets what the other side writes.

    `path` is what pyserial and mpremote open. More output than anybody reads is dropped, oldest
    first; usb_port.UsbPort says when a board's port is full long before that.
    """

    def __init__(self, on_input: Callable[[bytes], None]) -> None:
        self._on_input = on_input
        self._unsent = bytearray()
        self._master, self.slave = os.openpty()
        os.set_blocking(self._master, False)
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def write(self, data: bytes) -> None:
        self._unsent += data
        if len(self._unsent) > _UNREAD_MAX:
            termios.tcflush(self.slave, termios.TCIFLUSH)
            del self._unsent[:-_UNREAD_MAX]
        self._flush()

    @property
    def unsent(self) -> int:
        """Bytes for which the pty itself had no room yet."""
        return len(self._unsent)

    def drain(self) -> None:
        """Read what has arrived, without waiting."""
        while self._read():
            pass

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._master)
        loop.remove_writer(self._master)
        os.close(self._master)
        os.close(self.slave)

    def _read(self) -> bool:
        data = b""
        with contextlib.suppress(OSError):
            data = os.read(self._master, 65_536)
        if data:
            self._on_input(data)
        return bool(data)

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._unsent:
                sent = os.write(self._master, self._unsent)
                del self._unsent[:sent]
        except BlockingIOError:
            loop.add_writer(self._master, self._flush)
        else:
            loop.remove_writer(self._master)
