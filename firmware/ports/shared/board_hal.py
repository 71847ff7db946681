# SPDX-License-Identifier: MIT
"""What both ports' hal.py share: meters, gauge, thermistor maths, limits, journal. No decision."""

import binascii
import math

import memory
from gauge import CountedCharge, FuelGauge
from guard import Guard
from wptcore import calibration, ept, wire
from wptcore.compat import const
from wptcore.fod import LossCurve
from wptcore.journal import Journal
from wptcore.limits import Limits
from wptcore.units import TEMPERATURE_UNKNOWN_dC

_FIELD_mV = const(3000)  # a receiver's output is either near 0 V or near 5 V
_ROLE_BITS = {"ptx": wire.PTX, "prx": wire.PRX}
_KELVIN_0_C = 273.15
_BATTERY_MIN_dC = const(0)  # a lithium cell is not charged below freezing
_BROKEN_dC = const(2000)
# A divider reads 0.92 at -22 C. An open one reads 1, or 0.93 where the ADC ends at 3.1 V (ESP32).
_SHARE_MIN, _SHARE_MAX = 0.001, 0.92


class BoardHal:
    """`pins`: the generated board module; `identity`: as memory.load_identity returns it;
    `power`: power_pins.PowerPins; `sha256`: of the port.

    A port's Hal adds:

    connect()            sets `bus`, and `qi` where a Qi chip is fitted; first use of the silicon
    reported_cause()     why the chip says that it started: persistence.POWER_ON and its like
    arm_watchdog()       raises where that fails
    feed_watchdog()
    coil_dC(), battery_dC(), on_cable(), button_is_down()
    set_lamp(lit)        the LED, where one is fitted
    restart()
    sleep(time_ms)       only where `can_sleep`: like restart(), with the chip dark in between
    """

    can_sleep = False
    compiles = False  # are its files sources, so that loading one takes long?

    def __init__(self, pins, identity: dict, power, sha256):
        self._pins = pins
        self._identity = identity
        self._power = power
        self._sha256 = sha256
        self.guard = Guard()
        self.maintenance = memory.in_maintenance()
        # A watchdog cannot be stopped, and copying files takes longer than it waits. Otherwise it
        # comes before every part that can hang.
        self.watched = not self.maintenance and self.guard.attempt("watchdog", self.arm_watchdog)
        self.bus: object = None
        self.qi = None
        self._tries_break = False
        self.connected = self.guard.attempt("bus", self.connect)
        # A board saves the memory of the other chip's module.
        self._meter = __import__(pins.METER + "_meter").PowerMeter
        self._meters = {}
        self.capacity_mJ = identity.get("capacity_mJ", pins.CAPACITY_mJ)
        if pins.GAUGE:
            self.gauge = FuelGauge(self.bus, pins.GAUGE_ADDRESS)
        else:
            self.gauge = CountedCharge(self.capacity_mJ)
        self._journal = Journal(memory.load_slots(), binascii.crc32)
        self.boot_cause = self._boot_cause()

    # -- what the board is --

    @property
    def limits(self) -> Limits:
        pins = self._pins
        limits = Limits(
            pins.BUS_MIN_mV,
            pins.BUS_MAX_mV,
            pins.CURRENT_MAX_mA,
            pins.POWER_MAX_mW,
            pins.COIL_MAX_dC,
            _BATTERY_MIN_dC,
            pins.BATTERY_MAX_dC,
            self.capacity_mJ,
            pins.VBUS_INTERLOCK,
        )
        limits.tighten(self._identity.get("profile", {}))
        return limits

    @property
    def curve(self):
        """The rig's loss curve, or None unless `crowdcharge calibrate` stored it whole."""
        values = self._identity.get("loss_curve")
        return self._whole(values, self._identity.get("curve_hash")) if values else None

    @property
    def pair_curves(self) -> tuple:
        """((board, loss curve of both coils), ...) of those that are stored whole."""
        stored = self._identity.get("pair_curves", {})
        pairs = [(int(peer), self._whole(row[:4], row[4])) for peer, row in stored.items()]
        return tuple(pair for pair in pairs if pair[1] is not None)

    def _whole(self, values, curve_hash):
        whole = curve_hash == calibration.curve_hash(self._sha256, values)
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
        """Raise OSError (MicroPython) or RuntimeError (CircuitPython) when the flash refuses."""
        slot, record = self._journal.next_record(saved)
        try:
            memory.save_slot(slot, record)
        except Exception:
            self._journal.not_written()
            raise

    def _boot_cause(self) -> int:
        """Return what was noted before the reset, else what the chip says."""
        note = None
        try:
            note = memory.take_reset_note()
        except Exception:  # noqa: BLE001 - flash that fails must not keep the board from starting
            self.guard.drop("storage")
        return self.reported_cause() if note is None else note

    def reset(self) -> None:
        """Restart with the switches off; the journal says that somebody asked for it."""
        self._power.off()
        self.restart()

    def rest(self) -> None:
        """Switch off what lets power flow and what draws it; the start to come is no failure."""
        self._power.off()
        memory.note_reset(memory.ASKED)
        for meter in self._meters.values():
            if meter is not None:
                self.guard.attempt("meter", meter.rest)

    # -- the switches --

    def set_coil(self, on: bool) -> None:
        """Set only the switch; the loop uses drive_coil."""
        self._power.set_coil(on)

    def set_receiver(self, on: bool) -> None:
        self._power.set_receiver(on)

    def pulse(self) -> None:
        self._power.pulse()

    def close_first_break(self) -> None:
        """Close the first break while the second is open; without a fault nothing flows."""
        self._tries_break = True
        if self.qi is None:
            self.set_coil(True)
        else:
            self.qi.wake()

    def drive_coil(self, on: bool, dt_ms: int) -> int:
        """Return NONE, or why the Qi chip ended by itself.

        `qi` is None where a module is only switched.
        """
        if self.qi is None:
            self.set_coil(on)
            return ept.NONE
        try:
            if self._tries_break and not on:
                self.qi.disable()
            self._tries_break = False
            code = self.qi.follow(on, dt_ms).ept
        except Exception:  # noqa: BLE001 - a chip that fails in any way has lost its supply
            self.set_coil(False)
            self.guard.drop("qi")
            return ept.INTERNAL_FAULT
        return code if on else ept.NONE

    # -- sensors --

    def meter(self, received: bool):
        """Return the meter of one side, or None where there is none.

        Raises OSError or ValueError while it does not answer.
        """
        pins = self._pins
        address = pins.RX_METER_ADDRESS if received else pins.TX_METER_ADDRESS
        if address not in self._meters:
            side = "rx" if received else "tx"
            found = self._identity.get("meters", {})
            corrections = found.get(side, (0, 0)), found.get(side + "-bus", (0, 0))
            self._meters[address] = (
                self._meter(self.bus, address, pins.SHUNT_uOhm, *corrections) if address else None
            )
        return self._meters[address]

    def forget_meters(self) -> None:
        """Forget the meters after an error: each is set up anew when it answers again."""
        self._meters.clear()

    def field_present(self) -> bool:
        """Did the last sample of the receiver's meter show a field?"""
        meter = self.meter(True)
        return meter is not None and meter.bus_mV > _FIELD_mV

    def temperature_dC(self, reading_uV: int) -> int:
        """Apply the beta equation of an NTC below a pull-up.

        An open or shorted NTC reads as far too hot, and so does one that claims to be colder than
        any bench. A reading of -1 means that none is fitted. An ESP32's converter ends at 3.1 V,
        so an open wire reads as -25 degrees and not as the supply.
        """
        if reading_uV < 0:
            return TEMPERATURE_UNKNOWN_dC
        pins = self._pins
        share = reading_uV / (pins.NTC_SUPPLY_mV * 1000)
        if not _SHARE_MIN < share < _SHARE_MAX:
            return _BROKEN_dC
        resistance_Ohm = pins.NTC_PULLUP_Ohm * share / (1 - share)
        inverse_K = 1 / (25 + _KELVIN_0_C) + math.log(resistance_Ohm / pins.NTC_R25_Ohm) / (
            pins.NTC_BETA_K
        )
        return int((1 / inverse_K - _KELVIN_0_C) * 10)
