# SPDX-License-Identifier: MIT
# ruff: noqa: A002, B904, PLC0415, RET503 - names and dialect are MicroPython's
"""MicroPython's `machine` on the bench: pins, I2C, ADC, watchdog and reset, as on an ESP32-S3
(on the board pico_w, what differs there: ADC, watchdog, reset causes).

Edges of outputs have reached the hub (bench/board/hardware.py) when `value()` returns; inputs and
often-read chips come from the hub's page (_chips.py); other chips live in the hub. Missing are pin
interrupts, PWM, SPI, UART and RTC.
"""

import json
import struct
from time import ticks_diff, ticks_ms

import _chips
from _hardware import call, tell

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5

_ENODEV = 19
_DRIVER_us = 250  # what a driver's code takes for one transfer on an ESP32-S3: our estimate
_hello = call("h", reply_max=2048)
_board = json.loads(_hello[7:])  # what is fitted where
_levels = _board["levels"]  # levels of outputs: only changes go to the hub
_fitted = _chips.Chips(_board["chips"])
_adc = _chips.Adc(_board["adc_chip"], _board["adc_seed"])


def reset_cause():
    return _hello[0]


def unique_id():
    return _hello[1:7]


def reset():
    call("R")


def deepsleep(time_ms):
    """Be dark for that time; what comes after it is a start."""
    call("z", struct.pack("<I", time_ms))


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
        self._id = id._id if isinstance(id, Pin) else str(id)
        self._pull = -1
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None):
        if value is not None:
            self.value(value)  # set before the pin drives, so that there is no glitch
        if pull != -1:
            self._pull = pull
        if mode != -1:
            call("m", bytes((mode,)) + self._id.encode())

    def value(self, level=None):
        if level is None:
            return self._read()
        level = 1 if level else 0
        if _levels.get(self._id) != level:
            call("w", bytes((level,)) + self._id.encode())
            _levels[self._id] = level

    def _read(self):
        bit = _board["inputs"].get(self._id)
        if bit is not None:
            return _chips.inputs() >> bit & 1
        return _levels.get(self._id, int(self._pull == self.PULL_UP))

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(not self.value())

    def __repr__(self):
        return "Pin(%s)" % self._id


class I2C:
    def __init__(self, id=-1, *, scl=None, sda=None, freq=400_000, timeout=50_000):
        wired_id, wired_sda, wired_scl, self._power = _board["i2c"]
        asked = [id, wired_sda, wired_scl] if scl is None else [id, sda._id, scl._id]
        self._bit_ns = 1_000_000_000 // freq
        self._wired = asked == [wired_id, wired_sda, wired_scl]
        if asked == _board["qi_i2c"]:  # the Qi chip alone, with pull-ups of its own
            self._wired, self._power = True, "-1"

    def _live(self):
        return self._wired and (self._power == "-1" or _levels.get(self._power) == 1)

    def scan(self):
        return sorted(_fitted.scan() + list(call("s"))) if self._live() else []

    def writeto(self, addr, buf, stop=True):
        """`stop=False` is ignored, as by the driver of ESP-IDF 5.5."""
        self._transfer(addr, bytes(buf), 0)
        return len(buf)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join(bytes(part) for part in vector), stop)

    def readfrom(self, addr, nbytes, stop=True):
        return self._transfer(addr, None, nbytes)

    def readfrom_into(self, addr, buf, stop=True):
        buf[:] = self.readfrom(addr, len(buf), stop)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        return self._transfer(addr, _address(memaddr, addrsize), nbytes)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        buf[:] = self.readfrom_mem(addr, memaddr, len(buf), addrsize=addrsize)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self._transfer(addr, _address(memaddr, addrsize) + bytes(buf), 0)

    def _transfer(self, addr, data, count):
        if not self._live():
            raise OSError(_ENODEV)
        if addr not in _fitted:
            return call("x", struct.pack("<BHB", addr, count, data is not None) + (data or b""))
        bits = 20 + 9 * (count + len(data or b"")) + (10 if data and count else 0)
        _chips.clock.spend(bits * self._bit_ns // 1000 + _DRIVER_us)
        try:
            return _fitted.transfer(addr, data, count)
        except OSError:
            raise OSError(_ENODEV)


SoftI2C = I2C


def _address(memaddr, addrsize):
    return memaddr.to_bytes(addrsize // 8, "big")


class ADC:
    """Its errors are those of the board's silicon; without calibration it is that of an RP2."""

    def __init__(self, pin, *, atten=None):
        self._channel = _board["adc"].get(pin._id if isinstance(pin, Pin) else str(pin))

    def read_u16(self):
        return 0 if self._channel is None else _adc.read_u16(self._channel)

    if _adc.calibrated:
        ATTN_0DB = 0
        ATTN_2_5DB = 1
        ATTN_6DB = 2
        ATTN_11DB = 3

        def atten(self, atten):
            pass

        def read(self):
            return self.read_u16() >> 4

        def read_uv(self):
            return 0 if self._channel is None else _adc.read_uV(self._channel)


class WDT:
    """A watchdog that, as on real boards, neither Ctrl-C nor a soft reset stops.

    Feeds less than 1/16 of the time-out apart are not sent on, so it may bite that much early.
    """

    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError("WDT")
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        if timeout > _board["watchdog_max_ms"]:
            raise ValueError("timeout exceeds %d" % _board["watchdog_max_ms"])
        call("d", struct.pack("<I", timeout))
        self._every_ms = timeout // 16
        self._told_ms = ticks_ms()

    def feed(self):
        now_ms = ticks_ms()
        if ticks_diff(now_ms, self._told_ms) >= self._every_ms:
            self._told_ms = now_ms
            tell("f")
