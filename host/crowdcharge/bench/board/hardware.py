# SPDX-License-Identifier: MIT
"""A board's silicon in the hub: pins, buses, ADC and watchdog behind one socket of its VM.

Requests from shims/_hardware.py, little-endian: u8 sequence, opcode, u32 microseconds of the
machine's clock modulo 2**30 (not where there is no reply), payload.

    h  hello                                  -> u8 reset cause, 6 bytes unique id, JSON board
    m  pin mode     u8 mode, pin
    w  pin write    u8 level, pin
    s  I2C scan                               -> addresses
    x  I2C transfer u8 address, u16 count, u8 writes, data -> bytes read
    d  watchdog     u32 timeout_ms, 0 stops it
    f  feed         no reply
    B  booted       no reply: the file system is mounted, Ctrl-C is safe
    R  reset
    z  deep sleep   u32 time_ms
    k  wakes        u8 level, pin: this input ends a deep sleep
    p  program flash  "w" or "e", u32 bytes   -> u32 how many of them the supply still allows
    P  the supply failed in a write to flash
    t  clock                                  -> nanoseconds as decimal text
"""

import asyncio
import contextlib
import errno
import json
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from crowdcharge.bench.board.silicon import PWRON, Start
from crowdcharge.bench.i2c import Bus

_MODE_OUT = (3, 7)
_NO_REPLY = frozenset("fB")


class Hardware:
    """The state that firmware can reach. `on_output(pin, level)` is called at each edge.

    `board` is sent to the VM: which pin, bus and chip is what. An output pin has a pull-down: it
    is low until it is driven, and low again after a reset. `on_sleep(time_s, wakes)` gets the
    levels of the inputs that end a sleep.
    """

    def __init__(
        self,
        board: dict[str, object],
        bus: Bus,
        *,
        unique_id: bytes,
        on_output: Callable[[str, int], None],
        on_reset: Callable[[str], None],
        on_sleep: Callable[[float, dict[str, int]], None],
        on_booted: Callable[[], None],
        clock_ns: Callable[[], int],
        speed: float,
    ) -> None:
        self._board = board
        self._bus = bus
        self._unique_id = unique_id
        self._on_output = on_output
        self._on_reset = on_reset
        self._on_sleep = on_sleep
        self._on_booted = on_booted
        self._clock_ns = clock_ns
        self._speed = speed
        self._latches: dict[str, int] = {}
        self._driven: set[str] = set()
        self._wakes: dict[str, int] = {}
        self._watchdog: asyncio.TimerHandle | None = None
        self._watchdog_s = 0.0
        self.start = Start(PWRON)
        self.late_s = 0.0  # how long the VM has waited until the hub looked at its requests
        self.flash_written = self.flash_erases = 0
        self.flash_left: int | None = None  # bytes until the supply fails in a write

    def power_off(self) -> list[str]:
        """Let go of every pin and stop the watchdog; return the pins that were high."""
        high = [pin for pin in self._driven if self._latches.get(pin)]
        self._latches.clear()
        self._driven.clear()
        self._wakes = {}
        self._stop_watchdog()
        return high

    def handle(self, opcode: str, payload: bytes) -> bytes:
        """Return the reply's payload; an OSError carries the errno for the firmware."""
        return self._HANDLERS[opcode](self, payload) or b""

    def _hello(self, _payload: bytes) -> bytes:
        levels = {pin: level for pin, level in self._latches.items() if pin in self._driven}
        board = {
            **self._board,
            "levels": levels,
            "safe_mode": self.start.safe_mode,
            "watchdog": self._watchdog is not None,
        }
        return bytes((self.start.cause,)) + self._unique_id + json.dumps(board).encode()

    def _pin_mode(self, payload: bytes) -> None:
        pin = payload[1:].decode()
        if payload[0] in _MODE_OUT:
            self._driven.add(pin)
            self._on_output(pin, self._latches.get(pin, 0))
        elif pin in self._driven:
            self._driven.discard(pin)
            self._on_output(pin, 0)

    def _pin_write(self, payload: bytes) -> None:
        pin = payload[1:].decode()
        self._latches[pin] = payload[0]
        if pin in self._driven:
            self._on_output(pin, payload[0])

    def _i2c_scan(self, _payload: bytes) -> bytes:
        return bytes(self._bus.scan())

    def _i2c_transfer(self, payload: bytes) -> bytes:
        address, count, writes = struct.unpack_from("<BHB", payload)
        try:
            return self._bus.transfer(address, payload[4:] if writes else None, count)
        except OSError as error:
            raise OSError(error.errno or errno.ENODEV, "no acknowledge") from None

    def _watchdog_start(self, payload: bytes) -> None:
        self._watchdog_s = struct.unpack("<I", payload)[0] / 1000 / self._speed
        self._feed(b"")

    def _feed(self, _payload: bytes) -> None:
        self._stop_watchdog()
        if not self._watchdog_s:
            return
        loop = asyncio.get_running_loop()
        self._watchdog = loop.call_later(self._watchdog_s, self._on_reset, "watchdog")

    def _stop_watchdog(self) -> None:
        if self._watchdog:
            self._watchdog.cancel()
            self._watchdog = None

    def _program(self, payload: bytes) -> bytes:
        count = struct.unpack_from("<I", payload, 1)[0]
        self.flash_written += count
        self.flash_erases += payload[:1] == b"e"
        if self.flash_left is None:
            return payload[1:5]
        allowed = min(count, self.flash_left)
        self.flash_left -= allowed
        return struct.pack("<I", allowed)

    def _cut_off(self, _payload: bytes) -> None:
        self.flash_left = None
        self._on_reset("brown-out")

    def _reset(self, _payload: bytes) -> None:
        self._on_reset("software reset")

    def _sleep(self, payload: bytes) -> None:
        self._on_sleep(struct.unpack("<I", payload)[0] / 1000, self._wakes)

    def _wake_on(self, payload: bytes) -> None:
        self._wakes[payload[1:].decode()] = payload[0]

    def _booted(self, _payload: bytes) -> None:
        self._on_booted()

    def _clock(self, _payload: bytes) -> bytes:
        return str(self._clock_ns()).encode()

    _HANDLERS: ClassVar[dict[str, Callable[["Hardware", bytes], bytes | None]]] = {
        "h": _hello,
        "m": _pin_mode,
        "w": _pin_write,
        "s": _i2c_scan,
        "x": _i2c_transfer,
        "d": _watchdog_start,
        "f": _feed,
        "R": _reset,
        "z": _sleep,
        "k": _wake_on,
        "p": _program,
        "P": _cut_off,
        "B": _booted,
        "t": _clock,
    }


class HardwareServer:
    """The socket: each request is one packet, answered in the same turn of the event loop."""

    def __init__(self, hardware: Hardware, path: Path) -> None:
        self._hardware = hardware
        self._path = path
        self._vm: socket.socket | None = None

    def start(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.setblocking(False)
        self._listener.bind(str(self._path))
        self._listener.listen()
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def stop(self) -> None:
        self.disconnect()
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def disconnect(self) -> None:
        """Drop the VM's connection: what a dying process has still sent must not move a pin."""
        if self._vm is not None:
            asyncio.get_running_loop().remove_reader(self._vm)
            self._vm.close()
            self._vm = None

    def _accept(self) -> None:
        self.disconnect()
        self._vm, _ = self._listener.accept()
        self._vm.setblocking(False)
        asyncio.get_running_loop().add_reader(self._vm, self._receive, self._vm)

    def _receive(self, vm: socket.socket) -> None:
        try:
            request = vm.recv(1024)
        except BlockingIOError:
            return
        except OSError:
            request = b""
        if not request:
            self.disconnect()
            return
        opcode, payload = chr(request[1]), request[2:]
        if opcode not in _NO_REPLY:
            (sent_us,) = struct.unpack_from("<I", payload)
            self._hardware.late_s += (time.monotonic_ns() // 1000 - sent_us) % 2**30 / 1e6
            payload = payload[4:]
        try:
            status, reply = 0, self._hardware.handle(opcode, payload)
        except OSError as error:
            status, reply = error.errno or errno.EIO, b""
        if opcode not in _NO_REPLY and self._vm is vm:
            with contextlib.suppress(OSError):
                vm.send(bytes((request[0], status)) + reply)
