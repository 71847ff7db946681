# SPDX-License-Identifier: MIT
"""CircuitPython's `analogio.AnalogIn`."""

import machine


class AnalogIn:
    def __init__(self, pin):
        self._adc = machine.ADC(pin._name)  # ValueError where the pin is no ADC's
        pin._claim()
        self._pin = pin
        self.reference_voltage = 3.3

    @property
    def value(self):
        return self._adc.read_u16()

    def deinit(self):
        self._pin._release()
