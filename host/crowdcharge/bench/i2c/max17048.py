# SPDX-License-Identifier: MIT
"""MAX17048 fuel gauge, register by register (Maxim 19-6171). Runs on both VMs.

The state of charge is the plant's own: the chip's estimator (ModelGauge), its error and its
settling after a reset are not modelled, nor are alerts and hibernation.
"""

TYPE_CHECKING = False  # known to type checkers; `typing` is absent on MicroPython
if TYPE_CHECKING:
    from collections.abc import Callable

VCELL, SOC, VERSION, CRATE, STATUS, COMMAND = 0x02, 0x04, 0x08, 0x16, 0x1A, 0xFE
_POWER_ON = {0x06: 0, VERSION: 0x12, 0x0A: 0x8030, 0x0C: 0x971C, 0x14: 0xFF, 0x18: 0x9600}
_RESET_ALERT = 0x0100
_RESET = b"\x54\x00"
_FIRST_READING_us = 17_000
_FIRST_SOC_us = 192_000


class Max17048:
    """The chip; `measure()` gives the true (cell_uV, soc_ppm, rate_permille_per_h).

    The rate is positive while charging. `lost` means no answer: the cell feeds the chip.
    """

    def __init__(
        self,
        measure: "Callable[[], tuple[int, int, int]]",
        now_us: "Callable[[], int]",
        address: int = 0x36,
    ):
        self.address = address
        self.lost = False
        self._measure = measure
        self._now_us = now_us
        self._pointer = 0
        self._reset()

    def _reset(self) -> None:
        self._reset_us = self._now_us()
        self._registers = {STATUS: _RESET_ALERT}
        self._registers.update(_POWER_ON)

    def write(self, data: bytes) -> None:
        if self.lost:
            raise OSError
        if not data:
            return
        self._pointer = data[0]
        if data[0] == COMMAND and data[1:3] == _RESET:
            self._reset()
            raise OSError  # it resets before it can acknowledge
        for offset, byte in enumerate(data[1:]):
            self._store(data[0] + offset, byte)

    def read(self, count: int) -> bytes:
        if self.lost:
            raise OSError
        return bytes([self._byte(self._pointer + offset) for offset in range(count)])

    def _store(self, address: int, byte: int) -> None:
        register, low = address & ~1, address & 1
        if register in (VCELL, SOC, VERSION, CRATE):
            return
        old = self._registers.get(register, 0)
        self._registers[register] = old & 0xFF00 | byte if low else old & 0x00FF | byte << 8

    def _byte(self, address: int) -> int:
        value = self._word(address & ~1)
        return value & 0xFF if address & 1 else value >> 8

    def _word(self, register: int) -> int:
        since_us = self._now_us() - self._reset_us
        cell_uV, soc_ppm, rate_permille_per_h = self._measure()
        if register == VCELL:
            return min(cell_uV * 8 // 625, 0xFFFF) if since_us >= _FIRST_READING_us else 0
        if register == SOC:
            return min(soc_ppm * 256 // 10_000, 0xFFFF) if since_us >= _FIRST_SOC_us else 0
        if register == CRATE:
            return min(max(rate_permille_per_h * 100 // 208, -0x8000), 0x7FFF) & 0xFFFF
        return self._registers.get(register, 0)
