# SPDX-License-Identifier: MIT
"""busio.I2C over the bench's model of a bus, for drivers and the firmware's meter on CPython."""

from collections.abc import Callable

from crowdcharge.bench.i2c import Bus

TRANSFER_s = 0.0003


class Busio:
    """`elapse` is told how long each transfer took, in seconds."""

    def __init__(self, bus: Bus, elapse: Callable[[float], None] = lambda _time_s: None) -> None:
        self._bus, self._elapse = bus, elapse

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None:
        pass

    def _transfer(self, address: int, data: bytes | None, count: int) -> bytes:
        self._elapse(TRANSFER_s)
        return self._bus.transfer(address, data, count)

    def writeto(
        self, address: int, buffer: bytes, *, start: int = 0, end: int | None = None
    ) -> None:
        self._transfer(address, bytes(buffer[start:end]), 0)

    def readfrom_into(
        self, address: int, buffer: bytearray, *, start: int = 0, end: int | None = None
    ) -> None:
        buffer[start:end] = self._transfer(address, None, len(buffer[start:end]))

    def writeto_then_readfrom(
        self,
        address: int,
        out: bytes,
        into: bytearray,
        *,
        out_start: int = 0,
        out_end: int | None = None,
        in_start: int = 0,
        in_end: int | None = None,
    ) -> None:
        count = len(into[in_start:in_end])
        into[in_start:in_end] = self._transfer(address, bytes(out[out_start:out_end]), count)
