# SPDX-License-Identifier: MIT
# ruff: noqa: A002, B904, PLC0415, RET503 - names and dialect are MicroPython's
"""MicroPython's `machine` on the bench: pins, I2C, ADC, watchdog and reset, as on an ESP32-S3
(on the board pico_w, what differs there: ADC, watchdog, reset causes).

Edges of outputs have reached the hub (bench/board/hardware.py) when `value()` returns; inputs and
often-read chips come from the hub's page (_chips.py); other chips live in the hub. What a chip's
port refuses is refused here (bench/board/silicon.py). Missing are pin interrupts, PWM, SPI, UART,
RTC, Timer and SoftI2C.
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

_EIO = 5
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
        self._id = _pin_id(id)
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


def _pin_id(id):
    if isinstance(id, Pin):
        return id._id
    if (isinstance(id, int) and id >= 0 and _board["gpio"] >> id & 1) or id in _board["pins"]:
        return str(id)
    raise ValueError("invalid pin")


class I2C:
    def __init__(self, id, *, scl=None, sda=None, freq=400_000, timeout=50_000):
        if id not in (0, 1):
            raise ValueError("I2C(%d) doesn't exist" % id)
        wired_id, wired_sda, wired_scl, self._power = _board["i2c"]
        asked = [id, wired_sda, wired_scl] if scl is None else [id, _pin_id(sda), _pin_id(scl)]
        if _board["i2c_by_pin"] and [int(pin) & 3 for pin in asked[1:]] != [2 * id, 2 * id + 1]:
            raise ValueError("bad SCL or SDA pin")
        self._bit_ns = 1_000_000_000 // freq
        self._wired = asked == [wired_id, wired_sda, wired_scl]
        self._opens = True
        if asked == _board["qi_i2c"]:  # the Qi chip alone, with pull-ups of its own
            self._wired, self._power, self._opens = True, "-1", False

    def _live(self):
        if not self._wired or (self._opens and _chips.inputs() & 4):
            return False
        return self._power == "-1" or _levels.get(self._power) == 1

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
            raise OSError(_board["nak"][0])
        try:
            if addr not in _fitted:
                asked = struct.pack("<BHB", addr, count, data is not None)
                return call("x", asked + (data or b""))
            bits = 20 + 9 * (count + len(data or b"")) + (10 if data and count else 0)
            _chips.clock.spend(bits * self._bit_ns // 1000 + _DRIVER_us)
            return _fitted.transfer(addr, data, count)
        except OSError as error:
            raise OSError(_board["nak"][error.errno == _EIO])


def _address(memaddr, addrsize):
    return memaddr.to_bytes(addrsize // 8, "big")


class ADC:
    """Its errors are those of the board's silicon; without calibration it is that of an RP2.

    A pin to which nothing is wired reads 0.
    """

    def __init__(self, pin, *, atten=0):
        pin_id = _pin_id(pin)
        analogue = pin_id in _board["analogue_names"]
        if not analogue and not (pin_id.isdigit() and _board["analogue"] >> int(pin_id) & 1):
            raise ValueError("invalid pin")
        self._channel = _board["adc"].get(pin_id)
        self._atten = 0
        if atten:
            self.atten(atten)

    def read_u16(self):
        return 0 if self._channel is None else _adc.read_u16(self._channel, self._atten)

    if _adc.calibrated:
        ATTN_0DB = 0
        ATTN_2_5DB = 1
        ATTN_6DB = 2
        ATTN_11DB = 3

        def atten(self, atten):
            if not 0 <= atten <= self.ATTN_11DB:
                raise ValueError("invalid atten")
            self._atten = atten

        def read(self):
            return self.read_u16() >> 4

        def read_uv(self):
            return 0 if self._channel is None else _adc.read_uV(self._channel, self._atten)


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
