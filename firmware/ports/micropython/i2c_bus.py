# SPDX-License-Identifier: MIT
"""machine.I2C in the shape of busio.I2C, so that CircuitPython drivers run here unmodified."""


class I2CBus:
    def __init__(self, i2c):
        self._i2c = i2c

    def try_lock(self) -> bool:
        """Return True: nothing else uses this bus, and a lock that an exception left behind would
        keep every later call waiting.
        """
        return True

    def unlock(self) -> None:
        """Do nothing, as there is no lock."""

    def scan(self):
        return self._i2c.scan()

    def writeto(self, address: int, buffer, *, start: int = 0, end=None) -> None:
        self._i2c.writeto(address, memoryview(buffer)[start:end])

    def readfrom_into(self, address: int, buffer, *, start: int = 0, end=None) -> None:
        self._i2c.readfrom_into(address, memoryview(buffer)[start:end])

    def writeto_then_readfrom(
        self, address, out_buffer, in_buffer, *, out_start=0, out_end=None, in_start=0, in_end=None
    ) -> None:
        """Write a register's number and read it in one transfer, without a stop between.

        `writeto(..., stop=False)` would not do: the driver of ESP-IDF 5.5 ignores it.
        """
        register = bytes(memoryview(out_buffer)[out_start:out_end])
        self._i2c.readfrom_mem_into(
            address,
            int.from_bytes(register, "big"),
            memoryview(in_buffer)[in_start:in_end],
            addrsize=8 * len(register),
        )
