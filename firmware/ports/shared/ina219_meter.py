# SPDX-License-Identifier: MIT
"""One INA219: a triggered conversion of bus and shunt, read back as integers.

The raw registers of one conversion are used, not the driver's float properties: these read bus
and shunt apart, so their product is not one sample.
"""

from adafruit_ina219 import INA219, ADCResolution, BusVoltageRange, Gain, Mode

from wptcore import calibration, ept
from wptcore.compat import const

_POLLS_MAX = const(50)  # 12-bit bus and shunt take 1.2 ms (data sheet, table 5)
_CALIBRATION = const(4096)  # not used for the sums; it is zero after a brown-out of the chip

# At PGA / 8 the chip resolves 80 uV, more than its noise, so a steady load repeats one value. The
# range of 40 mV has steps of 10 uV and another offset: there a live chip reads another value, or
# clamps. Only a chip that repeats its value through twenty such probes is stuck.
_SAME_MAX = const(50)
_PROBES_MAX = const(20)
_FLOWING_uV = const(1000)  # without current all ranges may read zero


class PowerMeter:
    """`sample()` sets bus_mV, shunt_uV and current_mA and returns NONE or an EPT code.

    `current` and `bus_voltage` are the corrections that `crowdcharge calibrate` found, as
    (gain_ppm, offset in uA or uV). Raises OSError when the chip does not answer.
    """

    def __init__(self, bus, address: int, shunt_uOhm: int, current=(0, 0), bus_voltage=(0, 0)):
        self._chip = INA219(bus, address)
        self._shunt_uOhm = shunt_uOhm
        self._current = current
        self._bus_voltage = bus_voltage
        self._configure()
        self.bus_mV = 0
        self.raw_bus_mV = 0
        self.shunt_uV = 0
        self.current_mA = 0
        self._raw = (0, 0)
        self._same = 0
        self._probes = 0

    def _configure(self) -> None:
        chip = self._chip
        chip.bus_voltage_range = BusVoltageRange.RANGE_16V
        chip.gain = Gain.DIV_8_320MV
        chip.bus_adc_resolution = ADCResolution.ADCRES_12BIT_1S
        chip.shunt_adc_resolution = ADCResolution.ADCRES_12BIT_1S
        chip.calibration = _CALIBRATION

    def rest(self) -> None:
        """Let the chip draw 6 uA in place of 0.7 mA, until it is set up anew (data sheet, 6.5)."""
        self._chip.mode = Mode.POWERDOWN

    def sample(self) -> int:
        chip = self._chip
        raw = self._convert()
        if chip._raw_calibration != _CALIBRATION:  # `calibration` is what the driver remembers
            self._configure()
            return ept.METER_CALIBRATION
        overflow = chip.overflow
        self._same = self._same + 1 if raw == self._raw else 0
        self._raw = raw
        self.raw_bus_mV = raw[0] * 4
        self.bus_mV = calibration.corrected_mA(self.raw_bus_mV * 1000, *self._bus_voltage)
        self.shunt_uV = raw[1] * 10
        self.current_mA = calibration.corrected_mA(
            calibration.current_uA(self.shunt_uV, self._shunt_uOhm), *self._current
        )
        if self._is_stuck(raw):
            return ept.METER_STUCK
        return ept.METER_OVERFLOW if overflow else ept.NONE

    def _convert(self) -> tuple:
        """One conversion's raw bus and shunt registers."""
        chip = self._chip
        chip.mode = Mode.SANDBVOLT_TRIGGERED
        polls = 0
        while not chip.conversion_ready:
            polls += 1
            if polls > _POLLS_MAX:
                raise OSError("INA219 does not convert")
        return chip.raw_bus_voltage, chip.raw_shunt_voltage

    def _is_stuck(self, raw: tuple) -> bool:
        if self._same < _SAME_MAX or abs(self.shunt_uV) <= _FLOWING_uV:
            self._probes = 0
            return False
        self._chip.gain = Gain.DIV_1_40MV
        same = self._convert() == raw
        self._chip.gain = Gain.DIV_8_320MV
        self._probes = min(self._probes + 1, _PROBES_MAX) if same else 0
        return self._probes == _PROBES_MAX
