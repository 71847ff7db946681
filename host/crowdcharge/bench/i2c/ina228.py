# SPDX-License-Identifier: MIT
"""INA228 current and power monitor, register by register (TI SLYS021A). Runs on both VMs.

Modelled: configuration with reset bit, both shunt ranges with their clamps, conversion times and
averaging, triggered and continuous modes, shutdown, current and power from the shunt calibration,
MATHOF, MEMSTAT, identity, and CNVRF. With the alert latch set, a read of the flags or a new
trigger clears CNVRF; without it the data sheet names nothing that does, and here nothing does. The
errors are the limits of section 6.5: gain of shunt and bus 0.05 %, offset of the shunt 1 uV, of
the bus 2.5 mV. The noise of the shunt is that of table 8-2 (noise-free bits; 6.6 sigma from peak
to peak); that of the bus, which the data sheet does not give, is taken as as many steps.
Not modelled: energy, charge, alert limits (their registers keep what is written), drift, the
temperature (25 C); shunt and bus are sampled at the same instant, at the end of a conversion.
"""

TYPE_CHECKING = False  # known to type checkers; `typing` is absent on MicroPython
if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdcharge.bench.i2c.noise import Noise

CONFIG, ADC_CONFIG, SHUNT_CAL = 0x00, 0x01, 0x02
SHUNT, BUS, TEMPERATURE, CURRENT, POWER = 0x04, 0x05, 0x06, 0x07, 0x08
DIAG_ALRT, MANUFACTURER_ID, DEVICE_ID = 0x0B, 0x3E, 0x3F
_RESET = {
    CONFIG: 0,
    ADC_CONFIG: 0xFB68,
    SHUNT_CAL: 0x1000,
    0x03: 0,
    DIAG_ALRT: 0x0001,
    0x0C: 0x7FFF,
    0x0D: 0x8000,
    0x0E: 0x7FFF,
    0x0F: 0,
    0x10: 0x7FFF,
    0x11: 0xFFFF,
}
_SIZES = {SHUNT: 3, BUS: 3, CURRENT: 3, POWER: 3, 0x09: 5, 0x0A: 5}
_25_C = 3200  # 7.8125 mC
_FULL_SCALE = 0x7FFFF
_SHUNT_STEP_pV = (312_500, 78_125)  # by ADCRANGE
_TIMES_us = (50, 84, 150, 280, 540, 1052, 2074, 4120)
_NOISE_nV = (9_186, 7_997, 4_923, 3_481, 2_638, 2_143, 1_231, 758)  # by conversion time
_SQRT_SAMPLES_pct = (100, 200, 400, 800, 1131, 1600, 2263, 3200)
_SAMPLES = (1, 4, 16, 64, 128, 256, 512, 1024)
_MATHOF, _CNVRF, _MEMSTAT = 0x0200, 0x0002, 0x0001
_ALATCH, _DIAG_WRITABLE = 0x8000, 0xF000
_GAIN_MAX_ppm = 500
_SHUNT_OFFSET_MAX_nV = 1_000
_BUS_OFFSET_MAX_uV = 2_500


class Ina228:
    """The chip; `measure()` gives the true (shunt_uV, bus_mV), `now_us()` the board's time.

    Faults are attributes: `dead` (no answer), `stuck` (conversions repeat the first value),
    `overflow` (MATHOF set), `glitch_uV` (added to the shunt voltage of the next conversion),
    `damaged` (MEMSTAT clear) and the method `lose_calibration()`. `kind` leaves out the errors of
    the bus voltage.
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
        self._gain_ppm = noise.symmetric(_GAIN_MAX_ppm)
        self._offset_nV = noise.symmetric(_SHUNT_OFFSET_MAX_nV)
        self._bus_gain_ppm = 0 if kind else noise.symmetric(_GAIN_MAX_ppm)
        self._bus_offset_uV = 0 if kind else noise.symmetric(_BUS_OFFSET_MAX_uV)
        self.dead = self.stuck = self.overflow = self.damaged = False
        self.glitch_uV = 0
        self._pointer = CONFIG
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
        size = _SIZES.get(self._pointer, 2)
        value = self._value(self._pointer)
        if self._pointer == DIAG_ALRT and value & _ALATCH:
            self._ready = False
        return (value.to_bytes(size, "big") + b"\xff" * count)[:count]

    def _store(self, register: int, value: int) -> None:
        self._convert_if_due()
        if register == CONFIG and value & 0x8000:
            self._reset()
        elif register == DIAG_ALRT:
            self._registers[DIAG_ALRT] = value & _DIAG_WRITABLE
            if value & _ALATCH:
                self._ready = False
        elif register in _RESET:
            self._registers[register] = value & 0x7FFF if register == SHUNT_CAL else value
            if register == ADC_CONFIG:
                self._start()

    def _reset(self) -> None:
        self._registers = dict(_RESET)
        self._shunt = self._bus = self._current = 0
        self._power = 0
        self._overflowed = self._ready = False
        self._start()

    def _start(self) -> None:
        self._started_us = self._now_us()
        self._pending = self._mode & 7 != 0
        if self._pending and self._mode < 8:
            self._overflowed = False
            if self._registers[DIAG_ALRT] & _ALATCH:
                self._ready = False

    @property
    def _mode(self) -> int:
        """Bits: 1 the bus, 2 the shunt, 4 the temperature, 8 again and again."""
        return self._registers[ADC_CONFIG] >> 12

    def _conversion_us(self) -> int:
        config = self._registers[ADC_CONFIG]
        each_us = 0
        for bit, shift in ((1, 9), (2, 6), (4, 3)):
            if self._mode & bit:
                each_us += _TIMES_us[config >> shift & 7]
        return each_us * _SAMPLES[config & 7]

    def _convert_if_due(self) -> None:
        if not self._pending:
            return
        elapsed_us, each_us = self._now_us() - self._started_us, self._conversion_us()
        if elapsed_us < each_us:
            return
        if not self.stuck:
            self._convert()
        self._ready = True
        if self._mode & 8:
            self._started_us += elapsed_us - elapsed_us % each_us
        else:
            self._pending = False

    def _convert(self) -> None:
        shunt_uV, bus_mV = self._measure()
        shunt_uV, self.glitch_uV = shunt_uV + self.glitch_uV, 0
        config = self._registers[ADC_CONFIG]
        if self._mode & 2:
            nV = shunt_uV * (1_000_000 + self._gain_ppm) // 1000 + self._offset_nV
            nV += self._noise_nV(config >> 6 & 7)
            step_pV = _SHUNT_STEP_pV[self._registers[CONFIG] >> 4 & 1]
            self._shunt = _clamp(_divide(nV * 1000, step_pV), -_FULL_SCALE - 1)
        if self._mode & 1:
            uV = bus_mV * (1_000_000 + self._bus_gain_ppm) // 1000 + self._bus_offset_uV
            uV += self._noise_nV(config >> 9 & 7) * 5 // 8  # as many steps as of the shunt
            self._bus = _clamp(_divide(uV * 16, 3125), 0)
        self._multiply()

    def _noise_nV(self, conversion_time: int) -> int:
        samples = self._registers[ADC_CONFIG] & 7
        return self._noise.gauss(_NOISE_nV[conversion_time]) * 100 // _SQRT_SAMPLES_pct[samples]

    def _multiply(self) -> None:
        """Compute current = shunt x 4096 / calibration, power = current x bus / 16384.

        That is section 8.1.2 (calibration = 13107.2e6 x current step x shunt, power step = 3.2 x
        current step) with the steps of both converters put in.
        """
        calibration = self._registers[SHUNT_CAL]
        current = _divide(self._shunt * 4096, calibration) if calibration else 0
        self._overflowed = not -_FULL_SCALE - 1 <= current <= _FULL_SCALE
        self._current = _clamp(current, -_FULL_SCALE - 1)
        self._power = abs(self._current) * self._bus // 16384

    def _value(self, register: int) -> int:
        if register in (SHUNT, BUS, CURRENT):
            value = {SHUNT: self._shunt, BUS: self._bus, CURRENT: self._current}[register]
            return (value & 0xFFFFF) << 4
        if register == DIAG_ALRT:
            flags = _CNVRF * self._ready | _MATHOF * (self.overflow or self._overflowed)
            return (
                self._registers[DIAG_ALRT] & _DIAG_WRITABLE | flags | _MEMSTAT * (not self.damaged)
            )
        fixed = {
            TEMPERATURE: _25_C,
            POWER: self._power,
            MANUFACTURER_ID: 0x5449,
            DEVICE_ID: 0x2281,
        }
        return fixed[register] if register in fixed else self._registers.get(register, 0)


def _clamp(value: int, least: int) -> int:
    return min(max(value, least), _FULL_SCALE)


def _divide(value: int, by: int) -> int:
    """Divide and round to the nearest."""
    return (value + by // 2) // by
