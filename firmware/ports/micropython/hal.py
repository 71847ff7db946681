# SPDX-License-Identifier: MIT
"""The board's silicon: meters, gauge, thermistors, enable pins, watchdog, flash. No decision."""

import binascii
import hashlib
import math
import time

import machine
import storage
from gauge import CountedCharge, FuelGauge
from i2c_bus import I2CBus
from power_meter import PowerMeter
from wptcore import calibration, wire
from wptcore.fod import LossCurve
from wptcore.journal import Journal
from wptcore.limits import Limits

_FIELD_mV = 3000  # a receiver's output is either near 0 V or near 5 V
_ROLE_BITS = {"ptx": wire.PTX, "prx": wire.PRX}
_KELVIN_0_C = 273.15
_BATTERY_MIN_dC = 0  # a lithium cell is not charged below freezing
_LAST_WORDS_ms = 100  # until what was printed has left over USB


class Hal:
    """`pins`: the generated board module; `identity`: as storage.load_identity returns it.

    A pin of -1 is not fitted.
    """

    def __init__(self, pins, identity: dict):
        self._pins = pins
        self._identity = identity
        self._coil = _output(pins.TX_ENABLE_PIN, 0)
        self._receiver = _output(pins.RX_ENABLE_PIN, 0)
        _output(pins.I2C_POWER_PIN, 1)
        self._cable = _input(pins.CABLE_SENSE_PIN)
        self._coil_adc = _adc(pins.COIL_NTC_PIN)
        self._battery_adc = _adc(pins.BATTERY_NTC_PIN)
        self.bus = I2CBus(
            machine.I2C(
                pins.I2C_ID,
                sda=machine.Pin(pins.I2C_SDA),
                scl=machine.Pin(pins.I2C_SCL),
                freq=pins.I2C_FREQ_Hz,
            )
        )
        self._meters = {}
        self.capacity_mJ = identity.get("capacity_mJ", pins.CAPACITY_mJ)
        if pins.GAUGE:
            self.gauge = FuelGauge(self.bus, pins.GAUGE_ADDRESS)
        else:
            self.gauge = CountedCharge(self.capacity_mJ)
        self._journal = Journal(storage.load_slots(), binascii.crc32)
        self._watchdog = None

    # -- what the board is --

    @property
    def limits(self) -> Limits:
        pins = self._pins
        return Limits(
            pins.BUS_MIN_mV,
            pins.BUS_MAX_mV,
            pins.CURRENT_MAX_mA,
            pins.POWER_MAX_mW,
            pins.COIL_MAX_dC,
            _BATTERY_MIN_dC,
            pins.BATTERY_MAX_dC,
            self.capacity_mJ,
        )

    @property
    def curve(self):
        """The rig's loss curve as `crowdcharge calibrate` stored it, or None without a whole one."""
        values = self._identity.get("loss_curve")
        if not values:
            return None
        whole = self._identity.get("curve_hash") == calibration.curve_hash(hashlib.sha256, values)
        return LossCurve(*values) if whole else None

    @property
    def short_boot(self) -> bool:
        """The last run was ended by the watchdog or a brown-out."""
        return machine.reset_cause() == machine.WDT_RESET

    @property
    def roles(self) -> int:
        mask = 0
        for role in self._pins.ROLES:
            mask |= _ROLE_BITS[role]
        return mask

    @property
    def saved(self):
        return self._journal.saved

    # -- in --

    def meter(self, received: bool):
        """The meter of one side or None; OSError or ValueError while it does not answer."""
        pins = self._pins
        address = pins.RX_METER_ADDRESS if received else pins.TX_METER_ADDRESS
        if address not in self._meters:
            correction = self._identity.get("meters", {}).get("rx" if received else "tx", (0, 0))
            self._meters[address] = (
                PowerMeter(self.bus, address, pins.SHUNT_uOhm, *correction) if address else None
            )
        return self._meters[address]

    def forget_meters(self) -> None:
        """After an error: they are set up anew when they answer again."""
        self._meters.clear()

    def field_present(self) -> bool:
        meter = self.meter(True)
        if meter is None:
            return False
        meter.sample()
        return meter.bus_mV > _FIELD_mV

    def coil_dC(self) -> int:
        return self._temperature_dC(self._coil_adc)

    def battery_dC(self) -> int:
        return self._temperature_dC(self._battery_adc)

    def on_cable(self) -> bool:
        return self._cable is not None and bool(self._cable.value())

    def _temperature_dC(self, adc) -> int:
        """Beta equation of an NTC below a pull-up; an open sensor reads as far too hot."""
        if adc is None:
            return 250
        pins = self._pins
        share = adc.read_u16() / 65535
        if not 0.001 < share < 0.999:
            return 2000
        resistance_Ohm = pins.NTC_PULLUP_Ohm * share / (1 - share)
        inverse_K = 1 / (25 + _KELVIN_0_C) + math.log(resistance_Ohm / pins.NTC_R25_Ohm) / (
            pins.NTC_BETA_K
        )
        return int((1 / inverse_K - _KELVIN_0_C) * 10)

    # -- out --

    def set_coil(self, on: bool) -> None:
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

    def save(self, saved) -> None:
        storage.save_slot(*self._journal.next_record(saved))

    def reset(self) -> None:
        time.sleep_ms(_LAST_WORDS_ms)
        machine.reset()


def _output(pin: int, level: int):
    return machine.Pin(pin, machine.Pin.OUT, value=level) if pin >= 0 else None


def _adc(pin: int):
    return machine.ADC(machine.Pin(pin)) if pin >= 0 else None


def _input(pin: int):
    return machine.Pin(pin, machine.Pin.IN) if pin >= 0 else None
