# SPDX-License-Identifier: MIT
# ruff: noqa: PTH123, SIM115 - the dialect is MicroPython's
"""The chips that a board reads all the time, modelled in the VM and not in the hub.

They measure what the hub's page says (layout in bench/board/truth.py). Their registers live here,
so they are as after power-on whenever the VM starts, also after a soft reset.
"""

import os
import struct
from time import _elapsed_us

from noise import Noise

_MODELS = {"ina219": "Ina219", "ina228": "Ina228"}  # loaded where fitted: they take board memory
_FORMAT = "<I4i2HI3Ii3IiI"
_SIZE = struct.calcsize(_FORMAT)
_file = open(os.getenv("CROWDCHARGE_TRUTH"), "rb")
_page = bytearray(_SIZE)


def truth():
    """Read a complete page as a tuple."""
    while True:
        _file.seek(0)
        _file.readinto(_page)
        words = struct.unpack(_FORMAT, _page)
        if words[0] == words[-1]:
            return words


class _BusClock:
    """The chips' time: the board's time, moved ahead by what a burst of transfers takes on a bus.

    A transfer is quicker here than on wires; without this, a driver that polls for a conversion
    would give up before the chip has finished what takes ten transfers on a real bus.
    """

    def __init__(self):
        self._us = 0

    def now_us(self):
        return max(self._us, _elapsed_us())

    def spend(self, us):
        self._us = self.now_us() + us


clock = _BusClock()


class _Meter:
    """One meter with its faults; `side` is 0 at the transmitter, 1 at the receiver."""

    def __init__(self, part, side, address, seed, kind):
        self._at = 1 + 2 * side
        self._faults_at = 8 + 4 * side
        model = getattr(__import__(part), _MODELS[part])
        self.chip = model(address, self._measure, clock.now_us, Noise(seed), kind)
        self._resets, self._glitches = truth()[self._faults_at + 1 : self._faults_at + 3]

    def _measure(self):
        return truth()[self._at : self._at + 2]

    def update(self):
        flags, resets, glitches, glitch_uV = truth()[self._faults_at : self._faults_at + 4]
        chip = self.chip
        chip.dead, chip.stuck, chip.overflow = flags & 1 != 0, flags & 2 != 0, flags & 4 != 0
        if resets != self._resets:
            self._resets = resets
            chip.lose_calibration()
        if glitches != self._glitches:
            self._glitches = glitches
            chip.glitch_uV = glitch_uV


class Chips:
    """The fitted meters, which the hub describes as [part, address, side, seed, kind]."""

    def __init__(self, described):
        self._fitted = {}
        for part, address, side, seed, kind in described:
            self._fitted[address] = _Meter(part, side, address, seed, kind)

    def __contains__(self, address):
        return address in self._fitted

    def transfer(self, address, data, count):
        """Write `data` unless it is None, then read `count` bytes; OSError is NAK."""
        fitted = self._fitted[address]
        fitted.update()
        if data is not None:
            fitted.chip.write(data)
        return fitted.chip.read(count) if count else b""

    def scan(self):
        return [address for address in self._fitted if self._answers(address)]

    def _answers(self, address):
        try:
            self.transfer(address, b"", 0)
        except OSError:
            return False
        return True


class Adc:
    """The converter's errors: one gain and offset for each chip, noise for each reading."""

    def __init__(self, described, seed):
        self._noise = Noise(seed)
        self._full_scales_mV = described["full_scales_mV"]
        self._gain_ppm = self._noise.symmetric(described["gain_max_ppm"])
        self._offset_uV = self._noise.symmetric(described["offset_max_uV"])
        self._noise_uV = described["noise_uV"]
        self.calibrated = described["calibrated"]

    def read_u16(self, channel, atten):
        return self._seen_uV(channel, 1, atten) * 65535 // self._full_scale_uV(atten)

    def read_uV(self, channel, atten):
        """With the factory's calibration; it saturates where the converter does."""
        return self._seen_uV(channel, 3, atten)

    def _full_scale_uV(self, atten):
        scales_mV = self._full_scales_mV  # a kind converter has one for all
        return scales_mV[min(atten, len(scales_mV) - 1)] * 1000

    def _seen_uV(self, channel, divisor, atten):
        pin_uV = truth()[5 + channel] * 100
        off_uV = (pin_uV // 1000 * self._gain_ppm // 1000 + self._offset_uV) // divisor
        seen_uV = pin_uV + off_uV + self._noise.gauss(self._noise_uV)
        return min(max(seen_uV, 0), self._full_scale_uV(atten))


def inputs():
    return truth()[7]
