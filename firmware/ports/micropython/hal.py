# SPDX-License-Identifier: MIT
"""The board's silicon through `machine`: thermistors, buses, watchdog, reset. No decision."""

import hashlib
import time

import machine

try:
    import esp32
except ImportError:
    esp32 = None  # an RP2's watchdog goes on in its sleep and ends it

from board_hal import BoardHal
from i2c_bus import I2CBus
from power_pins import output
from wptcore import persistence
from wptcore.compat import const

_LAST_WORDS_ms = const(100)  # what was printed needs this long to leave over USB
_I2C_TIMEOUT_us = const(10_000)  # bounds what a chip that holds the clock low can take from a pass


class Hal(BoardHal):
    """`pins`: the generated board module; `identity`: as memory.load_identity returns it;
    `power`: power_pins.PowerPins. A pin of -1 is not fitted.
    """

    can_sleep = esp32 is not None

    def __init__(self, pins, identity: dict, power):
        self._watchdog = None
        super().__init__(pins, identity, power, hashlib.sha256)

    def connect(self) -> None:
        pins = self._pins
        output(pins.I2C_POWER_PIN, 1)
        self._cable = _input(pins.CABLE_SENSE_PIN)
        self._button = _button(getattr(pins, "BUTTON_PIN", -1))
        self._lamp = output(getattr(pins, "LED_PIN", -1), 0)
        self._coil_ntc = _adc(pins.COIL_NTC_PIN)
        self._battery_ntc = _adc(pins.BATTERY_NTC_PIN)
        self.bus = _bus(pins.I2C_ID, pins.I2C_SDA, pins.I2C_SCL, pins.I2C_FREQ_Hz)
        if pins.QI == "stwbc86":
            self.qi = self._stwbc86()

    def _stwbc86(self):
        from drivers.stwbc86 import Stwbc86  # here, because other boards save its memory

        pins = self._pins
        bus = _bus(pins.TX_QI_I2C_ID, pins.TX_QI_SDA, pins.TX_QI_SCL, pins.I2C_FREQ_Hz)
        reset = output(pins.TX_RESET_PIN, 0)
        return Stwbc86(bus, self._power.coil, reset, time.sleep_ms, pins.FOD_THRESHOLD_mW)

    def reported_cause(self) -> int:
        """Return why the chip says that it started.

        A brown-out reads as a power-on on an ESP32 and an RP2040; an RP2040 calls
        `machine.reset()` a watchdog reset, and an ESP32 calls a panic what it calls that.
        """
        cause = machine.reset_cause()
        if cause == machine.WDT_RESET:
            return persistence.WATCHDOG
        return persistence.POWER_ON if cause == machine.PWRON_RESET else persistence.OTHER

    def button_is_down(self) -> bool:
        return self._button is not None and not self._button.value()

    def set_lamp(self, lit: bool) -> None:
        if self._lamp is not None:
            self._lamp.value(1 if lit else 0)

    def coil_dC(self) -> int:
        return self.temperature_dC(_reading_uV(self._coil_ntc, self._pins.NTC_SUPPLY_mV))

    def battery_dC(self) -> int:
        return self.temperature_dC(_reading_uV(self._battery_ntc, self._pins.NTC_SUPPLY_mV))

    def on_cable(self) -> bool:
        return self._cable is not None and bool(self._cable.value())

    def arm_watchdog(self) -> None:
        self._watchdog = machine.WDT(timeout=self._pins.WATCHDOG_ms)

    def feed_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.feed()

    def sleep(self, time_ms: int) -> None:
        """Sleep deeply, and start anew after that time or when a cable is plugged in."""
        self.rest()
        if self._cable is not None:
            esp32.wake_on_ext0(self._cable, esp32.WAKEUP_ANY_HIGH)
        machine.deepsleep(time_ms)

    def restart(self) -> None:
        time.sleep_ms(_LAST_WORDS_ms)
        machine.reset()


def _bus(number: int, sda: int, scl: int, freq_Hz: int):
    return I2CBus(
        machine.I2C(
            number,
            sda=machine.Pin(sda),
            scl=machine.Pin(scl),
            freq=freq_Hz,
            timeout=_I2C_TIMEOUT_us,
        )
    )


def _input(pin: int):
    return machine.Pin(pin, machine.Pin.IN) if pin >= 0 else None


def _button(pin: int):
    """Return the input of a button to ground, or None where there is none."""
    return machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP) if pin >= 0 else None


def _adc(pin: int):
    if pin < 0:
        return None
    adc = machine.ADC(machine.Pin(pin))
    if hasattr(machine.ADC, "ATTN_11DB"):
        adc.atten(machine.ADC.ATTN_11DB)  # an ESP32's widest range
    return adc


def _reading_uV(adc, supply_mV: int) -> int:
    """-1: not fitted. Where there is no read_uv(), as on RP2, the converter's full scale is the
    supply.
    """
    if adc is None:
        return -1
    read_uv = getattr(adc, "read_uv", None)
    return adc.read_u16() * supply_mV // 65535 * 1000 if read_uv is None else read_uv()
