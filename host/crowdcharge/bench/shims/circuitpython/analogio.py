# SPDX-License-Identifier: MIT
"""CircuitPython's `analogio.AnalogIn`. An ESP32's reads whole millivolts, at its widest range and
corrected by the factory's calibration.
"""

import machine

_CALIBRATED = hasattr(machine.ADC, "read_uv")


class AnalogIn:
    def __init__(self, pin):
        self._adc = machine.ADC(pin._name)  # ValueError where the pin is no ADC's
        if _CALIBRATED:
            self._adc.atten(machine.ADC.ATTN_11DB)
        pin._claim()
        self._pin = pin
        self.reference_voltage = 3.3

    @property
    def value(self):
        if _CALIBRATED:
            return self._adc.read_uv() // 1000 * 65535 // 3300
        return self._adc.read_u16()

    def deinit(self):
        self._pin._release()
