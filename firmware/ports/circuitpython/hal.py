# SPDX-License-Identifier: MIT
"""The board's silicon through CircuitPython's modules: thermistors, bus, watchdog, reset.

A pin of -1 is not fitted; the others are names of the `board` module.
"""

import time

import analogio
import board
import busio
import digitalio
import microcontroller
from watchdog import WatchDogMode

from board_hal import BoardHal
from power_pins import output
from sha import sha256
from wptcore import persistence

_LAST_WORDS_s = 0.1  # what was printed needs this long to leave over USB
_BOOT_CAUSES = {
    microcontroller.ResetReason.POWER_ON: persistence.POWER_ON,
    microcontroller.ResetReason.RESET_PIN: persistence.POWER_ON,
    microcontroller.ResetReason.WATCHDOG: persistence.WATCHDOG,
    microcontroller.ResetReason.BROWNOUT: persistence.BROWNOUT,
}


class Hal(BoardHal):
    """`pins`: the generated board module; `identity`: as memory.load_identity returns it;
    `power`: power_pins.PowerPins.
    """

    compiles = True

    def __init__(self, pins, identity: dict, power):
        super().__init__(pins, identity, power, sha256)

    def connect(self) -> None:
        pins = self._pins
        self._bus_power = output(pins.I2C_POWER_PIN, True)
        self._cable = _input(pins.CABLE_SENSE_PIN)
        self._button = _button(getattr(pins, "BUTTON_PIN", -1))
        self._lamp = output(getattr(pins, "LED_PIN", -1), False)
        self._coil_ntc = _adc(pins.COIL_NTC_PIN)
        self._battery_ntc = _adc(pins.BATTERY_NTC_PIN)
        self.bus = busio.I2C(_pin(pins.I2C_SCL), _pin(pins.I2C_SDA), frequency=pins.I2C_FREQ_Hz)

    def reported_cause(self) -> int:
        """After safe mode the chip says SOFTWARE, which counts as a failure."""
        return _BOOT_CAUSES.get(microcontroller.cpu.reset_reason, persistence.OTHER)

    def button_is_down(self) -> bool:
        return self._button is not None and not self._button.value

    def set_lamp(self, lit: bool) -> None:
        if self._lamp is not None:
            self._lamp.value = lit

    def coil_dC(self) -> int:
        return self.temperature_dC(_reading_uV(self._coil_ntc))

    def battery_dC(self) -> int:
        return self.temperature_dC(_reading_uV(self._battery_ntc))

    def on_cable(self) -> bool:
        return self._cable is not None and self._cable.value

    def arm_watchdog(self) -> None:
        timer = microcontroller.watchdog
        if timer.mode != WatchDogMode.RESET:  # an nRF52840's outlasts a soft reload, as it is
            timer.timeout = self._pins.WATCHDOG_ms / 1000
            timer.mode = WatchDogMode.RESET

    def feed_watchdog(self) -> None:
        if self.watched:
            microcontroller.watchdog.feed()

    def restart(self) -> None:
        time.sleep(_LAST_WORDS_s)
        microcontroller.reset()


def _pin(name):
    return getattr(board, name)


def _input(name):
    return None if name == -1 else digitalio.DigitalInOut(_pin(name))


def _button(name):
    """Return the input of a button to ground, or None where there is none."""
    if name == -1:
        return None
    pin = digitalio.DigitalInOut(_pin(name))
    pin.switch_to_input(pull=digitalio.Pull.UP)
    return pin


def _adc(name):
    return None if name == -1 else analogio.AnalogIn(_pin(name))


def _reading_uV(adc) -> int:
    """-1: not fitted. CircuitPython scales `value` to the reference voltage."""
    return -1 if adc is None else adc.value * int(adc.reference_voltage * 1000) // 65535 * 1000
