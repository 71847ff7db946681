# SPDX-License-Identifier: MIT
"""The board's silicon through `machine`: enable pins, thermistors, watchdog. No decision."""

import hashlib
import time

import machine

from board_hal import BoardHal
from i2c_bus import I2CBus
from wptcore import persistence

_LAST_WORDS_ms = 100  # what was printed needs this long to leave over USB


class Hal(BoardHal):
    """`pins`: the generated board module; `identity`: as memory.load_identity returns it.

    A pin of -1 is not fitted.
    """

    def __init__(self, pins, identity: dict):
        self._coil = _output(pins.TX_ENABLE_PIN, 0)
        self._receiver = _output(pins.RX_ENABLE_PIN, 0)
        _output(pins.I2C_POWER_PIN, 1)
        self._cable = _input(pins.CABLE_SENSE_PIN)
        self._button = _button(getattr(pins, "BUTTON_PIN", -1))
        self._coil_ntc = _adc(pins.COIL_NTC_PIN)
        self._battery_ntc = _adc(pins.BATTERY_NTC_PIN)
        self._watchdog = None
        i2c = machine.I2C(
            pins.I2C_ID,
            sda=machine.Pin(pins.I2C_SDA),
            scl=machine.Pin(pins.I2C_SCL),
            freq=pins.I2C_FREQ_Hz,
        )
        super().__init__(pins, identity, I2CBus(i2c), hashlib.sha256)
        if pins.QI == "stwbc86":
            self.qi = self._stwbc86()

    def _stwbc86(self):
        from drivers.stwbc86 import Stwbc86  # here, because other boards save its memory

        pins = self._pins
        i2c = machine.I2C(
            pins.TX_QI_I2C_ID, sda=machine.Pin(pins.TX_QI_SDA), scl=machine.Pin(pins.TX_QI_SCL)
        )
        reset = _output(pins.TX_RESET_PIN, 0)
        return Stwbc86(I2CBus(i2c), self._coil, reset, time.sleep_ms, pins.FOD_THRESHOLD_mW)

    @property
    def boot_cause(self) -> int:
        """Why the chip started. A brown-out reads as a power-on on an ESP32 and an RP2040."""
        cause = machine.reset_cause()
        if cause == machine.WDT_RESET:
            return persistence.WATCHDOG
        by_hand = (machine.PWRON_RESET, getattr(machine, "HARD_RESET", machine.PWRON_RESET))
        return persistence.POWER_ON if cause in by_hand else persistence.OTHER

    def button_is_down(self) -> bool:
        return self._button is not None and not self._button.value()

    def coil_dC(self) -> int:
        return self.temperature_dC(_reading_uV(self._coil_ntc, self._pins.NTC_SUPPLY_mV))

    def battery_dC(self) -> int:
        return self.temperature_dC(_reading_uV(self._battery_ntc, self._pins.NTC_SUPPLY_mV))

    def on_cable(self) -> bool:
        return self._cable is not None and bool(self._cable.value())

    def set_coil(self, on: bool) -> None:
        """Sets only the switch; the loop uses drive_coil."""
        if self._coil is not None:
            self._coil.value(1 if on else 0)

    def set_receiver(self, on: bool) -> None:
        if self._receiver is not None:
            self._receiver.value(1 if on else 0)

    @property
    def watched(self) -> bool:
        return self._watchdog is not None

    def start_watchdog(self) -> None:
        self._watchdog = machine.WDT(timeout=self._pins.WATCHDOG_ms)

    def feed_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.feed()

    def reset(self) -> None:
        time.sleep_ms(_LAST_WORDS_ms)
        machine.reset()


def _output(pin: int, level: int):
    return machine.Pin(pin, machine.Pin.OUT, value=level) if pin >= 0 else None


def _input(pin: int):
    return machine.Pin(pin, machine.Pin.IN) if pin >= 0 else None


def _button(pin: int):
    """A button to ground."""
    return machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP) if pin >= 0 else None


def _adc(pin: int):
    return machine.ADC(machine.Pin(pin)) if pin >= 0 else None


def _reading_uV(adc, supply_mV: int) -> int:
    """-1: not fitted. Where there is no read_uv(), as on RP2, the converter's full scale is the
    supply.
    """
    if adc is None:
        return -1
    read_uv = getattr(adc, "read_uv", None)
    return adc.read_u16() * supply_mV // 65535 * 1000 if read_uv is None else read_uv()
