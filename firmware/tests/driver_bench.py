# SPDX-License-Identifier: MIT
"""A test bench for the Qi drivers on any VM: a clock, a bus like busio.I2C, recorded wires.

The chips are the bench's register-level emulations, the same files on CPython and MicroPython.
"""

import sys

try:
    from crowdcharge.bench.i2c.stwbc86 import Stwbc86 as ChipTx
except ImportError:  # on MicroPython only the package's file is there
    sys.path.append(__file__.rsplit("/", 3)[0] + "/host/crowdcharge/bench/i2c")
    from stwbc86 import Stwbc86 as ChipTx

from drivers.stwbc86 import Stwbc86

FOD_mW = 512


class Clock:
    def __init__(self):
        self.now = 0

    def now_ms(self):
        return self.now

    def sleep_ms(self, wait_ms):
        self.now += wait_ms


class Bus:
    """A bus like busio.I2C with one chip; `log` holds every write as (register, data)."""

    def __init__(self, chip):
        self._chip = chip
        self._locked = False
        self.log = []

    def try_lock(self):
        if self._locked:
            return False
        self._locked = True
        return True

    def unlock(self):
        self._locked = False

    def writeto(self, address, buffer):
        self._check(address)
        self._chip.write(bytes(buffer))
        self.log.append((buffer[0] << 8 | buffer[1], bytes(buffer[2:])))

    def writeto_then_readfrom(self, address, out_buffer, in_buffer):
        self._check(address)
        self._chip.write(bytes(out_buffer))
        in_buffer[:] = self._chip.read(len(in_buffer))

    def _check(self, address):
        assert self._locked, "the driver must lock the bus"
        if address != self._chip.address:
            raise OSError


class TxDesk:
    """A transmitter node: chip, supply switch, reset line (low = held), driver."""

    def __init__(self, fod_mW=FOD_mW):
        self.clock = Clock()
        self.chip = ChipTx(self.clock.now_ms)
        self.bus = Bus(self.chip)
        self.edges = []  # (time, wire, level)
        self.driver = Stwbc86(self.bus, self._supply, self._reset, self.clock.sleep_ms, fod_mW)
        self.edges.clear()

    def _supply(self, level):
        self.edges.append((self.clock.now, "supply", level))
        self.chip.powered = bool(level)

    def _reset(self, level):
        self.edges.append((self.clock.now, "reset", level))
        self.chip.reset = not level

    def run(self, duration_ms, step_ms=100):
        """Poll until something ends the transfer; return the EPT code."""
        for _ in range(duration_ms // step_ms):
            self.clock.sleep_ms(step_ms)
            code = self.driver.poll(step_ms).ept
            if code:
                return code
        return 0

    def is_dark(self):
        return not (self.driver.on or self.chip.powered or self.chip.field)
