# SPDX-License-Identifier: MIT
"""What the core's console commands need from a board; both ports share it."""

import os
import sys

import memory
from parts import part
from wptcore import ept
from wptcore.checks import FLOW_mW
from wptcore.compat import const
from wptcore.units import TEMPERATURE_UNKNOWN_dC, power_mW
from wptcore.wire import SOC_UNKNOWN_permille

_COLD_dC = const(-200)


class ConsoleBackend:
    """`hal`: the port's Hal; `name`: of the board; `revision`: of the firmware."""

    def __init__(self, hal, identity: dict, name: str, revision: str):
        self._hal = hal
        self.identity = identity
        self.name = name
        self.guard = hal.guard
        self.revision = revision
        self.vm = "%s-%d.%d.%d" % ((sys.implementation.name,) + sys.implementation.version[:3])
        self.compiles = hal.compiles
        self.part = part
        self.maintenance = hal.maintenance
        self.set_maintenance = memory.set_maintenance
        self.random = os.urandom
        self.limits = hal.limits
        self.capacity_mJ = hal.capacity_mJ
        self.curves = (hal.curve, hal.pair_curves)

    @property
    def watched(self) -> bool:
        return self._hal.watched

    def save_identity(self, identity: dict) -> None:
        memory.save_identity(identity)
        self.identity = identity

    def raw_sample(self, received: bool):
        """Return (shunt_uV, bus_mV, current_mA) of one conversion; only current is corrected."""
        meter = self._hal.meter(received)
        if meter is None:
            raise ValueError("missing: this board has no such meter")
        if meter.sample() != ept.NONE:
            raise ValueError("meter: overflow, or its registers were lost; try again")
        return meter.shunt_uV, meter.raw_bus_mV, meter.current_mA

    def selftest(self) -> list:
        """Return (part, finding) pairs with `result` at the end."""
        hal = self._hal
        found = [("tx_meter", self._meter(False)), ("rx_meter", self._meter(True))]
        soc_permille = hal.gauge.read_permille()
        found.append(("gauge", "silent" if soc_permille == SOC_UNKNOWN_permille else "ok"))
        for name, value_dC, max_dC in (
            ("coil", hal.coil_dC(), self.limits.coil_max_dC),
            ("battery", hal.battery_dC(), self.limits.battery_max_dC),
        ):
            if value_dC == TEMPERATURE_UNKNOWN_dC:
                found.append((name, "none"))
                continue
            found.append((name, "ok" if _COLD_dC < value_dC < max_dC else "implausible"))
            found.append((name + "_dC", value_dC))
        for dropped, count in hal.guard.drops.items():
            found.append(("dropped_" + dropped, count))
        bad = [value for _, value in found if value in ("silent", "implausible", "leaks")]
        found.append(("result", "fail" if bad else "pass"))
        return found

    def _meter(self, received: bool) -> str:
        try:
            if self._hal.meter(received) is None:
                return "none"
            _, bus_mV, current_mA = self.raw_sample(received)
        except Exception:  # noqa: BLE001 - it is what the self-test looks for
            self._hal.forget_meters()
            return "silent"
        return "leaks" if power_mW(bus_mV, abs(current_mA)) >= FLOW_mW else "ok"
