# SPDX-License-Identifier: MIT
"""CircuitPython's `busio.I2C` over the bench's bus.

It looks for pull-ups first: a bus on other pins, without supply or torn off has none.
"""

import sys

import machine


class I2C:
    def __init__(self, scl, sda, *, frequency=100000, timeout=255):
        if scl._name == sda._name:
            raise ValueError("Invalid pins")
        self._pins = (scl, sda)
        for pin in self._pins:
            pin._claim()
        bus_id = machine._board["i2c"][0]
        self._i2c = machine.I2C(bus_id, scl=scl._name, sda=sda._name, freq=frequency)
        self._locked = False
        if not self._i2c._live():
            self.deinit()
            raise RuntimeError("No pull up found on SDA or SCL; check your wiring")

    def try_lock(self):
        if self._locked:
            return False
        self._locked = True
        return True

    def unlock(self):
        self._need_lock()
        self._locked = False

    def scan(self):
        self._need_lock()
        return self._i2c.scan()

    def writeto(self, address, buffer, *, start=0, end=sys.maxsize):
        self._need_lock()
        self._i2c.writeto(address, memoryview(buffer)[start:end])

    def readfrom_into(self, address, buffer, *, start=0, end=sys.maxsize):
        self._need_lock()
        self._i2c.readfrom_into(address, memoryview(buffer)[start:end])

    def writeto_then_readfrom(
        self,
        address,
        out_buffer,
        in_buffer,
        *,
        out_start=0,
        out_end=sys.maxsize,
        in_start=0,
        in_end=sys.maxsize,
    ):
        self._need_lock()
        view = memoryview(in_buffer)[in_start:in_end]
        out = bytes(memoryview(out_buffer)[out_start:out_end])
        view[:] = self._i2c._transfer(address, out, len(view))

    def deinit(self):
        for pin in self._pins:
            pin._release()

    def _need_lock(self):
        if not self._locked:
            raise RuntimeError("Function requires lock")
