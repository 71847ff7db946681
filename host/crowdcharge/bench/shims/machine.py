# SPDX-License-Identifier: MIT
# ruff: noqa: A002, ARG002, PLC0415, RET503, UP031 - names and dialect are MicroPython's
"""MicroPython's `machine` on the bench: pins, I2C, ADC, watchdog and reset, as on an ESP32-S3.

Every level and every byte on a bus is the hub's (bench/hardware.py); nothing is decided here. Not
here: interrupts of pins, PWM, SPI, UART, RTC, deep sleep. A NAK of a write without stop is raised
by the read that follows it, because the two go to the hub as one transfer.
"""

import struct
from time import ticks_diff, ticks_ms

from _hardware import call, tell

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5

_EINVAL = 22
_hello = call("h")
_levels = {}  # what each output was set to: only a change goes to the hub


def reset_cause():
    return _hello[0]


def unique_id():
    return bytes(_hello[1:7])


def reset():
    call("R")


def soft_reset():
    raise SystemExit


def idle():
    import time

    time.sleep_ms(1)


def disable_irq():
    return 0


def enable_irq(state=0):
    pass


class Pin:
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_UP = 2
    PULL_DOWN = 1

    def __init__(self, id, mode=-1, pull=-1, *, value=None):
        self._id = str(id._id if isinstance(id, Pin) else id).encode()
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None):
        if value is not None:
            self.value(value)  # before it drives, so that there is no glitch
        if mode != -1:
            call("m", bytes((mode, pull & 0xFF)) + self._id)

    def value(self, level=None):
        if level is None:
            return call("r", self._id)[0]
        level = 1 if level else 0
        if _levels.get(self._id) != level:
            call("w", bytes((level,)) + self._id)
            _levels[self._id] = level

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(not self.value())

    def __repr__(self):
        return "Pin(%s)" % self._id.decode()


class I2C:
    def __init__(self, id=-1, *, scl=None, sda=None, freq=400_000, timeout=50_000):
        self._id = bytes((id & 0xFF,))
        self._pending = None
        pins = b"" if scl is None else sda._id + b" " + scl._id
        call("b", self._id + pins)

    def scan(self):
        return list(call("s", self._id))

    def writeto(self, addr, buf, stop=True):
        buf = bytes(buf)
        if stop:
            self._transfer(addr, buf, 0)
        else:
            self._pending = buf
        return len(buf)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join(bytes(part) for part in vector), stop)

    def readfrom(self, addr, nbytes, stop=True):
        pending, self._pending = self._pending, None
        return self._transfer(addr, pending, nbytes)

    def readfrom_into(self, addr, buf, stop=True):
        buf[:] = self.readfrom(addr, len(buf), stop)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        return self._transfer(addr, _address(memaddr, addrsize), nbytes)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        buf[:] = self.readfrom_mem(addr, memaddr, len(buf), addrsize=addrsize)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self._transfer(addr, _address(memaddr, addrsize) + bytes(buf), 0)

    def _transfer(self, addr, data, count):
        head = struct.pack("<BHB", addr, count, data is not None)
        return call("x", self._id + head + (data or b""))


SoftI2C = I2C


def _address(memaddr, addrsize):
    return memaddr.to_bytes(addrsize // 8, "big")


class ADC:
    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3

    def __init__(self, pin, *, atten=ATTN_11DB):
        self._id = pin._id if isinstance(pin, Pin) else str(pin).encode()

    def atten(self, atten):
        pass

    def read_u16(self):
        return struct.unpack("<H", call("a", self._id))[0]

    def read(self):
        return self.read_u16() >> 4

    def read_uv(self):
        return self.read_u16() * 3_300_000 // 65535


class WDT:
    """Cannot be stopped, as on real boards: not by Ctrl-C, not by a soft reset.

    Feeds closer than 1/16 of the time-out are not sent on, so it may bite that much early.
    """

    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError("WDT")
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        call("d", struct.pack("<I", timeout))
        self._every_ms = timeout // 16
        self._told_ms = ticks_ms()

    def feed(self):
        now_ms = ticks_ms()
        if ticks_diff(now_ms, self._told_ms) >= self._every_ms:
            self._told_ms = now_ms
            tell("f")
