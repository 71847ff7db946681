# SPDX-License-Identifier: MIT
"""MAX17048 fuel gauge, register by register (Maxim 19-6171). It lives on the cell, in the hub.

Modelled: registers, reset with its missing acknowledge, 17 ms without a voltage and 192 ms
without a charge after it, the reset indicator, quick start. After a reset or a quick start the
charge is a guess from the voltage of that moment, so it is wrong by what load and relaxation do to
the voltage. That error fades; the time constant of half an hour is our choice. Under load the
charge reads low by 1 % per ampere (our choice).
Not modelled: alerts, hibernation, an unfitting cell model, temperature (RCOMP), the debouncing of
the first voltage.
"""

from collections.abc import Callable
from dataclasses import dataclass
from errno import EIO
from math import exp

from crowdcharge.bench.physics.battery import soc_at

VCELL, SOC, MODE, VERSION, CRATE, STATUS, COMMAND = 0x02, 0x04, 0x06, 0x08, 0x16, 0x1A, 0xFE
_POWER_ON = {MODE: 0, VERSION: 0x12, 0x0A: 0x8030, 0x0C: 0x971C, 0x14: 0xFF, 0x18: 0x9600}
_RESET_INDICATOR = 0x0100
_QUICK_START = 0x4000
_RESET = b"\x54\x00"
_FIRST_READING_us = 17_000
_FIRST_SOC_us = 192_000
_FADE_us = 1_800_000_000
_LOAD_PER_A = 0.01


@dataclass(frozen=True, slots=True)
class CellTruth:
    """What the chip sits on: terminal voltage, true charge 0..1, its rate, discharge current."""

    voltage_V: float
    soc: float
    rate_per_h: float  # share of the capacity, positive while charging
    current_A: float  # positive leaves the cell


class Max17048:
    """The chip; `measure()` gives the truth, `now_us()` the bench's time.

    It starts as on a cell that was fitted long ago: settled, the reset indicator cleared. `lost`
    means no answer. `kind` leaves out the errors of guess and load, for comparison.
    """

    def __init__(
        self,
        measure: Callable[[], CellTruth],
        now_us: Callable[[], int],
        address: int = 0x36,
        kind: bool = False,
    ) -> None:
        self.address = address
        self.lost = False
        self._frozen: bytes | None = None
        self._measure = measure
        self._now_us = now_us
        self._kind = kind
        self._pointer = 0
        self._registers = dict(_POWER_ON)
        self._error = 0.0  # of the guess, share of the capacity
        self._guessed_us = -_FADE_us

    def cell_fitted(self) -> None:
        """Start anew on another cell, or after a command: a guess at this moment's voltage."""
        self._registers = {STATUS: _RESET_INDICATOR, **_POWER_ON}
        self._guess()

    def freeze(self, on: bool) -> None:
        """Let voltage and charge read for ever as they read now."""
        self._frozen = None
        self._frozen = bytes(self._byte(register) for register in range(SOC + 2)) if on else None

    def write(self, data: bytes) -> None:
        if self.lost:
            raise OSError
        if not data:
            return
        self._pointer = data[0]
        if data[0] == COMMAND and data[1:3] == _RESET:
            self.cell_fitted()
            raise OSError(EIO, "it resets before it can acknowledge")
        for offset, byte in enumerate(data[1:]):
            self._store(data[0] + offset, byte)

    def read(self, count: int) -> bytes:
        if self.lost:
            raise OSError
        return bytes([self._byte(self._pointer + offset) for offset in range(count)])

    def _guess(self) -> None:
        truth = self._measure()
        self._guessed_us = self._now_us()
        self._error = 0.0 if self._kind else soc_at(truth.voltage_V) - truth.soc

    def _store(self, address: int, byte: int) -> None:
        register, low = address & ~1, address & 1
        if register in (VCELL, SOC, VERSION, CRATE):
            return
        old = self._registers.get(register, 0)
        word = old & 0xFF00 | byte if low else old & 0x00FF | byte << 8
        if register == MODE and word & _QUICK_START:
            self._guess()
            word &= ~_QUICK_START  # it clears itself
        self._registers[register] = word

    def _byte(self, address: int) -> int:
        if self._frozen and VCELL <= address < len(self._frozen):
            return self._frozen[address]
        value = self._word(address & ~1)
        return value & 0xFF if address & 1 else value >> 8

    def _word(self, register: int) -> int:
        since_us = self._now_us() - self._guessed_us
        truth = self._measure()
        if register == VCELL:
            counts = round(truth.voltage_V * 1e6 / 78.125)
            return min(counts, 0xFFFF) if since_us >= _FIRST_READING_us else 0
        if register == SOC:
            return self._soc_counts(truth, since_us) if since_us >= _FIRST_SOC_us else 0
        if register == CRATE:
            return min(max(round(truth.rate_per_h * 100 / 0.208), -0x8000), 0x7FFF) & 0xFFFF
        return self._registers.get(register, 0)

    def _soc_counts(self, truth: CellTruth, since_us: int) -> int:
        soc = truth.soc + self._error * exp(-since_us / _FADE_us)
        if not self._kind:
            soc -= _LOAD_PER_A * max(truth.current_A, 0.0)
        return min(max(round(soc * 25_600), 0), 0xFFFF)
