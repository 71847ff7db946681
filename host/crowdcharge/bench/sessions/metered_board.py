# SPDX-License-Identifier: MIT
"""A core on the bench's physics, with both meters and the gauge as the firmware reads them.

The firmware's own files and the unmodified drivers read the modelled chips. Modelled simply: the
switches are ideal (coil and receiver follow the core at once), thermistors read to 0.1 K, and a
pass of the loop takes no time.
"""

import runpy
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

from crowdcharge.bench.i2c import Bus
from crowdcharge.bench.i2c.cpython_busio import Busio
from crowdcharge.bench.i2c.ina219 import Ina219
from crowdcharge.bench.i2c.max17048 import CellTruth, Max17048
from crowdcharge.bench.i2c.noise import Noise
from crowdcharge.bench.physics.plant import Node, Plant
from crowdcharge.bench.physics.shunt import Shunt
from crowdcharge.bench.sessions.core_board import CoreBoard
from crowdcharge.flash import firmware_tree
from wptcore import ept
from wptcore.fod import LossCurve
from wptcore.limits import Limits

ACTIVE_ms, IDLE_ms = 15, 200  # between two passes, as firmware/ports/shared/board_loop.py has it
SHUNT_ERROR_MAX_ppm = 10_000.0  # a 1 % resistor
_GAUGE_ms = 250
_OTHER_SIDE_ms = 200
_FIELD_mV = 3000
_BATTERY_MIN_dC = 0


@cache
def _firmware(path: str) -> dict[str, Any]:
    return runpy.run_path(str(firmware_tree.root() / path))


def _limits(capacity_mJ: int) -> Limits:
    pins = _firmware("boards/virtual.py")
    return Limits(
        pins["BUS_MIN_mV"],
        pins["BUS_MAX_mV"],
        pins["CURRENT_MAX_mA"],
        pins["POWER_MAX_mW"],
        pins["COIL_MAX_dC"],
        _BATTERY_MIN_dC,
        pins["BATTERY_MAX_dC"],
        capacity_mJ,
        pins["VBUS_INTERLOCK"],
    )


class MeteredSide:
    """One side's shunt and chip, and the firmware's `PowerMeter` that reads it."""

    def __init__(self, node: Node, plant: Plant, side: str, rng: Random) -> None:
        self._node, self._plant, self._side = node, plant, side
        self._lead_s = 0.0  # how far the bus is ahead of the plant's time
        self._seen_s = 0.0
        self.shunt = Shunt(node.shunt_Ohm, error_ppm=rng.uniform(-1, 1) * SHUNT_ERROR_MAX_ppm)
        noise = Noise(rng.getrandbits(32))
        self.chip = Ina219(0x40, self._measure, self._now_us, noise)
        bus = Bus()
        bus.attach(self.chip)
        pins = _firmware("boards/virtual.py")
        power_meter = _firmware("ports/shared/ina219_meter.py")["PowerMeter"]
        self._meter = power_meter(Busio(bus, self._elapse), 0x40, pins["SHUNT_uOhm"])

    def read(self) -> tuple[int, int, int]:
        """Return (code, bus_mV, current_mA) of one conversion. OSError: the chip is silent."""
        code: int = self._meter.sample()
        return code, self._meter.bus_mV, self._meter.current_mA

    def _elapse(self, time_s: float) -> None:
        self._lead_s += time_s

    def _now_us(self) -> int:
        if self._plant.now_s > self._seen_s:
            self._lead_s = 0.0
            self._seen_s = self._plant.now_s
        return round((self._plant.now_s + self._lead_s) * 1e6)

    def _measure(self) -> tuple[int, int]:
        node = self._node
        current_A = node.tx_A if self._side == "tx" else node.rx_A
        bus_V = node.tx_bus_V if self._side == "tx" else node.rx_bus_V
        return self.shunt.voltage_uV(current_A, self._plant.now_s), round(bus_V * 1000)


class MeteredBoard(CoreBoard):
    """One pass of the loop is `step`; it is due every `period_ms`.

    `coupling`: of the pair of coils with which its rig was calibrated.
    """

    def __init__(self, node: Node, plant: Plant, coupling: float, rng: Random) -> None:
        self.node = node
        self.plant = plant
        self.meters = {side: MeteredSide(node, plant, side, rng) for side in ("tx", "rx")}
        self.chip = Max17048(self._cell, lambda: round(plant.now_s * 1e6))
        bus = Bus()
        bus.attach(self.chip)
        self._gauge = _firmware("ports/shared/gauge.py")["FuelGauge"](Busio(bus), 0x36)
        self._since_gauge_ms = _GAUGE_ms
        self._since_other_ms = self._unmetered_ms = 0
        link = replace(plant.link, linear=plant.link.linear / coupling)
        curve = LossCurve(*link.loss_curve())
        super().__init__(node.board_id, _limits(round(node.cell.capacity_J * 1000)), curve)
        self.refresh()

    @property
    def period_ms(self) -> int:
        return ACTIVE_ms if self.core.is_attentive else IDLE_ms

    def step(self, dt_ms: int) -> None:
        """Sense, decide, act, publish: BoardLoop.step without its port."""
        self._sense(dt_ms)
        self.core.on_elapsed(dt_ms)
        self.switch()
        self.publish(dt_ms)

    def switch(self) -> None:
        self.node.tx_on = self.core.pulses_on
        self.node.rx_on = self.core.receiver_on

    def _sense(self, dt_ms: int) -> None:
        self._unmetered_ms += dt_ms
        self._since_gauge_ms += dt_ms
        self._since_other_ms += dt_ms
        receiving = self.core.receiver_on
        self._read_meter("rx" if receiving else "tx")
        if self._since_other_ms >= _OTHER_SIDE_ms:
            self._read_idle_side("tx" if receiving else "rx")
        if self._since_gauge_ms >= _GAUGE_ms:
            self._since_gauge_ms = 0
            self.core.on_soc(self._gauge.read_permille())
        self.core.on_cable(self.node.cable)

    def _read_meter(self, side: str) -> None:
        try:
            code, bus_mV, current_mA = self.meters[side].read()
        except OSError:
            return  # the core ends a transfer whose samples are stale
        dt_ms, self._unmetered_ms = self._unmetered_ms, 0
        if code != ept.NONE:
            self.core.on_bad_sample(code, dt_ms)
            return
        node = self.node
        temperatures_dC = (
            round(node.coil.temperature_C * 10),
            round(node.battery.temperature_C * 10),
        )
        signed_mA = -current_mA if side == "rx" else current_mA
        self.core.on_sample(bus_mV, signed_mA, *temperatures_dC, dt_ms)

    def _read_idle_side(self, side: str) -> None:
        dt_ms, self._since_other_ms = self._since_other_ms, 0
        try:
            code, bus_mV, current_mA = self.meters[side].read()
        except OSError:
            return
        if code == ept.NONE:
            self.core.on_idle_side(bus_mV, current_mA, dt_ms)
        self.core.on_field(self.node.rx_bus_V * 1000 > _FIELD_mV)

    def _cell(self) -> CellTruth:
        node = self.node
        rate_per_h = -node.cell_A * node.ocv_V / node.cell.capacity_J * 3600
        return CellTruth(node.cell_V + node.relax_V, node.soc, rate_per_h, node.cell_A)
