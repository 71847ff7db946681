# SPDX-License-Identifier: MIT
"""INA219 current and power monitor, register by register (TI SBOS448G). Runs on both VMs.

Modelled: configuration with reset bit, PGA clamp, bus range, resolution and averaging with their
conversion times, triggered and continuous modes, CNVR, OVF, calibration with truncation, noise,
and the errors of grade A: gain of the shunt 0.5 %, gain of the bus 1 % (both the limit over
temperature), offset 40 uV at PGA / 8 (typical; the limit is 200 uV). The converter has 12 bits
over the whole range of the PGA, so at 320 mV a step is 80 uV: 0.8 mA on 0.1 Ohm. Its noise is
smaller than such a step, so a steady load may well repeat one value for minutes.
Not modelled: drift of gain and offset, the shunt is sampled at the end of a conversion and not
over it, and shunt and bus are sampled at the same instant; high-speed mode and bus time-out.
"""

TYPE_CHECKING = False  # known to type checkers; `typing` is absent on MicroPython
if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdcharge.bench.i2c.noise import Noise

CONFIG, SHUNT, BUS, POWER, CURRENT, CALIBRATION = range(6)
CONFIG_RESET = 0x399F
_SHUNT_FULL_SCALE = (4_000, 8_000, 16_000, 32_000)  # 10 uV counts by PG
_BUS_FULL_SCALE = (4_000, 8_000)  # 4 mV counts by BRNG
_SINGLE_us = (84, 148, 276, 532)  # by resolution, 9 to 12 bits
_AVERAGED_us = (532, 1_060, 2_130, 4_260, 8_510, 17_020, 34_050, 68_100)
_CNVR, _OVF = 0b10, 0b01
_NOISE_nV = 10_000  # one count rms for a single sample
_SHUNT_GAIN_MAX_ppm = 5_000
_BUS_GAIN_MAX_ppm = 10_000
_OFFSET_MAX_nV = (10_000, 20_000, 30_000, 40_000)  # by PG


class Ina219:
    """The chip; `measure()` gives the true (shunt_uV, bus_mV), `now_us()` the board's time.

    Faults are attributes: `dead` (no answer), `stuck` (conversions repeat the first value),
    `overflow` (OVF set, current and power invalid), `glitch_uV` (added to the shunt voltage of the
    next conversion) and the method `lose_calibration()`. `kind` leaves out the bus gain error and
    the steps of the wide PGA ranges: a chip better than any that is sold, for comparison.
    """

    def __init__(
        self,
        address: int,
        measure: "Callable[[], tuple[int, int]]",
        now_us: "Callable[[], int]",
        noise: "Noise",
        kind: bool = False,
    ):
        self.address = address
        self._measure = measure
        self._now_us = now_us
        self._noise = noise
        self._kind = kind
        self._gain_ppm = noise.symmetric(_SHUNT_GAIN_MAX_ppm)
        self._offset_ppm = noise.symmetric(1_000_000)  # share of the largest offset of each range
        self._bus_gain_ppm = 0 if kind else noise.symmetric(_BUS_GAIN_MAX_ppm)
        self.dead = self.stuck = self.overflow = False
        self.glitch_uV = 0
        self._pointer = CONFIG
        self._ready = False
        self._reset()

    def lose_calibration(self) -> None:
        """Reset all registers, as a dip of the supply does."""
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
        return (bytes((value >> 8, value & 0xFF)) + b"\xff" * count)[:count]

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
        self._registers = [CONFIG_RESET, 0, 0, 0, 0, 0]
        self._overflowed = False
        self._start()

    def _start(self) -> None:
        """Clear CNVR and begin a conversion, as writing a converting mode does."""
        self._started_us = self._now_us()
        self._pending = self._registers[CONFIG] & 3 != 0
        if self._pending:
            self._ready = False

    def _conversion_us(self) -> int:
        config = self._registers[CONFIG]
        shunt_us = _time_us(config >> 3 & 15) if config & 1 else 0
        bus_us = _time_us(config >> 7 & 15) if config & 2 else 0
        return shunt_us + bus_us

    def _convert_if_due(self) -> None:
        if not self._pending:
            return
        elapsed_us, each_us = self._now_us() - self._started_us, self._conversion_us()
        if elapsed_us < each_us:
            return
        if not self.stuck:
            self._convert()
        self._ready = True
        if self._registers[CONFIG] & 4:
            self._started_us += elapsed_us - elapsed_us % each_us
        else:
            self._pending = False

    def _convert(self) -> None:
        config = self._registers[CONFIG]
        shunt_uV, bus_mV = self._measure()
        shunt_uV, self.glitch_uV = shunt_uV + self.glitch_uV, 0
        if config & 1:
            self._registers[SHUNT] = self._shunt_counts(shunt_uV, config) & 0xFFFF
        if config & 2:
            bus_uV = bus_mV * (1_000_000 + self._bus_gain_ppm) // 1000
            counts = _round(bus_uV, 4000 * _step(config >> 7 & 15)) // 4000
            self._registers[BUS] = min(max(counts, 0), _BUS_FULL_SCALE[config >> 13 & 1])
        self._multiply()

    def _shunt_counts(self, shunt_uV: int, config: int) -> int:
        setting, gain = config >> 3 & 15, config >> 11 & 3
        noise_nV = self._noise.gauss(_NOISE_nV) * 100 // _SQRT_SAMPLES_pct[_averages(setting)]
        gained_nV = shunt_uV * (1_000_000 + self._gain_ppm) // 1000
        offset_nV = _OFFSET_MAX_nV[gain] * self._offset_ppm // 1_000_000
        # A mean of 2**n samples may lie between the steps of one.
        widened = 0 if self._kind else gain
        step = max(_step(setting) << widened >> _averages(setting), 1)
        counts = _round(gained_nV + offset_nV + noise_nV, 10_000 * step) // 10_000
        full_scale = _SHUNT_FULL_SCALE[gain]
        return min(max(counts, -full_scale), full_scale)

    def _multiply(self) -> None:
        """Compute current = shunt x calibration / 4096, power = current x bus / 5000; truncate."""
        product = _signed(self._registers[SHUNT]) * self._registers[CALIBRATION]
        current = product // 4096 if product >= 0 else -(-product // 4096)
        power = abs(current) * self._registers[BUS] // 5000
        self._overflowed = not -0x8000 <= current <= 0x7FFF or power > 0xFFFF
        self._registers[CURRENT] = current & 0xFFFF
        self._registers[POWER] = power & 0xFFFF

    def _value(self, register: int) -> int:
        if register == BUS:
            flags = _CNVR * self._ready | _OVF * (self.overflow or self._overflowed)
            return self._registers[BUS] << 3 | flags
        if self.overflow and register in (POWER, CURRENT):
            return 0x7FFF
        return self._registers[register] if register <= CALIBRATION else 0


_SQRT_SAMPLES_pct = (100, 141, 200, 283, 400, 566, 800, 1131)


def _signed(value: int) -> int:
    return value - 0x10000 if value & 0x8000 else value


def _round(value: int, step: int) -> int:
    """Round to the nearest multiple of `step`."""
    return (value + step // 2) // step * step


def _averages(setting: int) -> int:
    """Binary logarithm of how many samples are averaged."""
    return setting & 7 if setting & 8 else 0


def _time_us(setting: int) -> int:
    return _AVERAGED_us[setting & 7] if setting & 8 else _SINGLE_us[setting & 3]


def _step(setting: int) -> int:
    """Return the resolution in counts: 1 at 12 bits, 8 at 9 bits."""
    return 1 if setting & 8 else 1 << (3 - (setting & 3))
