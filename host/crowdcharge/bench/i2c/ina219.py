# SPDX-License-Identifier: MIT
"""INA219 current and power monitor, register by register (TI SBOS448G).

Modelled: configuration with reset bit, PGA clamp, bus range, resolution and averaging with their
conversion times, triggered and continuous modes, CNVR, OVF, calibration with truncation, offset,
gain error and noise. Not modelled: the shunt is sampled at the end of a conversion and not over
it, shunt and bus at the same instant; high-speed mode and bus time-out.
"""

import random
from collections.abc import Callable

CONFIG, SHUNT, BUS, POWER, CURRENT, CALIBRATION = range(6)
CONFIG_RESET = 0x399F
_SHUNT_FULL_SCALE = (4_000, 8_000, 16_000, 32_000)  # 10 uV counts by PG
_BUS_FULL_SCALE = (4_000, 8_000)  # 4 mV counts by BRNG
_CONVERSION_us = {0: 84, 1: 148, 2: 276, 3: 532, 8: 532, 9: 1_060, 10: 2_130, 11: 4_260}
_CONVERSION_us |= {12: 8_510, 13: 17_020, 14: 34_050, 15: 68_100}
_CNVR, _OVF = 0b10, 0b01
_NOISE_uV = 10.0  # one count rms for a single sample


class Ina219:
    """`measure()` gives the truth (shunt_V, bus_V); `now_s()` is bench time.

    Faults are attributes: `dead` (no answer), `stuck` (conversions repeat the first value),
    `overflow` (OVF set, current and power void), `glitch_V` (added to the shunt voltage of the
    next conversion) and the method `lose_calibration()`.
    """

    def __init__(
        self,
        address: int,
        measure: Callable[[], tuple[float, float]],
        now_s: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.address = address
        self._measure = measure
        self._now_s = now_s
        self._rng = rng
        self._gain = 1.0 + rng.uniform(-0.003, 0.003)  # grade B: +-0.3 %
        self._offset_uV = rng.uniform(-10.0, 10.0)
        self.dead = self.stuck = self.overflow = False
        self.glitch_V = 0.0
        self._registers = [CONFIG_RESET, 0, 0, 0, 0, 0]
        self._pointer = CONFIG
        self._reset()

    def lose_calibration(self) -> None:
        """What a dip of the supply does: registers as after power-on."""
        self._reset()

    def write(self, data: bytes) -> None:
        if self.dead:
            raise OSError
        if not data:
            return
        self._pointer = data[0]
        if len(data) >= 3:
            self._store(data[0], data[1] << 8 | data[2])

    def read(self, count: int) -> bytes:
        if self.dead:
            raise OSError
        self._convert_if_due()
        value = self._value(self._pointer)
        if self._pointer == POWER:
            self._ready = False
        return value.to_bytes(2, "big")[:count].ljust(count, b"\xff")

    def _store(self, register: int, value: int) -> None:
        if register == CONFIG and value & 0x8000:
            self._reset()
        elif register == CONFIG:
            self._convert_if_due()
            self._registers[CONFIG] = value
            self._start()
        elif register == CALIBRATION:
            self._registers[CALIBRATION] = value & 0xFFFE

    def _reset(self) -> None:
        self._registers[:] = [CONFIG_RESET, 0, 0, 0, 0, 0]
        self._overflowed = False
        self._start()

    def _start(self) -> None:
        """Writing a converting mode clears CNVR and begins a conversion."""
        self._started_s = self._now_s()
        self._pending = self._mode not in {0, 4}
        if self._pending:
            self._ready = False

    @property
    def _mode(self) -> int:
        return self._registers[CONFIG] & 7

    @property
    def _conversion_s(self) -> float:
        config = self._registers[CONFIG]
        shunt_us = _time_us(config >> 3 & 15) if config & 1 else 0
        bus_us = _time_us(config >> 7 & 15) if config & 2 else 0
        return (shunt_us + bus_us) * 1e-6

    def _convert_if_due(self) -> None:
        if not self._pending:
            return
        elapsed_s = self._now_s() - self._started_s
        if elapsed_s < self._conversion_s:
            return
        self._convert()
        self._ready = True
        if self._mode & 4:
            self._started_s += elapsed_s - elapsed_s % self._conversion_s
        else:
            self._pending = False

    def _convert(self) -> None:
        if self.stuck:
            return
        config = self._registers[CONFIG]
        shunt_V, bus_V = self._measure()
        shunt_V, self.glitch_V = shunt_V + self.glitch_V, 0.0
        if config & 1:
            self._registers[SHUNT] = self._shunt_counts(shunt_V, config) & 0xFFFF
        if config & 2:
            full_scale = _BUS_FULL_SCALE[config >> 13 & 1]
            step = _step(config >> 7 & 15)
            counts = round(bus_V * 250 / step) * step
            self._registers[BUS] = min(max(counts, 0), full_scale)
        self._multiply()

    def _shunt_counts(self, shunt_V: float, config: int) -> int:
        setting = config >> 3 & 15
        noise_uV = self._rng.gauss(0.0, _NOISE_uV / _samples(setting) ** 0.5)
        counts = (shunt_V * 1e6 * self._gain + self._offset_uV + noise_uV) / 10
        step = _step(setting)
        full_scale = _SHUNT_FULL_SCALE[config >> 11 & 3]
        return min(max(round(counts / step) * step, -full_scale), full_scale)

    def _multiply(self) -> None:
        """Current = shunt x calibration / 4096; power = current x bus / 5000; both truncated."""
        current = _trunc(_signed(self._registers[SHUNT]) * self._registers[CALIBRATION], 4096)
        power = abs(current) * self._registers[BUS] // 5000
        self._overflowed = not -0x8000 <= current <= 0x7FFF or power > 0xFFFF
        self._registers[CURRENT] = current & 0xFFFF
        self._registers[POWER] = power & 0xFFFF

    def _value(self, register: int) -> int:
        if register == BUS:
            flags = _CNVR * self._ready | _OVF * (self.overflow or self._overflowed)
            return self._registers[BUS] << 3 | flags
        if self.overflow and register in {POWER, CURRENT}:
            return 0x7FFF
        return self._registers[register] if register <= CALIBRATION else 0


def _signed(value: int) -> int:
    return value - 0x10000 if value & 0x8000 else value


def _trunc(value: int, divisor: int) -> int:
    return value // divisor if value >= 0 else -(-value // divisor)


def _time_us(setting: int) -> int:
    return _CONVERSION_us[setting if setting & 8 else setting & 3]


def _samples(setting: int) -> int:
    return 1 << (setting & 7) if setting & 8 else 1


def _step(setting: int) -> int:
    """Counts of one step: 1 at 12 bits, 8 at 9 bits."""
    return 1 if setting & 8 else 1 << (3 - (setting & 3))
