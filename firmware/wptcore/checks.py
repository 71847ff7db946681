# SPDX-License-Identifier: MIT
"""The one place that turns what the sensors say into declared faults."""

from wptcore import ept
from wptcore.compat import const
from wptcore.units import power_mW

FLOW_mW = const(150)  # less is no transfer: a coil without a receiver idles below it
_JUMP_mV = const(1000)
_SOC_MAX_ms = const(5000)
_SOC_KNOWN_MAX = const(1000)


class Checks:
    """`diagnosis`: diagnosis.Diagnosis, which this feeds; `limits`: limits.Limits."""

    def __init__(self, diagnosis, limits):
        self._diagnosis = diagnosis
        self._limits = limits
        self._battery_mV = 0  # 0 = not yet seen
        self._flows = False  # through the meter of `sample`, though its switch is off
        self._idle_flows = False
        self._sampled = False  # whether a sample came since `elapsed` was last called
        self._soc_age_ms = 0
        diagnosis.trip(ept.SELF_TEST)
        diagnosis.trip(ept.SOC_UNKNOWN)

    def sample(
        self,
        bus_mV: int,
        current_mA: int,
        coil_dC: int,
        battery_dC: int,
        dt_ms: int,
        on_battery: bool,
        switch_on: bool,
    ) -> None:
        """`on_battery`: the transmitter's meter; `switch_on`: its switch is on."""
        limits, diagnosis = self._limits, self._diagnosis
        flowing = power_mW(bus_mV, abs(current_mA)) >= FLOW_mW
        hot = limits.coil_is_hot(coil_dC, diagnosis.stands(ept.OVER_TEMPERATURE))
        off = limits.battery_is_off(battery_dC, diagnosis.stands(ept.BATTERY_TEMPERATURE))
        self._sampled = True
        diagnosis.observe(ept.METER_OVERFLOW, False, dt_ms)
        diagnosis.observe(ept.METER_CALIBRATION, False, dt_ms)
        diagnosis.observe(ept.METER_STUCK, False, dt_ms)
        diagnosis.observe(ept.OVER_TEMPERATURE, hot, dt_ms)
        diagnosis.observe(ept.BATTERY_TEMPERATURE, off, dt_ms)
        diagnosis.observe(ept.OVER_VOLTAGE, bus_mV > limits.bus_max_mV, dt_ms)
        diagnosis.observe(ept.OVER_CURRENT, abs(current_mA) > limits.current_max_mA, dt_ms)
        if diagnosis.stands(ept.SELF_TEST):  # once after boot
            diagnosis.observe(ept.SELF_TEST, flowing, dt_ms)
        self._flows = flowing and not switch_on
        if self._flows:
            diagnosis.observe(ept.STUCK_SWITCH, True, dt_ms)
        elif not self._idle_flows:
            diagnosis.observe(ept.STUCK_SWITCH, False, dt_ms)
        if on_battery:
            jump = self._battery_mV != 0 and abs(bus_mV - self._battery_mV) > _JUMP_mV
            diagnosis.observe(ept.METER_JUMP, jump, dt_ms)
            diagnosis.observe(ept.UNDER_VOLTAGE, bus_mV < limits.bus_min_mV, dt_ms)
            self._battery_mV = bus_mV

    def idle_side(self, bus_mV: int, current_mA: int, dt_ms: int) -> None:
        """Take a sample of the other meter, whose switch is off; it is sampled less often."""
        self._idle_flows = power_mW(bus_mV, abs(current_mA)) >= FLOW_mW
        if self._idle_flows:
            self._diagnosis.observe(ept.STUCK_SWITCH, True, dt_ms)

    @property
    def leaks(self) -> bool:
        """Does power flow where none may, or is a meter silent, so that nobody knows?"""
        return self._flows or self._idle_flows or self._diagnosis.stands(ept.METER_STALE)

    def bad_sample(self, code: int, dt_ms: int) -> None:
        """Note that the meter answered without a measurement."""
        self._diagnosis.observe(code, True, dt_ms)

    def soc_seen(self) -> None:
        """Note that the gauge has answered."""
        self._soc_age_ms = 0

    def soc(self, soc_permille: int) -> None:
        """Take the charge as charge.Charge judges it."""
        if self._soc_age_ms <= _SOC_MAX_ms:
            self._diagnosis.observe(ept.SOC_UNKNOWN, soc_permille > _SOC_KNOWN_MAX, 0)

    def elapsed(self, dt_ms: int) -> None:
        """Notices when samples or states of charge have stopped coming."""
        self._diagnosis.observe(ept.METER_STALE, not self._sampled, dt_ms)
        self._sampled = False
        self._soc_age_ms += dt_ms
        if self._soc_age_ms > _SOC_MAX_ms:
            self._diagnosis.observe(ept.SOC_UNKNOWN, True, dt_ms)
