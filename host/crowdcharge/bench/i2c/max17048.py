# SPDX-License-Identifier: MIT
"""MAX17048 fuel gauge, register by register (Maxim 19-6171).

The state of charge is the plant's own: the chip's estimator (ModelGauge), its error and its
settling after a reset are not modelled, nor are alerts and hibernation.
"""

from collections.abc import Callable
from dataclasses import dataclass

VCELL, SOC, VERSION, CRATE, STATUS, COMMAND = 0x02, 0x04, 0x08, 0x16, 0x1A, 0xFE
_POWER_ON = {0x06: 0x0000, VERSION: 0x0012, 0x0A: 0x8030, 0x0C: 0x971C, 0x14: 0x00FF}
_POWER_ON |= {0x18: 0x9600, STATUS: 0x0100}
_RESET = 0x5400
_FIRST_READING_s = 0.017
_FIRST_SOC_s = 0.192


@dataclass(frozen=True, slots=True)
class Reading:
    """What the gauge sees: `soc` 0..1, `rate_per_h` in 1/h, > 0 while charging."""

    cell_V: float
    soc: float
    rate_per_h: float


class Max17048:
    """`measure()` gives the truth. `lost` = no answer: the chip is fed by the cell it measures."""

    def __init__(
        self,
        measure: Callable[[], Reading],
        now_s: Callable[[], float],
        address: int = 0x36,
    ) -> None:
        self.address = address
        self.lost = False
        self._measure = measure
        self._now_s = now_s
        self._pointer = 0
        self._reset_s = now_s()
        self._registers = dict(_POWER_ON)

    def write(self, data: bytes) -> None:
        if self.lost:
            raise OSError
        if not data:
            return
        self._pointer = data[0]
        if data[0] == COMMAND and data[1:3] == _RESET.to_bytes(2, "big"):
            self._registers = dict(_POWER_ON)
            self._reset_s = self._now_s()
            raise OSError  # it resets before it can acknowledge
        for offset, byte in enumerate(data[1:]):
            self._store(data[0] + offset, byte)

    def read(self, count: int) -> bytes:
        if self.lost:
            raise OSError
        return bytes(self._byte(self._pointer + offset) for offset in range(count))

    def _store(self, address: int, byte: int) -> None:
        register, low = address & ~1, address & 1
        if register in {VCELL, SOC, VERSION, CRATE}:
            return
        old = self._registers.get(register, 0)
        self._registers[register] = old & 0xFF00 | byte if low else old & 0x00FF | byte << 8

    def _byte(self, address: int) -> int:
        value = self._word(address & ~1)
        return value & 0xFF if address & 1 else value >> 8

    def _word(self, register: int) -> int:
        since_s = self._now_s() - self._reset_s
        if register == VCELL:
            cell_V = self._measure().cell_V if since_s >= _FIRST_READING_s else 0.0
            return min(round(cell_V / 78.125e-6), 0xFFFF)
        if register == SOC:
            soc = self._measure().soc if since_s >= _FIRST_SOC_s else 0.0
            return min(round(soc * 100 * 256), 0xFFFF)
        if register == CRATE:
            counts = round(self._measure().rate_per_h * 100 / 0.208)
            return min(max(counts, -0x8000), 0x7FFF) & 0xFFFF
        return self._registers.get(register, 0)
