# SPDX-License-Identifier: MIT
"""What both ports' hal.py share: meters, gauge, thermistor maths, limits, journal. No decision."""

import binascii
import math

import memory
from gauge import CountedCharge, FuelGauge
from power_meter import PowerMeter
from wptcore import calibration, ept, wire
from wptcore.fod import LossCurve
from wptcore.journal import Journal
from wptcore.limits import Limits
from wptcore.units import TEMPERATURE_UNKNOWN_dC

_FIELD_mV = 3000  # a receiver's output is either near 0 V or near 5 V
_ROLE_BITS = {"ptx": wire.PTX, "prx": wire.PRX}
_KELVIN_0_C = 273.15
_BATTERY_MIN_dC = 0  # a lithium cell is not charged below freezing
_BROKEN_dC = 2000
_OPEN_dC = -200


class BoardHal:
    """`pins`: the generated board module; `identity`: as memory.load_identity returns it;
    `bus`: busio.I2C or its like; `sha256`: of the port.
    """

    def __init__(self, pins, identity: dict, bus, sha256):
        self._pins = pins
        self._identity = identity
        self._sha256 = sha256
        self.bus = bus
        self.qi = None
        self._meters = {}
        self.capacity_mJ = identity.get("capacity_mJ", pins.CAPACITY_mJ)
        if pins.GAUGE:
            self.gauge = FuelGauge(bus, pins.GAUGE_ADDRESS)
        else:
            self.gauge = CountedCharge(self.capacity_mJ)
        self._journal = Journal(memory.load_slots(), binascii.crc32)

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
        """The rig's loss curve, or None unless `crowdcharge calibrate` stored it whole."""
        values = self._identity.get("loss_curve")
        if not values:
            return None
        whole = self._identity.get("curve_hash") == calibration.curve_hash(self._sha256, values)
        return LossCurve(*values) if whole else None

    @property
    def roles(self) -> int:
        mask = 0
        for role in self._pins.ROLES:
            mask |= _ROLE_BITS[role]
        return mask

    @property
    def saved(self):
        return self._journal.saved

    def save(self, saved) -> None:
        memory.save_slot(*self._journal.next_record(saved))

    # -- the transmitter --

    def drive_coil(self, on: bool, dt_ms: int) -> int:
        """Returns NONE, or why the Qi chip ended by itself.

        `qi` is None where a module is only switched.
        """
        if self.qi is None:
            self.set_coil(on)
            return ept.NONE
        code = self.qi.follow(on, dt_ms).ept
        return code if on else ept.NONE

    # -- sensors --

    def meter(self, received: bool):
        """Returns the meter of one side, or None where there is none.

        Raises OSError or ValueError while it does not answer.
        """
        pins = self._pins
        address = pins.RX_METER_ADDRESS if received else pins.TX_METER_ADDRESS
        if address not in self._meters:
            side = "rx" if received else "tx"
            found = self._identity.get("meters", {})
            corrections = found.get(side, (0, 0)), found.get(side + "-bus", (0, 0))
            self._meters[address] = (
                PowerMeter(self.bus, address, pins.SHUNT_uOhm, *corrections) if address else None
            )
        return self._meters[address]

    def forget_meters(self) -> None:
        """Called after an error; each meter is set up anew when it answers again."""
        self._meters.clear()

    def field_present(self) -> bool:
        """Did the last sample of the receiver's meter show a field?"""
        meter = self.meter(True)
        return meter is not None and meter.bus_mV > _FIELD_mV

    def temperature_dC(self, reading_uV: int) -> int:
        """Applies the beta equation of an NTC below a pull-up.

        An open or shorted NTC reads as far too hot, and so does one that claims to be colder than
        any bench. A reading of -1 means that none is fitted. An ESP32's converter ends at 3.1 V,
        so an open wire reads as -25 degrees and not as the supply.
        """
        if reading_uV < 0:
            return TEMPERATURE_UNKNOWN_dC
        pins = self._pins
        share = reading_uV / (pins.NTC_SUPPLY_mV * 1000)
        if not 0.001 < share < 0.999:
            return _BROKEN_dC
        resistance_Ohm = pins.NTC_PULLUP_Ohm * share / (1 - share)
        inverse_K = 1 / (25 + _KELVIN_0_C) + math.log(resistance_Ohm / pins.NTC_R25_Ohm) / (
            pins.NTC_BETA_K
        )
        found_dC = int((1 / inverse_K - _KELVIN_0_C) * 10)
        return found_dC if found_dC > _OPEN_dC else _BROKEN_dC
