# SPDX-License-Identifier: MIT
"""One INA219: a triggered conversion of bus and shunt, read back as integers.

The raw registers of one conversion are used, not the driver's float properties: these read bus
and shunt apart, so their product is not one sample.
"""

from adafruit_ina219 import INA219, ADCResolution, BusVoltageRange, Gain, Mode

from wptcore import calibration, ept

_POLLS_MAX = 50  # 12-bit bus and shunt take 1.2 ms (data sheet, table 5)
_SAME_MAX = 50  # conversions of a live chip differ in their last bits
_FLOWING_uV = 1000  # below it, conversions of a live chip may be equal
_CALIBRATION = 4096  # any mark will do: it reads as zero after a brown-out of the chip


class PowerMeter:
    """`sample()` sets bus_mV, shunt_uV and current_mA and returns NONE or an EPT code.

    `gain_ppm` and `offset_uA` correct the current, as `crowdcharge calibrate` found them. Raises
    OSError when the chip does not answer.
    """

    def __init__(self, bus, address: int, shunt_uOhm: int, gain_ppm: int = 0, offset_uA: int = 0):
        self._chip = INA219(bus, address)
        self._shunt_uOhm = shunt_uOhm
        self._gain_ppm = gain_ppm
        self._offset_uA = offset_uA
        self._configure()
        self.bus_mV = 0
        self.shunt_uV = 0
        self.current_mA = 0
        self._raw = (0, 0)
        self._same = 0

    def _configure(self) -> None:
        chip = self._chip
        chip.bus_voltage_range = BusVoltageRange.RANGE_16V
        chip.gain = Gain.DIV_8_320MV
        chip.bus_adc_resolution = ADCResolution.ADCRES_12BIT_1S
        chip.shunt_adc_resolution = ADCResolution.ADCRES_12BIT_1S
        chip.calibration = _CALIBRATION

    def sample(self) -> int:
        chip = self._chip
        chip.mode = Mode.SANDBVOLT_TRIGGERED
        polls = 0
        while not chip.conversion_ready:
            polls += 1
            if polls > _POLLS_MAX:
                raise OSError("INA219 does not convert")
        if chip._raw_calibration != _CALIBRATION:  # `calibration` is only what the driver wrote
            self._configure()
            return ept.METER_CALIBRATION
        raw = (chip.raw_bus_voltage, chip.raw_shunt_voltage)
        self._same = self._same + 1 if raw == self._raw else 0
        self._raw = raw
        self.bus_mV = raw[0] * 4
        self.shunt_uV = raw[1] * 10
        self.current_mA = calibration.corrected_mA(
            calibration.current_uA(self.shunt_uV, self._shunt_uOhm),
            self._gain_ppm,
            self._offset_uA,
        )
        if self._same >= _SAME_MAX and abs(self.shunt_uV) > _FLOWING_uV:
            return ept.METER_STUCK
        return ept.METER_OVERFLOW if chip.overflow else ept.NONE
