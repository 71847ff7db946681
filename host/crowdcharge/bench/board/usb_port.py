# SPDX-License-Identifier: MIT
"""A board's USB serial port as its firmware meets it: it fills up when its holder does not read.

While a program holds the port open, about 512 bytes wait for it at most (TinyUSB's queue); then
the firmware's writes have no room. MicroPython gives up each write after 500 ms (`mp_usbd_cdc.c`),
CircuitPython waits for ever. A port that nobody holds never fills up: new bytes push old ones out.
Not modelled: what the computer's own driver keeps, packets of 64 bytes, and a write that begins
while there is a little room, which here always passes whole.
"""

import asyncio
import ctypes
import fcntl
import os
import struct
import termios
from collections.abc import Callable

from crowdcharge.bench.board.serial_port import Pty
from crowdcharge.bench.board.vm import Vm

QUEUE = 512
BLOCK_s = {"micropython": 0.5, "circuitpython": float("inf")}
_TICK_s = 0.005
_OPENED, _CLOSED = 0x20, 0x18  # inotify(7): IN_OPEN; IN_CLOSE_WRITE and IN_CLOSE_NOWRITE
_EVENT = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class UsbPort(Pty):
    """The pty that others open, and how much of it they have not read."""

    def __init__(self, on_input: Callable[[bytes], None]) -> None:
        super().__init__(on_input)
        self._holders = 0
        self._watch = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        _libc.inotify_add_watch(self._watch, self.path.encode(), _OPENED | _CLOSED)

    @property
    def full(self) -> bool:
        """True while a program holds the port and has not read what waits for it."""
        return self._held() and self._unread() >= QUEUE

    def close(self) -> None:
        os.close(self._watch)
        super().close()

    def _held(self) -> bool:
        try:
            events = os.read(self._watch, 65_536)
        except BlockingIOError:
            events = b""
        at = 0
        while at < len(events):
            _, mask, _, length = _EVENT.unpack_from(events, at)
            self._holders += bool(mask & _OPENED) - bool(mask & _CLOSED)
            at += _EVENT.size + length
        return self._holders > 0

    def _unread(self) -> int:
        waiting: int = struct.unpack("i", fcntl.ioctl(self.slave, termios.FIONREAD, bytes(4)))[0]
        return waiting + self.unsent


class Backpressure:
    """Stops a VM's terminal while the port is full, as a board's USB driver stops its writer."""

    def __init__(self, port: UsbPort, block_s: float) -> None:
        self._port = port
        self._block_s = block_s
        self._vm: Vm | None = None
        self._terminal = -1
        self._timer: asyncio.TimerHandle | None = None
        self._blocked_s = 0.0
        self.discards = False  # the write that now comes was given up

    def attach(self, vm: Vm, terminal: int) -> None:
        """Watches a VM that has just started, on its own end of its terminal."""
        self.detach()
        self._vm, self._terminal = vm, terminal
        self.wrote()

    def detach(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._vm = None
        self.discards = False

    def wrote(self) -> None:
        """Look whether what the VM has written filled the port."""
        if self._vm and not self._timer and self._port.full:
            termios.tcflow(self._terminal, termios.TCOOFF)
            self.discards = False
            self._blocked_s = 0.0
            self._timer = asyncio.get_running_loop().call_later(_TICK_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._vm is None:
            return
        waits = self._vm.writes
        self._blocked_s = self._blocked_s + _TICK_s if waits else 0.0
        gives_up = waits and self._blocked_s >= self._block_s
        if gives_up or not self._port.full:
            self.discards = gives_up
            termios.tcflow(self._terminal, termios.TCOON)
            if gives_up:  # the next write finds the port as full as before
                self._timer = asyncio.get_running_loop().call_later(_TICK_s, self._stop_again)
            return
        self._timer = asyncio.get_running_loop().call_later(_TICK_s, self._tick)

    def _stop_again(self) -> None:
        self._timer = None
        self.discards = False
        self.wrote()
